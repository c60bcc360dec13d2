import type { ClientRequest } from "node:http";
import type { ClientOptions, RawData, WebSocket } from "ws";
import { messageOf, OpAMPError } from "../errors.js";
import { tooLarge } from "../wire/limits.js";
import { frame, unframe } from "../wire/ws-frame.js";
import { brokeOff, closedHere, dialFailed, ended, statusRefused } from "./connect-error.js";
import { makeGuest } from "./guest-socket.js";
import { resolveHeaders } from "./headers.js";
import type { TransportSettings } from "./settings.js";
import { CLOSE_NOW, type Loss, type Sink, type Transport } from "./transport.js";

/** How long a server that has said Close may leave the TCP connection open. */
const LINGER_MS = 5_000;

/** One dialled connection: the sink it reports to, and whether that sink has heard the end. */
interface Dial {
  sink: Sink;
  socket: WebSocket | undefined;
  /** Whether the server has answered the upgrade, and with a proper handshake. */
  stage: "dialling" | "answered" | "open";
  failure: unknown;
  over: boolean;
}

/** OpAMP over WebSocket: each payload is one binary message behind a zero byte (WS-01, WS-02). */
export class WebSocketTransport implements Transport {
  readonly duplex = true;
  readonly name = "websocket";
  readonly #settings: TransportSettings;
  #dial: Dial | undefined;

  constructor(settings: TransportSettings) {
    this.#settings = settings;
  }

  open(sink: Sink): void {
    const dial: Dial = { sink, socket: undefined, stage: "dialling", failure: undefined, over: false };
    this.#dial = dial;
    void this.#connect(dial).catch((error: unknown) => {
      const own = error instanceof OpAMPError;
      lose(dial, own ? { ...ended(error), fate: "unsent" } : dialFailed(error, this.#settings.url));
    });
  }

  send(payload: Uint8Array): void {
    const message = frame(payload);
    const { maxSendBytes } = this.#settings;
    if (message.length > maxSendBytes) throw tooLarge("send", message.length, maxSendBytes);
    this.#dial?.socket?.send(message, { binary: true });
  }

  ping(): void {
    this.#dial?.socket?.ping();
  }

  close(code: number, reason: string): void {
    const dial = this.#dial;
    if (dial === undefined) return;
    // Before it is open there is nobody to shake hands with.
    if (dial.stage === "open" && code !== CLOSE_NOW) return dial.socket?.close(code, reason);
    lose(dial, closedHere(code, reason));
    dial.socket?.terminate();
  }

  async #connect(dial: Dial): Promise<void> {
    const { url, headers, authorization, maxReceiveBytes, keepAlive } = this.#settings;
    // Loaded on demand, so that whoever polls over HTTP does not pay for it.
    const [resolved, ws] = await Promise.all([resolveHeaders(headers, authorization), import("ws")]);
    if (dial.over) return;
    const options: ClientOptions & { closeTimeout: number } = {
      headers: resolved,
      perMessageDeflate: false,
      followRedirects: false,
      maxPayload: maxReceiveBytes,
      closeTimeout: LINGER_MS,
      finishRequest: (request: ClientRequest) => {
        // On the request, which is soon gone, and not on the socket, which may stay for weeks.
        request.prependOnceListener("upgrade", () => {
          dial.stage = "answered";
        });
        if (!keepAlive) request.once("socket", makeGuest);
        request.end();
      },
    };
    const socket = new ws.WebSocket(url, options);
    dial.socket = socket;
    socket.on("open", () => {
      dial.stage = "open";
      if (!dial.over) dial.sink.opened();
    });
    socket.on("message", (data, isBinary) => {
      if (!dial.over) receive(dial.sink, data, isBinary);
    });
    for (const sign of ["ping", "pong"] as const) {
      socket.on(sign, () => {
        if (!dial.over) dial.sink.alive();
      });
    }
    socket.on("error", (error) => {
      dial.failure = error;
    });
    socket.on("unexpected-response", (_request, { statusCode, headers }) => {
      lose(dial, statusRefused(statusCode ?? 0, headers, url, Date.now()));
      socket.terminate();
    });
    socket.on("close", (code, reason) => lose(dial, this.#closed(dial, code, reason)));
  }

  #closed({ stage, failure }: Dial, code: number, reason: Buffer): Loss {
    const { url, maxReceiveBytes } = this.#settings;
    if (code !== CLOSE_NOW) {
      const text = reason.length === 0 ? "" : `: ${reason.toString("utf8")}`;
      return ended(new OpAMPError("ERR_OPAMP_CLOSED", `${url.host} closed the connection (${code})${text}`));
    }
    switch (stage) {
      case "dialling":
        return dialFailed(failure, url);
      case "answered": {
        const text = `${url.host}${url.pathname} does not shake hands: ${messageOf(failure)}`;
        return ended(new OpAMPError("ERR_OPAMP_NOT_OPAMP", text, { cause: failure }));
      }
      case "open":
        return protocolBreach(failure, maxReceiveBytes) ?? brokeOff(failure, url);
      default:
        return stage satisfies never;
    }
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

/** What made ws itself end the link: a message over the limit (SIZE-03), or frames that are none. */
function protocolBreach(failure: unknown, maxReceiveBytes: number): Loss | undefined {
  if (!(failure instanceof Error) || !("code" in failure) || typeof failure.code !== "string") return undefined;
  if (!failure.code.startsWith("WS_ERR_")) return undefined;
  if (failure.code.endsWith("_LENGTH") && failure.code.startsWith("WS_ERR_UNSUPPORTED_")) {
    return ended(tooLarge("receive", undefined, maxReceiveBytes));
  }
  const text = `the server does not keep to the WebSocket protocol: ${failure.message}`;
  return ended(new OpAMPError("ERR_OPAMP_MALFORMED", text, { cause: failure }));
}

function lose(dial: Dial, loss: Loss): void {
  if (dial.over) return;
  dial.over = true;
  dial.sink.lost(loss);
}
