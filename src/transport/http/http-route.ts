import type { Socket } from "node:net";
import { Readable } from "node:stream";
import type { Client, Dispatcher } from "undici";
import { loaded } from "../../base/load.js";
import { messageOf } from "../../errors.js";
import { LARGE_BYTES, PIECE_BYTES } from "../../wire/limits.js";
import { type Dialling, dial } from "../dial.js";
import { plainProxyFor, type ResolvedProxy } from "../proxy/proxy.js";
import type { TransportSettings } from "../settings/settings.js";
import { makeLastingGuest } from "../socket-group.js";
import type { Sink } from "../transport.js";

/** A connection from the moment it is dialled. */
interface Connection {
  /** While it is being made. */
  dialling: Dialling | undefined;
  /** `undefined` as long as there is none, so that nothing of a request can have left. */
  socket: Socket | undefined;
  /** Why it was not made, or what it broke with; undici tells of some breaks only that there was one. */
  failure: unknown;
  /** Whether it has carried an answer. */
  answered: boolean;
}

/**
 * The way to one origin: at most one connection, made when a request needs one and kept for the next, straight there,
 * through a tunnel, or to a proxy that passes plain HTTP on.
 *
 * @param sink gets `dialing` and `dialed` for each connection
 * @throws OpAMPError when the proxy settings cannot be used
 */
export async function routeTo(url: URL, settings: TransportSettings, sink: Sink): Promise<HttpRoute> {
  // Loaded on demand: a WebSocket user does not pay for it.
  const [undici, proxy] = await Promise.all([loaded("undici", import("undici")), plainProxyFor(url, settings)]);
  return new HttpRoute(undici, url, proxy, settings, sink);
}

export class HttpRoute {
  /** The last one, which may be gone. */
  connection: Connection | undefined;
  readonly url: URL;
  readonly #proxy: ResolvedProxy | undefined;
  readonly #settings: TransportSettings;
  readonly #client: Client;
  #sink: Sink | undefined;

  constructor(
    { Client }: typeof import("undici"),
    url: URL,
    proxy: ResolvedProxy | undefined,
    settings: TransportSettings,
    sink: Sink,
  ) {
    this.url = url;
    this.#proxy = proxy;
    this.#settings = settings;
    this.#sink = sink;
    this.#client = new Client((proxy?.url ?? url).origin, {
      // The core has the deadlines.
      headersTimeout: 0,
      bodyTimeout: 0,
      pipelining: 1,
      connect: (_options, callback) => {
        this.#connect().then(
          (socket) => callback(null, socket),
          (cause: unknown) => callback(cause instanceof Error ? cause : new Error(messageOf(cause)), null),
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
    const response = await this.#client.request({ method: "POST", path, headers, body: sent });
    if (this.connection !== undefined) this.connection.answered = true;
    return response;
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
    const connection: Connection = { dialling, socket: undefined, failure: undefined, answered: false };
    this.connection = connection;
    this.#sink?.dialing();
    const socket = await dialling.socket.catch((cause: unknown) => {
      connection.failure = cause;
      throw cause;
    });
    connection.dialling = undefined;
    connection.socket = socket;
    if (!this.#settings.keepAlive) makeLastingGuest(socket);
    socket.on("error", (cause) => {
      connection.failure ??= cause;
    });
    this.#sink?.dialed();
    return socket;
  }
}
