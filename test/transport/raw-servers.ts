import { once } from "node:events";
import { createServer as createHttpServer, type IncomingMessage, type RequestListener } from "node:http";
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

/** An HTTP server that does not read, answer or refuse anything by itself; it ends with the test. */
export async function startHttp(onRequest: RequestListener): Promise<RawServer> {
  return listen(createHttpServer({ keepAliveTimeout: 0 }, onRequest));
}

/** An accepted WebSocket, and the request that became one. */
export interface Accepted {
  socket: WebSocket;
  request: IncomingMessage;
}

/** A WebSocket server without OpAMP, which would compress if asked to; it ends with the test. */
export async function startWebSocket(): Promise<RawServer & { accepted: Arrivals<Accepted> }> {
  const http = createHttpServer();
  const accepted = new Arrivals<Accepted>();
  new WebSocketServer({ server: http, perMessageDeflate: true }).on("connection", (socket, request) => {
    socket.on("error", () => undefined);
    accepted.push({ socket, request });
  });
  return { ...(await listen(http)), accepted };
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
  onTestFinished(async () => {
    const closed = once(server, "close");
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, sockets };
}

/** A port on which nothing listens. */
export async function freePort(): Promise<number> {
  const server = createTcpServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const closed = once(server, "close");
  server.close();
  await closed;
  return port;
}
