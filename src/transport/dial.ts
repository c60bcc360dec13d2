import type { Socket } from "node:net";
import { OpAMPError } from "../errors.js";
import { isDirect, proxyFor, type ResolvedProxy } from "./proxy/proxy.js";
import { proxyUnreachable } from "./proxy/proxy-error.js";
import { tunnelByConnect, tunnelBySocks } from "./proxy/tunnel.js";
import type { DialSettings } from "./settings/settings.js";
import type { TlsOptions } from "./settings/tls-options.js";
import { givenUp, makeGuest, makeLastingGuest, SocketGroup } from "./socket-group.js";
import { hostOf, isSecure, portOf } from "./url/endpoint.js";

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
  const socket = group.connect(hostOf(url), portOf(url), keepAlive);
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
  let awaited: Dialling["awaited"] = "network";
  const tellAwaited = (next: Dialling["awaited"]): void => {
    awaited = next;
  };
  const made = make(url, settings, group, tellAwaited).catch((error: unknown) => {
    group.end();
    throw error;
  });
  const socket = Promise.race([made, ended]);
  // A caller that has given up does not handle the rejection.
  socket.catch(() => undefined);
  return {
    socket,
    get awaited() {
      return awaited;
    },
    destroy() {
      group.end();
      giveUp(givenUp());
    },
  };
}

async function make(
  url: URL,
  settings: DialSettings,
  group: SocketGroup,
  tellAwaited: (next: Dialling["awaited"]) => void,
): Promise<Socket> {
  // Read before anything is dialled: a file that is missing need not cost the server a connection.
  const [proxy, secure] = await Promise.all([
    proxyFor(url, settings),
    isSecure(url.protocol) ? prepared("tls", settings.tls, group) : undefined,
  ]);
  let socket: Socket;
  if (proxy === undefined) {
    socket = await group.connect(hostOf(url), portOf(url), settings.keepAlive);
  } else {
    tellAwaited(proxy);
    socket = await through(proxy, url, settings, group);
  }
  if (secure !== undefined) {
    tellAwaited("tls");
    socket = await secure(socket, hostOf(url));
  }
  if (!settings.keepAlive) makeGuest(socket);
  return socket;
}

async function through(proxy: ResolvedProxy, url: URL, settings: DialSettings, group: SocketGroup): Promise<Socket> {
  const base = await reach(proxy, settings, group);
  if (proxy.kind === "socks") await tunnelBySocks(base, proxy, hostOf(url), portOf(url));
  else if (url.protocol !== "http:") await tunnelByConnect(base, proxy, `${url.hostname}:${portOf(url)}`);
  return base;
}

/** A connection to the proxy itself. */
async function reach(proxy: ResolvedProxy, settings: DialSettings, group: SocketGroup): Promise<Socket> {
  const own = typeof settings.proxy === "object" && settings.proxy.tls !== undefined;
  const secure = proxy.secure ? await prepared(own ? "proxy.tls" : "tls", proxy.tls, group) : undefined;
  const host = hostOf(proxy.url);
  try {
    const base = await group.connect(host, portOf(proxy.url), settings.keepAlive);
    if (!settings.keepAlive) makeLastingGuest(base);
    return secure === undefined ? base : await secure(base, host);
  } catch (cause) {
    throw cause instanceof OpAMPError ? cause : proxyUnreachable(proxy, cause);
  }
}

/** Reads the options, so that TLS can be put on a connection to a host. */
async function prepared(where: string, options: TlsOptions | undefined, group: SocketGroup) {
  // Loaded on demand: a client without TLS does not pay for it.
  const { prepareTls, startTls } = await import("./tls/tls.js");
  const tls = await prepareTls(where, options);
  return (base: Socket, host: string) => startTls(base, host, tls, group);
}
