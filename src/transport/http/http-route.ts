import type { Socket } from "node:net";
import type { Client, Dispatcher } from "undici";
import { messageOf, type OpAMPError } from "../../errors.js";
import { type Dialling, dial } from "../dial.js";
import { dialOverdue, notLoaded } from "../loss.js";
import { plainProxyFor, type ResolvedProxy } from "../proxy/proxy.js";
import type { TransportSettings } from "../settings/settings.js";
import { makeLastingGuest } from "../socket-group.js";
import type { Sink } from "../transport.js";

type Undici = typeof import("undici");

/**
 * The way to one origin: at most one connection, made when a request needs one and kept for the next, straight there,
 * through a tunnel, or to a proxy that passes plain HTTP on.
 *
 * @param sink gets `dialing` and `dialed` for each connection
 * @throws OpAMPError when the proxy settings cannot be used
 */
export async function routeTo(url: URL, settings: TransportSettings, sink: Sink): Promise<HttpRoute> {
  const [undici, proxy] = await Promise.all([loadUndici(), plainProxyFor(url, settings)]);
  return new HttpRoute(undici, url, proxy, settings, sink);
}

/** Loaded on demand: a WebSocket user does not pay for it. */
function loadUndici(): Promise<Undici> {
  return import("undici").catch((cause: unknown) => {
    throw notLoaded("undici", cause);
  });
}

/** A connection from the moment it is dialled. */
interface Connection {
  dialling: Dialling;
  socket: Socket | undefined;
  /** Why it was not made, or what it broke with; undici tells of some breaks only that there was one. */
  failure: unknown;
  answered: boolean;
}

export class HttpRoute {
  readonly origin: string;
  readonly #url: URL;
  /** Not the server but a proxy before it gets the requests. */
  readonly #proxy: ResolvedProxy | undefined;
  readonly #client: Client;
  readonly #settings: TransportSettings;
  readonly #sink: Sink;
  #connection: Connection | undefined;
  #over = false;

  constructor(undici: Undici, url: URL, proxy: ResolvedProxy | undefined, settings: TransportSettings, sink: Sink) {
    this.origin = url.origin;
    this.#url = url;
    this.#proxy = proxy;
    this.#settings = settings;
    this.#sink = sink;
    this.#client = new undici.Client((proxy?.url ?? url).origin, {
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

  /** Why no connection came about, so that nothing of the request can have left; `undefined` when there was one. */
  get dialFailure(): { cause: unknown } | undefined {
    const connection = this.#connection;
    return connection?.socket === undefined ? { cause: connection?.failure } : undefined;
  }

  /** Why the connection that is being made takes too long; `undefined` when none is. */
  get overdue(): OpAMPError | undefined {
    const connection = this.#connection;
    if (connection === undefined || connection.socket !== undefined) return undefined;
    return dialOverdue(connection.dialling, this.#url);
  }

  /** Whether the connection has carried an answer. */
  get answered(): boolean {
    return this.#connection?.answered === true;
  }

  /** What the connection itself broke with. */
  get broken(): unknown {
    return this.#connection?.failure;
  }

  async post(url: URL, headers: Record<string, string>, body: Uint8Array): Promise<Dispatcher.ResponseData> {
    const proxy = this.#proxy;
    let path = `${url.pathname}${url.search}`;
    if (proxy !== undefined) {
      path = `${url.origin}${path}`;
      Object.assign(headers, proxy.headers, { host: url.host });
    }
    const response = await this.#client.request({ method: "POST", path, headers, body });
    if (this.#connection !== undefined) this.#connection.answered = true;
    return response;
  }

  /** Cuts whatever is under way. */
  end(): void {
    this.#over = true;
    void this.#client.destroy().catch(() => undefined);
    this.#connection?.dialling.destroy();
  }

  async #connect(): Promise<Socket> {
    const dialling = dial(this.#url, this.#settings);
    const connection: Connection = { dialling, socket: undefined, failure: undefined, answered: false };
    this.#connection = connection;
    if (!this.#over) this.#sink.dialing();
    const socket = await dialling.socket.catch((cause: unknown) => {
      connection.failure = cause;
      throw cause;
    });
    connection.socket = socket;
    if (!this.#settings.keepAlive) makeLastingGuest(socket);
    socket.on("error", (cause) => {
      connection.failure ??= cause;
    });
    if (!this.#over) this.#sink.dialed();
    return socket;
  }
}
