import type { Socket } from "node:net";
import { OpAMPError } from "../errors.js";
import { isDirect, proxyFor, type ResolvedProxy } from "./proxy/proxy.js";
import { proxyUnreachable } from "./proxy/proxy-error.js";
import { proxyPort } from "./proxy/proxy-url.js";
import { tunnelByConnect, tunnelBySocks } from "./proxy/tunnel.js";
import type { DialSettings } from "./settings/settings.js";
import type { TlsOptions } from "./settings/tls-options.js";
import { givenUp, makeGuest, makeLastingGuest, SocketGroup } from "./socket-group.js";
import type { PreparedTls } from "./tls/tls.js";
import { hostOf, isSecure, portOf } from "./url/host.js";

/** A connection that is being made, or has been. */
export interface Dialling {
  /**
   * The socket, ready for HTTP. Rejects with an OpAMPError (`ERR_OPAMP_TLS`, `ERR_OPAMP_PROXY`, `ERR_OPAMP_OPTION`), or
   * with what Node says of the server's own connection.
   */
  readonly socket: Promise<Socket>;
  /** What is being waited for: the network, a proxy that has yet to make its connection, or the TLS handshake. */
  readonly awaited: "network" | "tls" | ResolvedProxy;
  /** Ends whatever is under way, or the socket; safe at any time and again. A promise that is still open rejects. */
  destroy(): void;
}

/**
 * Makes a connection to a URL's host: TCP, or a proxy's tunnel, with TLS on top where the scheme is wss or https. No time
 * limit of its own: the caller ends what takes too long.
 *
 * An http URL behind an HTTP proxy gets the connection to that proxy, for a request in absolute form; {@link proxyFor}
 * tells when that is so.
 */
export function dial(url: URL, settings: DialSettings): Dialling {
  const isPlain = !isSecure(url.protocol) && isDirect(url, settings.proxy);
  return isPlain ? dialPlain(url, settings) : dialByStages(url, settings);
}

/** The usual case, with no more left lying about than a socket and a promise: thousands may be dialled at a time. */
function dialPlain(url: URL, { keepAlive }: DialSettings): Dialling {
  const group = new SocketGroup();
  const socket = group.connect(hostOf(url), portOf(url), keepAlive).catch((error: unknown) => {
    throw group.over ? givenUp() : error;
  });
  // A caller that has given up does not handle the rejection.
  socket.catch(() => undefined);
  return { socket, awaited: "network", destroy: () => group.end() };
}

function dialByStages(url: URL, settings: DialSettings): Dialling {
  const group = new SocketGroup();
  let giveUp: (error: OpAMPError) => void = () => undefined;
  const ended = new Promise<never>((_resolve, reject) => {
    giveUp = reject;
  });
  const waits: Waits = { for: "network" };
  const made = make(url, settings, group, waits).catch((error: unknown) => {
    group.end();
    throw error;
  });
  const socket = Promise.race([made, ended]);
  // A caller that has given up does not handle the rejection.
  socket.catch(() => undefined);
  return {
    socket,
    get awaited() {
      return waits.for;
    },
    destroy() {
      group.end();
      giveUp(givenUp());
    },
  };
}

interface Waits {
  for: Dialling["awaited"];
}

async function make(url: URL, settings: DialSettings, group: SocketGroup, waits: Waits): Promise<Socket> {
  // Read before anything is dialled: a file that is missing need not cost the server a connection.
  const [proxy, tls] = await Promise.all([
    proxyFor(url, settings),
    isSecure(url.protocol) ? prepared("tls", settings.tls) : undefined,
  ]);
  if (proxy !== undefined) waits.for = proxy;
  const base =
    proxy === undefined
      ? await group.connect(hostOf(url), portOf(url), settings.keepAlive)
      : await through(proxy, url, settings, group);
  if (tls !== undefined) waits.for = "tls";
  const socket = tls === undefined ? base : await secured(base, hostOf(url), tls, group);
  if (!settings.keepAlive) makeGuest(socket);
  return socket;
}

async function through(proxy: ResolvedProxy, url: URL, settings: DialSettings, group: SocketGroup): Promise<Socket> {
  const base = await reach(proxy, settings, group);
  switch (proxy.kind) {
    case "http":
      if (url.protocol !== "http:") await tunnelByConnect(base, proxy, `${url.hostname}:${portOf(url)}`);
      return base;
    case "socks":
      await tunnelBySocks(base, proxy, hostOf(url), portOf(url));
      return base;
    default:
      return proxy.kind satisfies never;
  }
}

/** A connection to the proxy itself. */
async function reach(proxy: ResolvedProxy, settings: DialSettings, group: SocketGroup): Promise<Socket> {
  const own = typeof settings.proxy === "object" && settings.proxy.tls !== undefined;
  const tls = proxy.secure ? await prepared(own ? "proxy.tls" : "tls", proxy.tls) : undefined;
  const host = hostOf(proxy.url);
  try {
    const base = await group.connect(host, proxyPort(proxy.url), settings.keepAlive);
    if (!settings.keepAlive) makeLastingGuest(base);
    return tls === undefined ? base : await secured(base, host, tls, group);
  } catch (cause) {
    throw cause instanceof OpAMPError ? cause : proxyUnreachable(proxy, cause);
  }
}

// Loaded on demand: a client without TLS does not pay for it.
async function prepared(where: string, options: TlsOptions | undefined): Promise<PreparedTls> {
  const { prepareTls } = await import("./tls/tls.js");
  return prepareTls(where, options);
}

async function secured(base: Socket, host: string, tls: PreparedTls, group: SocketGroup): Promise<Socket> {
  const { startTls } = await import("./tls/tls.js");
  return startTls(base, host, tls, group);
}
