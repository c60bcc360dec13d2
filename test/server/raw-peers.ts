import { once } from "node:events";
import type { ClientRequest, IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import { WebSocket } from "ws";
import type { OpAMPServer } from "../../src/testing/index.js";

/** A TCP connection to the server, that ends with the test, and all that has come over it. */
export interface RawPeer {
  readonly socket: Socket;
  /** What has come so far. */
  received(): Buffer;
  /** Resolves when so many bytes have come. */
  has(bytes: number): Promise<Buffer>;
  /** Resolves with everything, when the server has sent its last byte. Rejects after a reset. */
  ended(): Promise<Buffer>;
}

/** Opens a TCP connection and sends a text. */
export async function rawDial(server: OpAMPServer, text = ""): Promise<RawPeer> {
  const socket = connect({ port: server.port, host: "127.0.0.1", allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  const chunks: Buffer[] = [];
  const received = (): Buffer => Buffer.concat(chunks);
  socket.on("data", (chunk) => chunks.push(chunk));
  const end = once(socket, "end");
  end.catch(() => undefined);
  // A reset may come first; it is told by ended().
  await once(socket, "connect").catch(() => undefined);
  if (text !== "") socket.write(text);
  return {
    socket,
    received,
    async has(bytes) {
      while (received().byteLength < bytes) await once(socket, "data");
      return received();
    },
    async ended() {
      await end;
      return received();
    },
  };
}

/** A WebSocket upgrade as it goes over the wire. */
export const UPGRADE = [
  "GET /v1/opamp HTTP/1.1",
  "Host: test",
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "",
  "",
].join("\r\n");

/** A POST as it goes over the wire. */
export function posted(body: Uint8Array): Buffer {
  const lines = [
    "POST /v1/opamp HTTP/1.1",
    "Host: test",
    "Content-Type: application/x-protobuf",
    `Content-Length: ${body.byteLength}`,
    "",
    "",
  ];
  return Buffer.concat([Buffer.from(lines.join("\r\n")), body]);
}

/** Tries to upgrade and returns the answer that refuses it. */
export async function refusedUpgrade(url: string): Promise<IncomingMessage> {
  const socket = new WebSocket(url);
  const [, response] = (await once(socket, "unexpected-response")) as [ClientRequest, IncomingMessage];
  return response;
}
