import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import type { Writable } from "node:stream";
import { TLSSocket, type TLSSocketOptions } from "node:tls";
import { decodeAgentToServer, encodeServerToAgent, frame, type ServerToAgentInit } from "../../../src/wire/codec.js";
import type { Conduct } from "./stage.js";

const WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** The first bytes of frames (RFC 6455, 5.2). */
export const [TEXT, BINARY, CLOSE, PING, PONG] = [0x81, 0x82, 0x88, 0x89, 0x8a];
const MASKED = 0x80;

/** A request as it came over the wire. */
export interface WireRequest {
  headers: string;
  body: Buffer;
}

/** Says nothing, and does not even read. */
export const silence: Conduct = () => undefined;

/** Waits for each request, and does this about it. */
export function onRequest(respond: (socket: Socket, request: WireRequest) => void): Conduct {
  return (socket, heard) => {
    let waiting = Buffer.alloc(0);
    socket.on("data", (chunk) => {
      waiting = Buffer.concat([waiting, chunk]);
      for (let request = requestIn(waiting); request !== undefined; request = requestIn(waiting)) {
        waiting = waiting.subarray(request.headers.length + request.body.length);
        if (request.body.length > 0) heard();
        respond(socket, request);
      }
    });
  };
}

/** Answers each request with these bytes, whatever they are. */
export function answering(...parts: readonly (string | Uint8Array)[]): Conduct {
  const bytes = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return onRequest((socket) => socket.write(bytes));
}

/** Answers each request with these bytes and closes. */
export function ending(...parts: readonly (string | Uint8Array)[]): Conduct {
  const bytes = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return onRequest((socket) => socket.end(bytes));
}

/** Answers each request with a beginning and then one piece after the other, for ever. */
export function pouring(beginning: string, piece: string | Uint8Array): Conduct {
  return onRequest((socket) => {
    socket.write(beginning);
    pour(endlessly(Buffer.from(piece)), socket);
  });
}

/** Answers each request with a piece every few milliseconds, for ever. */
export function dripping(beginning: string, piece: string): Conduct {
  return onRequest((socket) => {
    socket.write(beginning);
    const timer = setInterval(() => socket.write(piece), 10);
    socket.on("close", () => clearInterval(timer));
  });
}

/** The lines of an HTTP answer's head, and what follows it. */
export function head(...lines: readonly string[]): string {
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** The head of a good answer to a POST but for what is added. */
export function ok(...lines: readonly string[]): string {
  return head("HTTP/1.1 200 OK", "Content-Type: application/x-protobuf", ...lines);
}

/** A good answer to a POST. */
export function goodAnswer({ body }: WireRequest, fields: ServerToAgentInit = {}): Buffer {
  const decoded = decodeAgentToServer(body);
  const instanceUid = decoded.ok ? decoded.message.instanceUid : new Uint8Array();
  const payload = encodeServerToAgent({ instanceUid, ...fields });
  return Buffer.concat([Buffer.from(ok(`Content-Length: ${payload.length}`)), payload]);
}

/** The 101 answer to an upgrade. */
export function switching({ headers }: WireRequest, ...lines: readonly string[]): string {
  return head(
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    accept(headers),
    ...lines,
  );
}

/** The line that proves that the upgrade was understood. */
export function accept(headers: string): string {
  const key = /^sec-websocket-key: (.*)\r$/im.exec(headers)?.[1] ?? "";
  return `Sec-WebSocket-Accept: ${createHash("sha1").update(`${key}${WEBSOCKET_GUID}`).digest("base64")}`;
}

/** How a bare WebSocket server is set up. */
export interface BareTraits {
  /** Agrees on permessage-deflate. */
  deflate?: boolean;
  /** Ignores Close frames. Default: ends the TCP connection when one comes. */
  deaf?: boolean;
}

/** Shakes hands as it should, and then does this. Pings get no answer. */
export function upgraded(act: (socket: Socket) => void, { deflate = false, deaf = false }: BareTraits = {}): Conduct {
  const extension = "permessage-deflate; client_no_context_takeover; server_no_context_takeover";
  return (socket, heard) => {
    const shake = onRequest((_, request) => {
      onFrames(socket.removeAllListeners("data"), (first) => {
        if (first === BINARY) heard();
        if (first === CLOSE && !deaf) socket.end();
      });
      socket.write(switching(request, ...(deflate ? [`Sec-WebSocket-Extensions: ${extension}`] : [])));
      act(socket);
    });
    shake(socket, heard);
  };
}

/** Reads the frames that a client sends, and tells the first byte of each. */
function onFrames(socket: Socket, told: (first: number) => void): void {
  let waiting = Buffer.alloc(0);
  socket.on("data", (chunk) => {
    waiting = waiting.length === 0 ? chunk : Buffer.concat([waiting, chunk]);
    let at = 0;
    while (waiting.length - at >= 14 || (waiting.length - at >= 6 && ((waiting[at + 1] ?? 0) & 0x7f) < 126)) {
      const short = waiting.readUInt8(at + 1) & 0x7f;
      const [header, length] =
        short < 126
          ? [6, short]
          : short === 126
            ? [8, waiting.readUInt16BE(at + 2)]
            : [14, Number(waiting.readBigUInt64BE(at + 2))];
      if (waiting.length - at < header + length) break;
      told(waiting.readUInt8(at));
      at += header + length;
    }
    waiting = waiting.subarray(at);
  });
}

/** Shakes hands and sends these frames. */
export function sending(...frames: readonly Uint8Array[]): Conduct {
  return upgraded((socket) => void socket.write(Buffer.concat(frames)));
}

/** Shakes hands and sends the same over and over, as fast as it is taken. */
export function flooding(...frames: readonly Uint8Array[]): Conduct {
  return upgraded((socket) => pour(endlessly(Buffer.concat(frames)), socket));
}

/** Shakes hands and sends the same every few milliseconds. */
export function ticking(...frames: readonly Uint8Array[]): Conduct {
  return upgraded((socket) => {
    const timer = setInterval(() => socket.write(Buffer.concat(frames)), 5);
    socket.on("close", () => clearInterval(timer));
  });
}

/** A frame, as servers send them. */
export function wsFrame(first: number, content: Uint8Array | string = "", declaredBytes?: number | bigint): Buffer {
  const body = Buffer.from(content);
  return Buffer.concat([wsFrameHeader(first, declaredBytes ?? body.length), body]);
}

/** The header of a frame, as servers send them. */
export function wsFrameHeader(first: number, bytes: number | bigint): Buffer {
  return Buffer.concat([Uint8Array.of(first), lengthOf(bytes)]);
}

/** A frame, as clients send them. */
export function maskedFrame(first: number, content: string): Buffer {
  return Buffer.concat([Uint8Array.of(first, MASKED | content.length, 0, 0, 0, 0), Buffer.from(content)]);
}

/** A binary message with an OpAMP payload. */
export function message(payload: Uint8Array): Buffer {
  return wsFrame(BINARY, frame(payload));
}

/** A Close frame. */
export function closeFrame(code: number, reason: Uint8Array | string = ""): Buffer {
  return wsFrame(CLOSE, Buffer.concat([Uint8Array.of(code >> 8, code & 0xff), Buffer.from(reason)]));
}

/** Speaks TLS, and inside it behaves like this. */
export function secured(options: TLSSocketOptions, inner: (session: TLSSocket, tcp: Socket) => void): Conduct {
  return (socket) => {
    const session = new TLSSocket(socket, { isServer: true, ...options });
    session.on("error", () => undefined);
    // A peer that does not read does not see the end.
    session.resume();
    session.on("secure", () => inner(session, socket));
  };
}

/** Writes piece by piece, no faster than the other side takes it, and ends quietly when the stream does. */
export function pour(pieces: Iterable<Uint8Array>, into: Writable, done: () => void = () => undefined): void {
  const source = pieces[Symbol.iterator]();
  const next = (): void => {
    for (;;) {
      if (into.destroyed || into.writableEnded) return;
      const piece = source.next();
      if (piece.done) {
        done();
        return;
      }
      if (!into.write(piece.value)) {
        into.once("drain", next);
        return;
      }
    }
  };
  next();
}

/** The same piece for ever, in blocks that are worth a write. */
export function* endlessly(piece: Uint8Array): Generator<Uint8Array> {
  const times = Math.ceil(65_536 / piece.length);
  const block = Buffer.alloc(times * piece.length, piece);
  for (;;) yield block;
}

function lengthOf(bytes: number | bigint): Uint8Array {
  if (bytes < 126) return Uint8Array.of(Number(bytes));
  const length = new DataView(new ArrayBuffer(bytes < 65_536 ? 3 : 9));
  length.setUint8(0, bytes < 65_536 ? 126 : 127);
  if (bytes < 65_536) length.setUint16(1, Number(bytes));
  else length.setBigUint64(1, BigInt(bytes));
  return new Uint8Array(length.buffer);
}

function requestIn(bytes: Buffer): WireRequest | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  if (end === -1) return undefined;
  const headers = bytes.toString("latin1", 0, end + 4);
  const length = Number(/^content-length: (\d+)\r$/im.exec(headers)?.[1] ?? 0);
  const body = bytes.subarray(headers.length, headers.length + length);
  return body.length < length ? undefined : { headers, body };
}
