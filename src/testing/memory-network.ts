import { amongKnown, attempt, isRecord, member, text, wrongKind, wrongOption } from "../base/checks.js";
import { checkByRules, isFlag } from "../base/rules.js";
import { noteMiss } from "../server/link/missed-dials.js";
import { OpAMPServer } from "../server/opamp-server.js";
import type { Loss } from "../transport/transport.js";
import { parseEndpoint, portOf, writesPort } from "../transport/url/endpoint.js";
import { nobodyAt } from "./memory-losses.js";
import { MemoryTransport } from "./memory-transport.js";

/** How many servers the text of a dial that failed names. */
const MOST_PLACES = 5;

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
 * Over ws and wss it behaves like WebSocket, over http and https like HTTP polling. A URL without a port stands for any port of its
 * host, one with a port for that port alone. Paths, headers and TLS do not matter; where no server is named, nothing listens. For a server that refuses credentials, use {@link MemoryTransport.refuseWith} of {@link MemoryNetwork.to}.
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
  checkByRules("", options, { duplex: isFlag });
  if (isRecord(to) && Object.keys(to).length > 0) {
    if (options.duplex === undefined) return memoryNetwork(to);
    throw wrongOption("duplex", "is for one server; of several the scheme of each URL decides");
  }
  if (!(to instanceof OpAMPServer)) throw wrongKind("server", "an OpAMPServer, or a record of them by URL", to);
  return new MemoryTransport(to, options.duplex ?? true);
}

function memoryNetwork(servers: Readonly<Record<string, unknown>>): MemoryNetwork {
  const transports = new Map<string, MemoryTransport>();
  const reached = new Set<OpAMPServer>();
  for (const [url, server] of Object.entries(servers)) {
    const where = member("servers", url);
    const { place } = placeOf(where, url);
    if (!(server instanceof OpAMPServer)) throw wrongKind(where, "an OpAMPServer", server);
    if (transports.has(place)) throw wrongOption(where, "is the same place as another one");
    transports.set(place, new MemoryTransport(server, isDuplex(place)));
    reached.add(server);
  }
  const places = [...transports.keys()];
  const at = (url: URL): MemoryTransport | undefined => transports.get(dialled(url)) ?? transports.get(anyPort(url));
  const nowhere = (url: URL): Loss => {
    const known = listed(places);
    for (const server of reached) noteMiss(server, dialled(url), known);
    return nobodyAt(dialled(url), known);
  };
  const dial = ({ endpoint: { url } }: { readonly endpoint: { readonly url: URL } }): MemoryTransport =>
    at(url) ?? new MemoryTransport(undefined, isDuplex(url.protocol), () => nowhere(url));
  const to = (given: string): MemoryTransport => {
    const { url, place } = placeOf("url", given);
    const transport = transports.get(place) ?? at(url);
    if (transport === undefined) throw wrongOption("url", `there is no server${amongKnown(given, places)}`);
    return transport;
  };
  return Object.assign(dial, { to });
}

/** Where a URL leads, and the place of a server that is named by it. */
function placeOf(where: string, given: string): { url: URL; place: string } {
  const url = attempt(() => parseEndpoint(text(where, given)).url);
  if (url === undefined) throw wrongOption(where, "must be a URL that begins with ws://, wss://, http:// or https://");
  return { url, place: writesPort(given) ? dialled(url) : anyPort(url) };
}

/** Scheme, host and port. */
function dialled(url: URL): string {
  return `${anyPort(url)}:${portOf(url)}`;
}

/** Scheme and host. */
function anyPort({ protocol, hostname }: URL): string {
  return `${protocol}//${hostname}`;
}

function listed(places: readonly string[]): string {
  const more = places.length - MOST_PLACES;
  return `${places.slice(0, MOST_PLACES).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function isDuplex(place: string): boolean {
  return place.startsWith("ws");
}
