import { frame } from "../../wire/ws-frame.js";
import type { WebSocketLink } from "../link/link.js";
import { GARBAGE, type HttpMisbehaviour, type WebSocketMisbehaviour } from "./misbehaviour.js";
import { deflateBomb } from "./padding.js";
import { pour } from "./pour.js";
import type { Twist } from "./twist.js";

const DEFAULT_FLOOD = 1000;
/** The first byte of a frame: the last one of its message, and what it carries (RFC 6455, 5.2). */
const [FINAL, COMPRESSED, BINARY, CLOSE] = [0x80, 0x40, 0x02, 0x08];
/** Close codes that stand for something else than a Close frame with that code. */
const [NO_CODE, NO_FRAME] = [1005, 1006];

type Mode = WebSocketMisbehaviour | HttpMisbehaviour | { mode: "bomb"; bytes: number };

/** Says what becomes of the answer over a WebSocket; undefined if this one gives no occasion. */
export function misbehaveOverWebSocket(bad: Mode, link: WebSocketLink): Twist | undefined {
  const { wire } = link;
  switch (bad.mode) {
    case "text":
      return { instead: () => link.sendAsIs(bad.text ?? "hello") };
    case "close":
      return { instead: () => close(link, bad.code, bad.reason ?? "") };
    case "flood": {
      const { messages = DEFAULT_FLOOD, fields } = bad;
      return { ...(fields && { extra: fields }), write: (payload) => flood(link, payload, messages) };
    }
    case "fragments":
      return wire && { write: (payload) => sendInPieces(wire, frame(payload), bad.bytes ?? 1) };
    case "bad-frame":
      return wire && { instead: () => void wire.socket.write(bad.bytes ?? GARBAGE) };
    case "bomb":
      return wire && link.origin.sendsCompressed
        ? { write: (payload) => pour(compressedFrame(frame(payload), bad.bytes), wire.socket) }
        : undefined;
    case "wrong-type":
    case "drip":
    case "truncated":
    case "stuck-body":
    case "endless-body":
    case "truncated-gzip":
    case "false-gzip":
      return undefined;
    default:
      return bad satisfies never;
  }
}

type Wire = NonNullable<WebSocketLink["wire"]>;

function sendInPieces(wire: Wire, message: Uint8Array, bytes: number): void {
  for (let start = 0; start < message.byteLength; start += bytes) {
    wire.sendFragment(message.subarray(start, start + bytes), start + bytes >= message.byteLength);
  }
}

function flood(link: WebSocketLink, payload: Uint8Array, messages: number): void {
  if (link.wire === undefined) {
    for (let sent = 0; sent < messages && link.open; sent += 1) link.send(payload);
    return;
  }
  const message = frame(payload);
  const piece = Buffer.concat([frameHeader(FINAL | BINARY, message.byteLength), message]);
  pour(repeat(piece, messages), link.wire.socket);
}

function* repeat(piece: Uint8Array, times: number): Generator<Uint8Array> {
  for (let done = 0; done < times; done += 1) yield piece;
}

function close(link: WebSocketLink, code: number, reason: string): void {
  if (link.wire === undefined) {
    link.close(code, reason);
    return;
  }
  if (code === NO_FRAME) {
    link.destroy();
    return;
  }
  // By hand, since the library refuses codes that must not be sent.
  const body = Buffer.concat([Uint8Array.of(code >> 8, code & 0xff), Buffer.from(reason)]);
  const content = code === NO_CODE ? new Uint8Array() : body;
  link.wire.socket.write(Buffer.concat([frameHeader(FINAL | CLOSE, content.byteLength), content]));
}

function* compressedFrame(message: Uint8Array, bytes: number): Generator<Uint8Array> {
  const { wireBytes, pieces } = deflateBomb(message, bytes);
  yield frameHeader(FINAL | COMPRESSED | BINARY, wireBytes);
  yield* pieces();
}

/** The header of a frame from a server, which does not mask. */
function frameHeader(first: number, bytes: number): Uint8Array {
  if (bytes < 126) return Uint8Array.of(first, bytes);
  const header = new DataView(new ArrayBuffer(bytes < 65_536 ? 4 : 10));
  header.setUint8(0, first);
  header.setUint8(1, bytes < 65_536 ? 126 : 127);
  if (bytes < 65_536) header.setUint16(2, bytes);
  else header.setBigUint64(2, BigInt(bytes));
  return new Uint8Array(header.buffer);
}
