import { amongKnown, attempt, isRecord, member, text, wrongKind, wrongOption } from "../base/checks.js";
import { checkByRules, isFlag } from "../base/rules.js";
import { OpAMPServer } from "../server/opamp-server.js";
import { parseEndpoint } from "../transport/url/endpoint.js";
import { MemoryTransport } from "./memory-transport.js";

/** How a {@link MemoryTransport} is set up. */
export interface MemoryTransportOptions {
  /** Whether it behaves like WebSocket (true) or like HTTP polling (false). Default true. */
  duplex?: boolean | undefined;
}

/** Servers by URL, in memory: the `transport` option of a client that may be moved, made by {@link memoryTransport}. */
export interface MemoryNetwork {
  /** For the client. */
  (settings: { readonly endpoint: { readonly url: URL } }): MemoryTransport;
  /**
   * The transport to the server of a URL, the same one for every dial: to make it fail, and to count. Throws ERR_OPAMP_OPTION for
   * a URL of no server.
   */
  to(url: string): MemoryTransport;
}

/**
 * Connects an `OpAMPClient` that may be moved with several servers in the same process, by URL: a function for its `transport`
 * option, one for each client, such as `memoryTransport({ "ws://old.example.com": first, "https://new.example.com": second })`.
 *
 * Over ws and wss it behaves like WebSocket, over http and https like HTTP polling. Paths, headers and TLS do not matter; where no
 * server is named, nothing listens. For a server that refuses credentials, use {@link MemoryTransport.refuseWith} of {@link MemoryNetwork.to}.
 *
 * @throws {OpAMPError} ERR_OPAMP_OPTION
 */
export function memoryTransport(servers: Readonly<Record<string, OpAMPServer>>): MemoryNetwork;
/**
 * Connects an `OpAMPClient` with an {@link OpAMPServer} in the same process, without sockets: `new OpAMPClient({
 * transport: memoryTransport(server), ... })`. On a `virtualClock` such a pair does the same in every run, and hours pass
 * at once.
 *
 * The server sees a WebSocket connection, or POSTs when not duplex. Each client needs a transport of its own: another
 * one takes the connection away, with an error that says so.
 *
 * @param server keeps its port; this transport just does not use it
 * @throws {OpAMPError} ERR_OPAMP_OPTION
 */
export function memoryTransport(server: OpAMPServer, options?: MemoryTransportOptions): MemoryTransport;
export function memoryTransport(
  to: OpAMPServer | Readonly<Record<string, OpAMPServer>>,
  options: MemoryTransportOptions = {},
): MemoryTransport | MemoryNetwork {
  if (isRecord(to) && Object.keys(to).length > 0) return memoryNetwork(to);
  if (!(to instanceof OpAMPServer)) throw wrongKind("server", "an OpAMPServer, or a record of them by URL", to);
  checkByRules("", options, { duplex: isFlag });
  return new MemoryTransport(to, options.duplex ?? true);
}

function memoryNetwork(servers: Readonly<Record<string, unknown>>): MemoryNetwork {
  const transports = new Map<string, MemoryTransport>();
  for (const [url, server] of Object.entries(servers)) {
    const where = member("servers", url);
    const origin = originOf(where, url);
    if (!(server instanceof OpAMPServer)) throw wrongKind(where, "an OpAMPServer", server);
    if (transports.has(origin)) throw wrongOption(where, "is the same place as another one");
    transports.set(origin, new MemoryTransport(server, isDuplex(origin)));
  }
  const dial = ({ endpoint: { url } }: { readonly endpoint: { readonly url: URL } }): MemoryTransport => {
    const origin = placeOf(url);
    return transports.get(origin) ?? new MemoryTransport(undefined, isDuplex(origin));
  };
  const to = (url: string): MemoryTransport => {
    const transport = transports.get(originOf("url", url));
    if (transport === undefined)
      throw wrongOption("url", `there is no server${amongKnown(url, [...transports.keys()])}`);
    return transport;
  };
  return Object.assign(dial, { to });
}

/** Scheme, host and port, the latter as a client fills them in. */
function originOf(where: string, url: string): string {
  const endpoint = attempt(() => parseEndpoint(text(where, url)));
  if (endpoint === undefined)
    throw wrongOption(where, "must be a URL that begins with ws://, wss://, http:// or https://");
  return placeOf(endpoint.url);
}

function placeOf({ protocol, host }: URL): string {
  return `${protocol}//${host}`;
}

function isDuplex(origin: string): boolean {
  return origin.startsWith("ws");
}
