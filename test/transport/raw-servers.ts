import { once } from "node:events";
import { createServer as createHttpServer, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { Arrivals } from "./arrivals.js";

/** A server that ends with the test. */
export interface RawServer {
  /** Where it listens, as `host:port`. */
  host: string;
  /** Every TCP connection that it has accepted. */
  sockets: Socket[];
  /** Cuts all connections and takes no more. */
  stop(): Promise<void>;
  /** Listens again where it did. */
  restart(): Promise<void>;
}

/** A server that talks bytes. */
export interface RawTcpServer extends RawServer {
  /** What its connections said, piece by piece. */
  heard: Arrivals<{ socket: Socket; bytes: Buffer }>;
}

/** @param answer what to do about each piece; default: nothing */
export async function startTcp(answer: (socket: Socket, bytes: Buffer) => void = () => {}): Promise<RawTcpServer> {
  const heard = new Arrivals<{ socket: Socket; bytes: Buffer }>();
  const server = createTcpServer((socket) =>
    socket.on("data", (bytes) => {
      heard.push({ socket, bytes });
      answer(socket, bytes);
    }),
  );
  return { ...(await listen(server)), heard };
}

/** A certificate and its key, PEM text; and whether the other side has to show one too. */
export interface Identity {
  cert: string;
  key: string;
  ca?: string;
  requestCert?: boolean;
}

/** An HTTP server that does not read, answer or refuse anything by itself; it ends with the test. */
export async function startHttp(onRequest: RequestListener, tls?: Identity): Promise<RawServer> {
  const options = { keepAliveTimeout: 0 };
  return listen(
    tls === undefined ? createHttpServer(options, onRequest) : createHttpsServer({ ...options, ...tls }, onRequest),
  );
}

/** An accepted WebSocket, and the request that became one. */
export interface Accepted {
  socket: WebSocket;
  request: IncomingMessage;
}

/** What a WebSocket server does otherwise than usual. */
export interface WebSocketTraits {
  tls?: Identity;
  /** Whether it agrees to compression. Default: yes; then it compresses what it is told to. */
  deflate?: boolean;
  /** What answers those that are no upgrade. */
  onRequest?: RequestListener;
  /** The requests that are answered with another status than 101. */
  refuse?: (request: IncomingMessage) => { status: number; headers?: Record<string, string> } | undefined;
}

/** A WebSocket server without OpAMP; it ends with the test. */
export async function startWebSocket(
  traits: WebSocketTraits = {},
): Promise<RawServer & { accepted: Arrivals<Accepted>; upgrades: IncomingMessage[] }> {
  const { tls, deflate = true, onRequest, refuse } = traits;
  const http = tls === undefined ? createHttpServer() : createHttpsServer(tls);
  if (onRequest !== undefined) http.on("request", onRequest);
  const accepted = new Arrivals<Accepted>();
  const upgrades: IncomingMessage[] = [];
  const server = new WebSocketServer({
    server: http,
    perMessageDeflate: deflate,
    maxPayload: 2 ** 30,
    verifyClient({ req }, decide) {
      upgrades.push(req);
      const refused = refuse?.(req);
      if (refused === undefined) decide(true);
      else decide(false, refused.status, "", refused.headers);
    },
  });
  server.on("connection", (socket, request) => {
    socket.on("error", () => undefined);
    accepted.push({ socket, request });
  });
  return { ...(await listen(http)), accepted, upgrades };
}

/** The whole body of a request. */
export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function listen(server: Server): Promise<RawServer> {
  const sockets: Socket[] = [];
  server.on("connection", (socket: Socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, "close");
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  onTestFinished(stop);
  return {
    host: `127.0.0.1:${port}`,
    sockets,
    stop,
    async restart() {
      await once(server.listen(port, "127.0.0.1"), "listening");
    },
  };
}

/** A port on which nothing listens: below those that the system hands out, so that no test running beside gets it. */
export async function freePort(): Promise<number> {
  const port = 12_000 + Math.floor(Math.random() * 18_000);
  const server = createTcpServer();
  try {
    await once(server.listen(port, "127.0.0.1"), "listening");
  } catch {
    return freePort();
  }
  const closed = once(server, "close");
  server.close();
  await closed;
  return port;
}
