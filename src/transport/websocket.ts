import type { ClientRequest, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { ClientOptions, RawData, WebSocket } from "ws";
import { loaded } from "../base/load.js";
import { codeOf, messageOf, OpAMPError } from "../errors.js";
import { frame, unframe } from "../wire/codec.js";
import { LARGE_BYTES, tooLarge } from "../wire/limits.js";
import { MIN_COMPRESSED_BYTES, readStart } from "./content-coding.js";
import { type Dialling, dial as dialTo } from "./dial.js";
import { afterRedirect, brokeOff, dialFailed, handshakeFailed, statusRefused } from "./explain/connect-error.js";
import { bodyTells } from "./explain/explain-status.js";
import { closedHere, dialOverdue, ended, headersOverdue, upgradeOverdue } from "./loss.js";
import { Credentials } from "./settings/headers.js";
import type { TransportSettings } from "./settings/settings.js";
import { CLOSE_NOW, type Loss, OVERDUE, type Sink, type Transport } from "./transport.js";
import { type Hop, redirected } from "./url/redirect.js";
import { WebSocketOutbox } from "./websocket-outbox.js";

/** How long a server that has said Close may leave the TCP connection open. */
const LINGER_MS = 5_000;
/** ws reads limits as 32-bit numbers, and a negative one as none. */
const MAX_LIMIT_BYTES = 2 ** 31 - 1;
/** What came is larger than the other side takes (RFC 6455, 7.4.1). */
const CLOSE_TOO_BIG = 1009;
/** No state is kept from one message to the next, which would cost memory on every idle link. */
const DEFLATE = { clientNoContextTakeover: true, serverNoContextTakeover: true };

/**
 * How far a dial has got: TCP and TLS under way; the upgrade asked for; answered, with 101 or something else; open.
 */
export type DialStage = "dialling" | "asked" | "answered" | "open";

/** One dial, over as many redirects as it takes: the sink it reports to, and whether that sink has heard the end. */
interface Dial {
  sink: Sink;
  /** The connection that is being made. */
  dialling: Dialling | undefined;
  connection: Socket | undefined;
  socket: WebSocket | undefined;
  /** For as long as a large message is leaving. */
  outbox: WebSocketOutbox | undefined;
  url: URL;
  stage: DialStage;
  failure: unknown;
  /** The number in the last ping. */
  pings: number;
  /** Nothing whole has come since then. */
  isQuiet: boolean;
  over: boolean;
}

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
    const { url } = this.#settings;
    const dial: Dial = {
      sink,
      dialling: undefined,
      connection: undefined,
      socket: undefined,
      outbox: undefined,
      url,
      stage: "dialling",
      failure: undefined,
      pings: 0,
      isQuiet: false,
      over: false,
    };
    this.#dial = dial;
    void this.#begin(dial).catch((error: unknown) => this.#fail(dial, dialFailed(error, dial.url)));
  }

  send(payload: Uint8Array): void {
    const message = frame(payload);
    const { maxSendBytes, compression } = this.#settings;
    if (message.length > maxSendBytes) throw tooLarge("send", message.length, maxSendBytes);
    const compress = compression && message.length >= MIN_COMPRESSED_BYTES;
    const dial = this.#dial;
    const socket = dial?.socket;
    if (dial === undefined || socket === undefined) return;
    if (dial.outbox === undefined && message.length + socket.bufferedAmount >= LARGE_BYTES) {
      dial.outbox = outboxOf(dial, socket);
    }
    if (dial.outbox !== undefined) dial.outbox.send(message, compress);
    else socket.send(message, { binary: true, compress });
  }

  ping(): void {
    const dial = this.#dial;
    if (dial?.socket === undefined) return;
    // Listened for when first asked for, since most links never need it.
    if (dial.socket.listenerCount("pong") === 0) watch(dial, dial.socket);
    dial.pings += 1;
    const data = String(dial.pings);
    dial.isQuiet = true;
    if (dial.outbox === undefined) return dial.socket.ping(data);
    dial.outbox.ping(data);
    // What it proves must wait for its turn; a sign of life must not.
    dial.socket.ping();
  }

  close(code: number, reason: string): void {
    const dial = this.#dial;
    if (dial === undefined) return;
    // Before it is open there is nobody to shake hands with.
    if (dial.stage === "open" && code !== CLOSE_NOW) {
      return dial.outbox === undefined ? dial.socket?.close(code, reason) : dial.outbox.close(code, reason);
    }
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
    socket.on("message", (data, isBinary) => {
      dial.isQuiet = false;
      if (!dial.over) receive(dial.sink, data, isBinary);
    });
    // One that a redirect has put aside is not heard.
    socket.on("error", (error) => {
      if (dial.socket === socket) dial.failure = error;
    });
    socket.on("close", (code, reason) => {
      if (dial.socket === socket) this.#fail(dial, this.#closed(dial, code, reason));
    });
  }

  /** The upgrade was answered with something else than 101. @returns where to go on, if that was a redirect */
  async #refused(dial: Dial, hop: Hop, response: IncomingMessage): Promise<Hop | undefined> {
    const { maxRedirects, clock, url } = this.#settings;
    const { statusCode = 0, headers } = response;
    dial.stage = "answered";
    const start = bodyTells(statusCode) ? await readStart(response) : undefined;
    const refused = dial.socket;
    dial.socket = undefined;
    refused?.terminate();
    const next = redirected(hop, statusCode, headers.location, maxRedirects);
    if (next !== undefined && !(next instanceof OpAMPError)) return next;
    const loss = next === undefined ? statusRefused(statusCode, headers, hop.url, clock.wallNow(), start) : ended(next);
    this.#fail(dial, this.#credentials.judge(loss, hop.url.origin !== url.origin));
    return undefined;
  }

  /** An open link is where it was led to, and need not tell of that. */
  #fail(dial: Dial, loss: Loss): void {
    lose(dial, dial.stage === "open" ? loss : afterRedirect(loss, this.#settings.url, dial.url));
  }

  #closed({ stage, failure, url }: Dial, code: number, reason: Buffer): Loss {
    if (code !== CLOSE_NOW) {
      const why = reason.length === 0 ? "" : `: ${reason.toString("utf8")}`;
      const text = `${url.host} closed the connection (${code})${why}`;
      if (code === CLOSE_TOO_BIG) return { ...ended(new OpAMPError("ERR_OPAMP_TOO_LARGE", text)), fate: "refused" };
      return ended(new OpAMPError("ERR_OPAMP_CLOSED", text));
    }
    switch (stage) {
      case "dialling":
      case "asked":
        return dialFailed(failure, url);
      case "answered":
        return handshakeFailed(failure, url);
      case "open":
        return protocolBreach(failure, this.#settings.maxReceiveBytes) ?? brokeOff(failure, url);
      default:
        return stage satisfies never;
    }
  }
}

/** What a dial that took too long was waiting for. */
function overdueIn({ dialling, url, stage }: Dial): OpAMPError {
  if (dialling !== undefined) return dialOverdue(dialling, url);
  return stage === "dialling" ? headersOverdue() : upgradeOverdue(url);
}

function watch(dial: Dial, socket: WebSocket): void {
  // Part of a large message proves life as well as a pong, which cannot overtake it.
  dial.connection?.on("data", () => {
    if (dial.isQuiet && !dial.over) dial.sink.progress();
    dial.isQuiet = false;
  });
  socket.on("ping", () => {
    if (!dial.over) dial.sink.alive();
  });
  // One that was not asked for, or is for an earlier ping, proves less.
  socket.on("pong", (data) => {
    dial.isQuiet = false;
    if (dial.over) return;
    if (data.toString() === String(dial.pings)) dial.sink.pong();
    else dial.sink.alive();
  });
}

function outboxOf(dial: Dial, socket: WebSocket): WebSocketOutbox {
  return new WebSocketOutbox(
    socket,
    () => {
      if (!dial.over) dial.sink.progress();
    },
    () => {
      dial.outbox = undefined;
    },
  );
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

/** What made ws itself end the link: a message over the limit (SIZE-03), or invalid frames. */
function protocolBreach(failure: unknown, maxReceiveBytes: number): Loss | undefined {
  const code = codeOf(failure);
  if (code === undefined) return undefined;
  if (code.startsWith("WS_ERR_UNSUPPORTED_") && code.endsWith("_LENGTH")) {
    return ended(tooLarge("receive", undefined, maxReceiveBytes));
  }
  if (!code.startsWith("WS_ERR_") && !code.startsWith("Z_")) return undefined;
  const text = `the server does not keep to the WebSocket protocol: ${messageOf(failure)}`;
  return ended(new OpAMPError("ERR_OPAMP_MALFORMED", text, { cause: failure }));
}

function lose(dial: Dial, loss: Loss): void {
  if (dial.over) return;
  dial.over = true;
  dial.sink.lost(loss);
}
