import type { ClientRequest, IncomingMessage } from "node:http";
import type { RawData, WebSocket } from "ws";
import { OpAMPError } from "../errors.js";
import { tooLarge } from "../wire/limits.js";
import { frame, unframe } from "../wire/ws-frame.js";
import { brokeOff, connectFailed, statusRefused } from "./connect-error.js";
import { resolveHeaders } from "./headers.js";
import type { TransportSettings } from "./settings.js";
import { CLOSE_NOW, type Loss, type Sink, type Transport } from "./transport.js";

/** One dialled connection: the sink it reports to, and whether that sink has heard the end. */
interface Dial {
  sink: Sink;
  socket: WebSocket | undefined;
  opened: boolean;
  failure: unknown;
  over: boolean;
}

/** OpAMP over WebSocket: each payload is one binary message behind a zero byte (WS-01, WS-02). */
export class WebSocketTransport implements Transport {
  readonly duplex = true;
  readonly #settings: TransportSettings;
  #dial: Dial | undefined;

  constructor(settings: TransportSettings) {
    this.#settings = settings;
  }

  open(sink: Sink): void {
    const dial: Dial = { sink, socket: undefined, opened: false, failure: undefined, over: false };
    this.#dial = dial;
    void this.#connect(dial).catch((error: unknown) => lose(dial, failedBefore(error, this.#settings.url)));
  }

  send(payload: Uint8Array): void {
    const message = frame(payload);
    const { maxSendBytes } = this.#settings;
    if (message.length > maxSendBytes) throw tooLarge("send", message.length, maxSendBytes);
    this.#dial?.socket?.send(message, { binary: true });
  }

  close(code: number, reason: string): void {
    const dial = this.#dial;
    if (dial === undefined) return;
    if (code === CLOSE_NOW) {
      lose(dial, brokeOff(undefined, this.#settings.url));
      dial.socket?.terminate();
    } else dial.socket?.close(code, reason);
  }

  async #connect(dial: Dial): Promise<void> {
    const { url, headers, authorization, maxReceiveBytes, keepAlive } = this.#settings;
    // Loaded on demand, so that whoever polls over HTTP does not pay for it.
    const [resolved, ws] = await Promise.all([resolveHeaders(headers, authorization), import("ws")]);
    if (dial.over) return;
    const socket = new ws.WebSocket(url, {
      headers: resolved,
      perMessageDeflate: false,
      followRedirects: false,
      maxPayload: maxReceiveBytes,
      finishRequest: (request: ClientRequest) => {
        if (!keepAlive) request.once("socket", (tcp) => tcp.unref());
        request.end();
      },
    });
    const { sink } = dial;
    dial.socket = socket;
    socket.on("open", () => {
      dial.opened = true;
      if (!dial.over) sink.opened();
    });
    socket.on("message", (data, isBinary) => {
      if (!dial.over) receive(sink, data, isBinary);
    });
    socket.on("error", (error) => {
      dial.failure = error;
    });
    socket.on("unexpected-response", (_request, response) => this.#refused(dial, socket, response));
    socket.on("close", (code, reason) => lose(dial, this.#closed(dial, code, reason)));
  }

  #refused(dial: Dial, socket: WebSocket, response: IncomingMessage): void {
    lose(dial, statusRefused(response.statusCode ?? 0, response.headers, this.#settings.url, Date.now()));
    response.resume();
    socket.terminate();
  }

  #closed(dial: Dial, code: number, reason: Buffer): Loss {
    const { url } = this.#settings;
    if (code !== CLOSE_NOW) {
      const text = reason.length === 0 ? "" : `: ${reason.toString("utf8")}`;
      const error = new OpAMPError("ERR_OPAMP_CLOSED", `${url.host} closed the connection (${code})${text}`);
      return { error, fate: "unknown", orderly: true, throttled: false };
    }
    return dial.opened ? brokeOff(dial.failure, url) : connectFailed(dial.failure, url);
  }
}

function receive(sink: Sink, data: RawData, isBinary: boolean): void {
  if (!isBinary || !Buffer.isBuffer(data)) {
    sink.malformed(new OpAMPError("ERR_OPAMP_MALFORMED", "the server sent a text message; OpAMP uses binary ones"));
    return;
  }
  const unframed = unframe(data);
  if (unframed.ok) sink.payload(unframed.payload);
  else sink.malformed(unframed.error);
}

function lose(dial: Dial, loss: Loss): void {
  if (dial.over) return;
  dial.over = true;
  dial.sink.lost(loss);
}

function failedBefore(error: unknown, url: URL): Loss {
  if (!(error instanceof OpAMPError)) return connectFailed(error, url);
  return { error, fate: "unsent", orderly: true, throttled: false };
}
