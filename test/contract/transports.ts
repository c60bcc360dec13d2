import { onTestFinished } from "vitest";
import type { OpAMPClientOptions } from "../../src/index.js";
import { memoryTransport, OpAMPServer, type OpAMPServerOptions } from "../../src/testing/index.js";

/** A server, and what a client needs to reach it. */
export interface ContractServer {
  server: OpAMPServer;
  options: Pick<OpAMPClientOptions, "url" | "transport" | "heartbeat">;
  /** Whether connections are refused. One that is up stays. */
  outage(down: boolean): void;
}

/** A way for messages to travel; the contract holds over each. */
export interface ContractTransport {
  name: string;
  /** Whether the server can speak first. */
  duplex: boolean;
  /** Starts a server that ends with the test. */
  start(options?: OpAMPServerOptions): Promise<ContractServer>;
}

/** Offers travel in answers only, so the polls follow fast. */
const POLLING = { heartbeat: { intervalMs: 5 } };

export const transports: readonly ContractTransport[] = [
  { name: "WebSocket", duplex: true, start: (options) => overNetwork("url", options) },
  { name: "HTTP", duplex: false, start: (options) => overNetwork("httpUrl", options) },
  { name: "memory", duplex: true, start: (options) => overMemory(true, options) },
  { name: "memory polling", duplex: false, start: (options) => overMemory(false, options) },
];

async function overNetwork(url: "url" | "httpUrl", options: OpAMPServerOptions = {}): Promise<ContractServer> {
  let isDown = false;
  const server = await start({ ...options, onConnect: () => (isDown ? { status: 500 } : undefined) });
  return {
    server,
    options: { url: server[url], ...(url === "httpUrl" && POLLING) },
    outage: (down) => {
      isDown = down;
    },
  };
}

async function overMemory(duplex: boolean, options: OpAMPServerOptions = {}): Promise<ContractServer> {
  const server = await start(options);
  const transport = memoryTransport(server, { duplex });
  return {
    server,
    options: { transport, ...(!duplex && POLLING) },
    outage: (down) => transport.refuse(down ? Number.POSITIVE_INFINITY : 0),
  };
}

async function start(options: OpAMPServerOptions): Promise<OpAMPServer> {
  const server = await OpAMPServer.start(options);
  onTestFinished(() => server.close());
  return server;
}
