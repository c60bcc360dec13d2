import type { ClientRequest, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { ClientOptions, RawData, WebSocket } from "ws";
import { loaded } from "../../base/load.js";
import { OpAMPError } from "../../errors.js";
import { frame, unframe } from "../../wire/codec.js";
import { LARGE_BYTES, tooLarge } from "../../wire/limits.js";
import { AnswerStart } from "../answer-start.js";
import { MIN_COMPRESSED_BYTES, readStart } from "../content-coding.js";
import { dial as dialTo } from "../dial.js";
import { afterRedirect, dialFailed, statusRefused } from "../explain/connect-error.js";
import { bodyTells } from "../explain/explain-status.js";
import { closedHere, ended } from "../loss.js";
import { Credentials } from "../settings/headers.js";
import type { TransportSettings } from "../settings/settings.js";
import { CLOSE_NOW, type Loss, OVERDUE, type Sink, type Transport } from "../transport.js";
import { type Hop, redirected } from "../url/redirect.js";
import { closeOn, type Dial, type DialStage, lose, newDial, pingOn, sendSlowly } from "./websocket-dial.js";
import { closedBy, overdueIn } from "./websocket-loss.js";

/** How long a server that has said Close may leave the TCP connection open. */
const LINGER_MS = 5_000;
/** ws reads limits as 32-bit numbers, and a negative one as none. */
const MAX_LIMIT_BYTES = 2 ** 31 - 1;
/** No state is kept from one message to the next, which would cost memory on every idle link. */
const DEFLATE = { clientNoContextTakeover: true, serverNoContextTakeover: true };

/** OpAMP over WebSocket: each payload is one binary message behind a zero byte (WS-01, WS-02). */
export class WebSocketTransport implements Transport {
  readonly duplex = true;
  readonly name = "websocket";
  readonly #settings: TransportSettings;
  readonly #credentials: Credentials;
  #dial: Dial | undefined;

  constructor(settings: TransportSettings) {
    this.#settings = settings;
    this.#credentials = new Credentials(settings.headers, settings.authorization);
  }

  /** How far the last dial got; it stays after the end. */
  get stage(): DialStage {
    return this.#dial?.stage ?? "dialling";
  }

  open(sink: Sink): void {
    const dial = newDial(sink, this.#settings.url);
    this.#dial = dial;
    void this.#begin(dial).catch((error: unknown) => this.#fail(dial, dialFailed(error, dial.url)));
  }

  send(payload: Uint8Array): void {
    const message = frame(payload);
    const { maxSendBytes, compression } = this.#settings;
    if (message.length > maxSendBytes) throw tooLarge("send", message.length, maxSendBytes);
    const compress = compression && message.length >= MIN_COMPRESSED_BYTES;
    const dial = this.#dial;
    if (dial?.socket === undefined) return;
    const waitingBytes = message.length + dial.socket.bufferedAmount;
    if (dial.outbox !== undefined || waitingBytes >= LARGE_BYTES) sendSlowly(dial, dial.socket, message, compress);
    else dial.socket.send(message, { binary: true, compress });
  }

  ping(): void {
    if (this.#dial !== undefined) pingOn(this.#dial);
  }

  close(code: number, reason: string): void {
    const dial = this.#dial;
    if (dial === undefined) return;
    // Before it is open there is nobody to shake hands with.
    if (dial.stage === "open" && code !== CLOSE_NOW) return closeOn(dial, code, reason);
    const overdue = reason === OVERDUE && dial.stage !== "open" ? ended(overdueIn(dial)) : undefined;
    dial.dialling?.destroy();
    dial.socket?.terminate();
    if (overdue === undefined) lose(dial, closedHere(code, reason));
    else this.#fail(dial, overdue);
  }

  async #begin(dial: Dial): Promise<void> {
    // Loaded on demand: an HTTP user does not pay for it.
    const [given, ws] = await Promise.all([this.#credentials.resolve(), loaded("ws", import("ws"))]);
    await this.#ask(dial, { url: dial.url, redirects: 0 }, given, ws);
  }

  /** Makes a connection and asks for the upgrade. */
  async #ask(dial: Dial, hop: Hop, given: Record<string, string>, ws: typeof import("ws")): Promise<void> {
    if (dial.over) return;
    const { url } = hop;
    dial.url = url;
    dial.stage = "dialling";
    dial.dialling = dialTo(url, this.#settings);
    const connection = await dial.dialling.socket;
    dial.dialling = undefined;
    if (dial.over) return void connection.destroy();
    dial.connection = connection;
    dial.stage = "asked";
    const away = url.origin !== this.#settings.url.origin;
    const socket = new ws.WebSocket(url, this.#options(dial, connection, away ? {} : given));
    dial.socket = socket;
    socket.once("unexpected-response", (_request, response) => {
      void this.#refused(dial, hop, response)
        .then((next) => next && this.#ask(dial, next, given, ws))
        .catch((error: unknown) => this.#fail(dial, dialFailed(error, dial.url)));
    });
    this.#listen(dial, socket);
  }

  #options(dial: Dial, connection: Socket, headers: Record<string, string>): ClientOptions & { closeTimeout: number } {
    const start = new AnswerStart(connection);
    return {
      headers,
      createConnection: () => connection,
      perMessageDeflate: DEFLATE,
      followRedirects: false,
      maxPayload: Math.min(this.#settings.maxReceiveBytes, MAX_LIMIT_BYTES),
      closeTimeout: LINGER_MS,
      finishRequest: (request: ClientRequest) => {
        // On the request, which is soon gone, and not on the socket, which may stay for weeks.
        request.prependOnceListener("upgrade", () => {
          dial.stage = "answered";
          start.release();
        });
        request.end();
      },
    };
  }

  /** For the life of the link: nothing of its beginning must hang on to these. */
  #listen(dial: Dial, socket: WebSocket): void {
    socket.on("open", () => {
      dial.stage = "open";
      socket.removeAllListeners("unexpected-response");
      if (!dial.over) dial.sink.opened();
    });
    socket.on("message", (data, isBinary) => receive(dial, data, isBinary));
    // One that a redirect has put aside is not heard.
    socket.on("error", (error) => {
      if (dial.socket === socket) dial.failure = error;
    });
    socket.on("close", (code, reason) => {
      if (dial.socket === socket) this.#fail(dial, closedBy(dial, code, reason, this.#settings.maxReceiveBytes));
    });
  }

  /** The upgrade was answered with something else than 101. @returns where to go on, if that was a redirect */
  async #refused(dial: Dial, hop: Hop, response: IncomingMessage): Promise<Hop | undefined> {
    const { clock, url } = this.#settings;
    const { statusCode = 0, headers } = response;
    dial.stage = "answered";
    const start = bodyTells(statusCode) ? await readStart(response) : undefined;
    const refused = dial.socket;
    dial.socket = undefined;
    refused?.terminate();
    const next = redirected(hop, statusCode, headers.location, this.#settings);
    if (next !== undefined && !(next instanceof OpAMPError)) return next;
    const loss = next === undefined ? statusRefused(statusCode, headers, hop.url, clock.wallNow(), start) : ended(next);
    this.#fail(dial, this.#credentials.judge(loss, hop.url.origin !== url.origin));
    return undefined;
  }

  /** An open link is where it was led to, and need not tell of that. */
  #fail(dial: Dial, loss: Loss): void {
    lose(dial, dial.stage === "open" ? loss : afterRedirect(loss, this.#settings.url, dial.url));
  }
}

function receive(dial: Dial, data: RawData, isBinary: boolean): void {
  const { sink } = dial;
  dial.isQuiet = false;
  if (dial.over) return;
  if (!isBinary || !Buffer.isBuffer(data)) {
    sink.malformed(new OpAMPError("ERR_OPAMP_MALFORMED", "the server sent a text message; OpAMP uses binary ones"));
    return;
  }
  const unframed = unframe(data);
  if (unframed.ok) sink.payload(unframed.payload);
  else sink.malformed(unframed.error);
}
