import type { Socket } from "node:net";
import type { buildConnector, Client, Dispatcher } from "undici";
import { MAX_TIMER_MS } from "../../base/time.js";
import { messageOf, type OpAMPError } from "../../errors.js";
import { type Dialling, dial } from "../dial.js";
import { dialOverdue } from "../overdue.js";
import { plainProxyFor, type ResolvedProxy } from "../proxy/proxy.js";
import type { TransportSettings } from "../settings/settings.js";
import { makeLastingGuest } from "../socket/guest-socket.js";

type Undici = typeof import("undici");

/** A timer that is told to wait longer fires at once. */

/**
 * The way to one origin: at most one connection, made when a request needs one and kept for the next, straight there,
 * through a tunnel, or to a proxy that passes plain HTTP on.
 *
 * @throws OpAMPError when the proxy settings cannot be used
 */
export async function routeTo(url: URL, settings: TransportSettings): Promise<HttpRoute> {
  // Loaded on demand, so that whoever uses WebSocket does not pay for it.
  const [undici, proxy] = await Promise.all([import("undici"), plainProxyFor(url, settings)]);
  return new HttpRoute(undici, url, proxy, settings);
}

export class HttpRoute {
  readonly origin: string;
  /** Not the server but a proxy before it gets the requests. */
  readonly proxy: ResolvedProxy | undefined;
  readonly #url: URL;
  readonly #client: Client;
  readonly #settings: TransportSettings;
  /** The connection that is being made, and the one in use. */
  #dialling: Dialling | undefined;
  #socket: Socket | undefined;
  #connected = false;
  #answered = false;
  #failure: unknown;
  #broken: unknown;

  constructor(undici: Undici, url: URL, proxy: ResolvedProxy | undefined, settings: TransportSettings) {
    this.origin = url.origin;
    this.proxy = proxy;
    this.#url = url;
    this.#settings = settings;
    const { headersMs, bodyMs } = settings.timeouts;
    this.#client = new undici.Client((proxy?.url ?? url).origin, {
      headersTimeout: undiciMs(headersMs),
      bodyTimeout: undiciMs(bodyMs),
      pipelining: 1,
      connect: (_options, callback) => this.#connect(url, callback),
    });
  }

  /** Why no connection came about, so that nothing of the request can have left; `undefined` when there was one. */
  get dialFailure(): { cause: unknown } | undefined {
    return this.#connected ? undefined : { cause: this.#failure };
  }

  /** Why the connection that is being made takes too long; `undefined` when none is. */
  get overdue(): OpAMPError | undefined {
    return this.#dialling && dialOverdue(this.#dialling, this.#url);
  }

  /** Whether the connection has carried an answer. */
  get answered(): boolean {
    return this.#answered;
  }

  /** What the connection itself broke with; undici tells of some breaks only that there was one. */
  get broken(): unknown {
    return this.#broken;
  }

  /** An answer came over the connection. */
  heard(): void {
    this.#answered = true;
  }

  post(url: URL, headers: Record<string, string>, body: Uint8Array): Promise<Dispatcher.ResponseData> {
    const { proxy } = this;
    let path = `${url.pathname}${url.search}`;
    if (proxy !== undefined) {
      path = `${url.origin}${path}`;
      Object.assign(headers, proxy.headers, { host: url.host });
    }
    return this.#client.request({ method: "POST", path, headers, body });
  }

  /** Cuts whatever is under way. */
  end(): void {
    void this.#client.destroy().catch(() => undefined);
    this.#dialling?.destroy();
    this.#socket?.destroy();
  }

  #connect(url: URL, callback: buildConnector.Callback): void {
    this.#connected = false;
    this.#answered = false;
    this.#failure = undefined;
    this.#broken = undefined;
    this.#dial(url).then(
      (socket) => {
        this.#connected = true;
        if (!this.#settings.keepAlive) makeLastingGuest(socket);
        socket.on("error", (cause) => {
          if (this.#socket === socket) this.#broken ??= cause;
        });
        callback(null, socket);
      },
      (cause: unknown) => {
        this.#failure = cause;
        callback(cause instanceof Error ? cause : new Error(messageOf(cause)), null);
      },
    );
  }

  async #dial(url: URL): Promise<Socket> {
    const { timeouts } = this.#settings;
    const dialling = dial(url, this.#settings);
    this.#dialling = dialling;
    let isLate = false;
    const timer =
      timeouts.connectMs <= MAX_TIMER_MS
        ? setTimeout(() => {
            isLate = true;
            dialling.destroy();
          }, timeouts.connectMs).unref()
        : undefined;
    try {
      this.#socket = await dialling.socket;
      return this.#socket;
    } catch (cause) {
      if (!isLate) throw cause;
      throw dialOverdue(dialling, url);
    } finally {
      this.#dialling = undefined;
      clearTimeout(timer);
    }
  }
}

/** Whole milliseconds, 0 for no limit; undici looks twice a second. */
function undiciMs(ms: number): number {
  return ms <= MAX_TIMER_MS ? Math.max(1, Math.round(ms)) : 0;
}
