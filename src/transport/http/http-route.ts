import type { Socket } from "node:net";
import { Readable } from "node:stream";
import type { Client, Dispatcher } from "undici";
import { codeOf, isError, messageOf } from "../../errors.js";
import { LARGE_BYTES, PIECE_BYTES } from "../../wire/limits.js";
import { AnswerStart } from "../answer-start.js";
import { type Dialling, dial } from "../dial.js";
import { HANG_UPS } from "../explain/explain-network.js";
import { plainProxyFor, type ResolvedProxy } from "../proxy/proxy.js";
import type { DialSettings } from "../settings/settings.js";
import { makeLastingGuest } from "../socket-group.js";
import type { Sink } from "../transport.js";
import { loadUndici, type Undici } from "../undici.js";

/**
 * How long an idle connection is kept where the server does not say: longer than most agents wait between two polls. A
 * server that closes it sooner costs nothing.
 */
const KEEP_IDLE_MS = 3_600_000;

/** A connection from the moment it is dialled. */
interface Connection {
  /** While it is being made. */
  dialling: Dialling | undefined;
  /** `undefined` as long as there is none, so that nothing of a request can have left. */
  socket: Socket | undefined;
  /** Why it was not made, or what it broke with; undici tells of some breaks only that there was one. */
  failure: unknown;
  /** What is awaited from it, from when it is there. */
  start: AnswerStart | undefined;
  /** Whether it has carried an answer. */
  answered: boolean;
}

/**
 * The way to one origin: at most one connection, made when a request needs one and kept for the next, straight there,
 * through a tunnel, or to a proxy that passes plain HTTP on.
 *
 * @param sink gets `dialing` and `dialed` for each connection, if anybody has to know
 * @throws OpAMPError when the proxy settings cannot be used
 */
export async function routeTo(url: URL, settings: DialSettings, sink?: Sink): Promise<HttpRoute> {
  // Loaded on demand: a WebSocket user does not pay for it.
  const [undici, proxy] = await Promise.all([loadUndici(), plainProxyFor(url, settings)]);
  return new HttpRoute(undici, url, proxy, settings, sink);
}

export class HttpRoute {
  /** The last one, which may be gone. */
  connection: Connection | undefined;
  readonly url: URL;
  readonly #proxy: ResolvedProxy | undefined;
  readonly #settings: DialSettings;
  readonly #client: Client;
  readonly #request: Undici["request"];
  #sink: Sink | undefined;

  constructor(
    { Client, request }: Undici,
    url: URL,
    proxy: ResolvedProxy | undefined,
    settings: DialSettings,
    sink: Sink | undefined,
  ) {
    this.url = url;
    this.#proxy = proxy;
    this.#settings = settings;
    this.#sink = sink;
    this.#request = request;
    this.#client = new Client((proxy?.url ?? url).origin, {
      // The core has the deadlines.
      headersTimeout: 0,
      bodyTimeout: 0,
      pipelining: 1,
      keepAliveTimeout: KEEP_IDLE_MS,
      keepAliveMaxTimeout: KEEP_IDLE_MS,
      connect: (_options, callback) => {
        this.#connect().then(
          (socket) => callback(null, socket),
          (cause: unknown) => callback(isError(cause) ? cause : new Error(messageOf(cause)), null),
        );
      },
    });
  }

  async post(url: URL, headers: Record<string, string>, body: Uint8Array): Promise<Dispatcher.ResponseData> {
    let path = `${url.pathname}${url.search}`;
    if (this.#proxy !== undefined) {
      path = `${url.origin}${path}`;
      Object.assign(headers, this.#proxy.headers, { host: url.host });
    }
    const isLarge = body.length >= LARGE_BYTES;
    if (isLarge) headers["content-length"] = String(body.length);
    const sent = isLarge ? Readable.from(this.#pieces(body), { highWaterMark: 1 }) : body;
    this.connection?.start?.expect();
    const response = await this.#request.call(this.#client, { method: "POST", path, headers, body: sent });
    if (this.connection !== undefined) this.connection.answered = true;
    return response;
  }

  /**
   * Whether the last request met a connection that the other side had closed, as any may that is kept: it carried an
   * answer before, and nothing came for this one.
   */
  get isStale(): boolean {
    const { answered = false, start, socket, failure } = this.connection ?? {};
    const isHungUp = failure === undefined || HANG_UPS.includes(codeOf(failure) ?? "");
    return answered && start?.isHeard === false && socket?.destroyed === true && isHungUp;
  }

  /** Cuts whatever is under way. */
  end(): void {
    this.#sink = undefined;
    void this.#client.destroy().catch(() => undefined);
    this.connection?.dialling?.destroy();
    this.connection?.socket?.destroy();
  }

  /** A large body, each piece once the one before has left. */
  *#pieces(body: Uint8Array): Generator<Uint8Array> {
    for (let at = 0; at < body.length; at += PIECE_BYTES) {
      yield body.subarray(at, at + PIECE_BYTES);
      this.#sink?.progress();
    }
  }

  async #connect(): Promise<Socket> {
    const dialling = dial(this.url, this.#settings);
    const connection: Connection = {
      dialling,
      socket: undefined,
      failure: undefined,
      start: undefined,
      answered: false,
    };
    this.connection = connection;
    this.#sink?.dialing();
    const socket = await dialling.socket.catch((cause: unknown) => {
      connection.failure = cause;
      throw cause;
    });
    connection.dialling = undefined;
    connection.socket = socket;
    connection.start = new AnswerStart(socket);
    if (!this.#settings.keepAlive) makeLastingGuest(socket);
    socket.on("error", (cause) => {
      connection.failure ??= cause;
    });
    this.#sink?.dialed();
    return socket;
  }
}
