import { onTestFinished } from "vitest";
import type { OpAMPClientOptions, TlsOptions } from "../../../src/index.js";
import {
  memoryTransport,
  OpAMPServer,
  type OpAMPServerOptions,
  type ServerTlsOptions,
} from "../../../src/testing/index.js";
import { isFull } from "../full/long-tests.js";
import { IDENTIFYING } from "./meeting.js";
import { type Between, certificates, passage } from "./ways.js";

/** A server, and what a client needs to reach it. */
export interface ContractServer {
  server: OpAMPServer;
  options: Partial<OpAMPClientOptions>;
  /** Whether connections are refused. One that is up stays. */
  outage(down: boolean): void;
  /** Every connection, or request, that came by what stands in between. */
  seen(): string[];
}

/** How messages get to a server that has a port. */
export interface Way {
  scheme: "ws" | "wss" | "http" | "https";
  /** Both sides compress what they send. */
  compressed?: boolean;
  between?: Between;
  /** The client is to find out itself whether it can use WebSocket. */
  auto?: boolean;
}

/** A way for messages to travel; the contract holds over each. */
export interface ContractTransport {
  name: string;
  /** Whether the server can speak first. */
  duplex: boolean;
  /** Undefined in memory, where a transport serves one client alone. */
  way: Way | undefined;
  /** Starts a server that ends with the test. */
  start(options?: OpAMPServerOptions): Promise<ContractServer>;
}

/** Offers travel in answers only, so the polls follow fast. */
const POLLING = { heartbeat: { intervalMs: 5 } };
/** What is short is not worth compressing. */
const LONG = { identifying: IDENTIFYING, nonIdentifying: { "os.description": "long ".repeat(500) } };
const SCHEMES = ["ws", "wss", "http", "https"] as const;
const PROXIES = ["HTTP proxy", "HTTPS proxy", "SOCKS proxy"] as const;

const main = [network({ scheme: "ws" }), network({ scheme: "http" }), inMemory(true), inMemory(false)];

/** Over these the whole contract is proved, by `npm test` over the first four. */
export const transports: readonly ContractTransport[] = unlessFull(main, [
  ...main,
  network({ scheme: "wss" }),
  network({ scheme: "https" }),
  ...SCHEMES.map((scheme) => network({ scheme, compressed: true })),
  ...PROXIES.flatMap((between) => [network({ scheme: "ws", between }), network({ scheme: "https", between })]),
  network({ scheme: "http", between: "forwarder" }),
  network({ scheme: "ws", auto: true }),
  network({ scheme: "ws", auto: true, between: "blocking gateway" }),
]);

/**
 * Those and the rest of the proxies' ways, for the part of the contract in which connections come and go. Running
 * all of it over each of these takes a fifth longer, and what differs is only how connections are made.
 */
export const everyTransport: readonly ContractTransport[] = unlessFull(main, [
  ...transports,
  ...PROXIES.flatMap((between) => [network({ scheme: "wss", between }), network({ scheme: "http", between })]),
]);

function unlessFull<T>(some: readonly T[], all: readonly T[]): readonly T[] {
  return isFull ? all : some;
}

function network(way: Way): ContractTransport {
  const duplex = way.scheme.startsWith("ws") && way.between !== "blocking gateway";
  return { name: nameOf(way), duplex, way, start: (options) => overNetwork(way, duplex, options) };
}

function inMemory(duplex: boolean): ContractTransport {
  const name = duplex ? "memory" : "memory polling";
  return { name, duplex, way: undefined, start: (options) => overMemory(duplex, options) };
}

function nameOf({ scheme, compressed, between, auto }: Way): string {
  const words = [auto ? "auto" : scheme.startsWith("ws") ? "WebSocket" : "HTTP"];
  if (isSecure(scheme)) words.push("over TLS");
  if (compressed) words.push("compressed");
  if (between !== undefined) words.push(`through ${between.startsWith("H") ? "an" : "a"} ${between}`);
  return words.join(" ");
}

async function overNetwork(way: Way, duplex: boolean, options: OpAMPServerOptions = {}): Promise<ContractServer> {
  const { scheme, compressed = false, auto = false } = way;
  const tls = isSecure(scheme) ? await bothSides() : undefined;
  let isDown = false;
  const server = await start({
    ...options,
    ...(tls && { tls: tls.server }),
    compression: compressed,
    onConnect: () => (isDown ? { status: 500 } : undefined),
  });
  const { options: reach, seen } = await passage(way.between, scheme.startsWith("ws") ? server.url : server.httpUrl);
  return {
    server,
    options: {
      ...reach,
      ...(tls && { tls: tls.client }),
      ...(auto && { transport: "auto" }),
      ...(compressed && { compression: true, description: LONG }),
      ...(!duplex && POLLING),
    },
    outage: (down) => {
      isDown = down;
    },
    seen,
  };
}

/** TLS for a server and its client. A client without a certificate does not get in. */
async function bothSides(): Promise<{ server: ServerTlsOptions; client: TlsOptions }> {
  const { ca, server, client } = await certificates();
  return { server: { ...server, ca, requestClientCert: "require" }, client: { ...client, ca } };
}

function isSecure(scheme: Way["scheme"]): boolean {
  return scheme === "wss" || scheme === "https";
}

async function overMemory(duplex: boolean, options: OpAMPServerOptions = {}): Promise<ContractServer> {
  const server = await start(options);
  const transport = memoryTransport(server, { duplex });
  return {
    server,
    options: { transport, ...(!duplex && POLLING) },
    outage: (down) => transport.refuse(down ? Number.POSITIVE_INFINITY : 0),
    seen: () => [],
  };
}

async function start(options: OpAMPServerOptions): Promise<OpAMPServer> {
  const server = await OpAMPServer.start(options);
  onTestFinished(() => server.close());
  return server;
}
