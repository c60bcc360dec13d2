import type { Socket } from "node:net";
import type { Dispatcher } from "undici";
import { messageOf } from "../../errors.js";
import { type Dialling, dial } from "../dial.js";
import { loaded } from "../loss.js";
import { plainProxyFor } from "../proxy/proxy.js";
import type { TransportSettings } from "../settings/settings.js";
import { makeLastingGuest } from "../socket-group.js";
import type { Sink } from "../transport.js";

/** A connection from the moment it is dialled. */
interface Connection {
  dialling: Dialling;
  /** `undefined` as long as there is none, so that nothing of a request can have left. */
  socket: Socket | undefined;
  /** Why it was not made, or what it broke with; undici tells of some breaks only that there was one. */
  failure: unknown;
  /** Whether it has carried an answer. */
  answered: boolean;
}

export type HttpRoute = Awaited<ReturnType<typeof routeTo>>;

/**
 * The way to one origin: at most one connection, made when a request needs one and kept for the next, straight there,
 * through a tunnel, or to a proxy that passes plain HTTP on.
 *
 * @param sink gets `dialing` and `dialed` for each connection
 * @throws OpAMPError when the proxy settings cannot be used
 */
export async function routeTo(url: URL, settings: TransportSettings, sink: Sink) {
  // Loaded on demand: a WebSocket user does not pay for it.
  const [{ Client }, proxy] = await Promise.all([loaded("undici", import("undici")), plainProxyFor(url, settings)]);
  let last: Connection | undefined;
  let over = false;
  const client = new Client((proxy?.url ?? url).origin, {
    // The core has the deadlines.
    headersTimeout: 0,
    bodyTimeout: 0,
    pipelining: 1,
    connect: (_options, callback) => {
      connect().then(
        (socket) => callback(null, socket),
        (cause: unknown) => callback(cause instanceof Error ? cause : new Error(messageOf(cause)), null),
      );
    },
  });

  async function connect(): Promise<Socket> {
    const dialling = dial(url, settings);
    const connection: Connection = { dialling, socket: undefined, failure: undefined, answered: false };
    last = connection;
    if (!over) sink.dialing();
    const socket = await dialling.socket.catch((cause: unknown) => {
      connection.failure = cause;
      throw cause;
    });
    connection.socket = socket;
    if (!settings.keepAlive) makeLastingGuest(socket);
    socket.on("error", (cause) => {
      connection.failure ??= cause;
    });
    if (!over) sink.dialed();
    return socket;
  }

  return {
    origin: url.origin,
    /** The last one, which may be gone. */
    get connection(): Connection | undefined {
      return last;
    },
    async post(url: URL, headers: Record<string, string>, body: Uint8Array): Promise<Dispatcher.ResponseData> {
      let path = `${url.pathname}${url.search}`;
      if (proxy !== undefined) {
        path = `${url.origin}${path}`;
        Object.assign(headers, proxy.headers, { host: url.host });
      }
      const response = await client.request({ method: "POST", path, headers, body });
      if (last !== undefined) last.answered = true;
      return response;
    },
    /** Cuts whatever is under way. */
    end(): void {
      over = true;
      void client.destroy().catch(() => undefined);
      last?.dialling.destroy();
    },
  };
}
