import type { IncomingMessage } from "node:http";
import { OpAMPServer, type OpAMPServerOptions } from "opamp-client/testing";
import type { Timeline } from "../timeline.js";
import { messageWords } from "./words.js";

/** One of the two servers, and who has come to it with what. */
export interface WatchedServer {
  readonly name: "first" | "second";
  readonly server: OpAMPServer;
  /** The token of each upgrade and POST, in order. */
  readonly tokens: readonly string[];
}

/** A real server, whose part in the story is told. */
export async function startServer(
  name: WatchedServer["name"],
  options: OpAMPServerOptions,
  timeline: Timeline,
): Promise<WatchedServer> {
  const tokens: string[] = [];
  const sockets = new WeakSet<object>();
  const server = await OpAMPServer.start({
    ...options,
    keepAlive: true,
    onConnect(request) {
      const token = tokenOf(request);
      tokens.push(token);
      const over = request.headers.upgrade === undefined ? "POST" : "WebSocket";
      // Polls on a connection that is there already are no news.
      if (!sockets.has(request.socket)) timeline.line(name, [`is asked for a ${over}, with the token "${token}"`]);
      sockets.add(request.socket);
      return undefined;
    },
    onMessage(_agent, message) {
      timeline.line(name, messageWords(message));
      timeline.changed();
      return undefined;
    },
  });
  timeline.line(name, [`listens on port ${server.port}, ${options.tls === undefined ? "not encrypted" : "with TLS"}`]);
  return { name, server, tokens };
}

function tokenOf({ headers }: IncomingMessage): string {
  return headers.authorization?.replace(/^Bearer /, "") ?? "";
}
