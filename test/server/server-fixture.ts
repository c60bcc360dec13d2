import { onTestFinished } from "vitest";
import { OpAMPServer, type OpAMPServerOptions } from "../../src/testing/index.js";
import { BareSocket } from "./bare-peers.js";

/** A server that ends with the test. */
export async function startServer(options: OpAMPServerOptions = {}): Promise<OpAMPServer> {
  const server = await OpAMPServer.start(options);
  onTestFinished(() => server.close());
  return server;
}

/** A WebSocket to the server that ends with the test. */
export async function dial(server: OpAMPServer): Promise<BareSocket> {
  const peer = await BareSocket.open(server.url);
  onTestFinished(() => peer.socket.terminate());
  return peer;
}
