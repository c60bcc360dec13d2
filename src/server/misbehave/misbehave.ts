import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Link, WebSocketLink } from "../link/link.js";
import { tcpOf } from "../link/server-tls.js";
import type { ConnectMisbehaviour, MessageMisbehaviour } from "./misbehaviour.js";

/** Bytes that nobody can read: neither HTTP nor TLS, no WebSocket frame and no protobuf. */
const GARBAGE = new Uint8Array(64).fill(0xff);
/** The first byte of a Close frame (RFC 6455, 5.2). */
const CLOSE = 0x88;
/** Close codes that stand for something else than a Close frame with that code. */
const [NO_CODE, NO_FRAME] = [1005, 1006];
/** The tag of a length-delimited field that no OpAMP message has, which receivers skip: number 1000. */
const PADDING_TAG = Uint8Array.of(0xc2, 0x3e);

/** Misbehaves towards a TCP connection that nobody else has touched. */
export function misbehaveOnConnect(bad: ConnectMisbehaviour, socket: Socket): void {
  socket.on("error", () => undefined);
  act(bad, socket, () => socket.end());
}

/** Misbehaves towards an upgrade or a POST, in place of an answer. */
export function misbehaveOnRequest(bad: ConnectMisbehaviour, request: IncomingMessage): void {
  request.resume();
  act(bad, request.socket, () => request.socket.destroySoon());
}

function act(bad: ConnectMisbehaviour, socket: Socket, hangUp: () => void): void {
  // Reads on, so that the end of the connection is seen.
  socket.resume();
  switch (bad.mode) {
    case "silence":
      return void socket.once("end", () => socket.end());
    case "garbage":
      return void socket.end(bad.bytes ?? GARBAGE);
    case "hang-up":
      return hangUp();
    case "reset":
      return void tcpOf(socket).resetAndDestroy();
    default:
      return bad satisfies never;
  }
}

/** Misbehaves in place of an answer over this link. */
export function misbehaveOnMessage(bad: Exclude<MessageMisbehaviour, { mode: "oversize" }>, link: Link): void {
  switch (bad.mode) {
    case "silence":
      return;
    case "garbage":
      return link.send(bad.bytes ?? GARBAGE);
    case "hang-up":
      return link.socket === undefined ? link.destroy() : link.socket.destroySoon();
    case "reset":
      return link.socket === undefined ? link.destroy() : void tcpOf(link.socket).resetAndDestroy();
    case "close":
      if (link.transport === "ws") close(link, bad.code, bad.reason ?? "");
      return;
    default:
      return bad satisfies never;
  }
}

/** A serialized message made longer: `bytes` in all, or as many as it takes at least. Receivers read the same from it. */
export function padded(payload: Uint8Array, bytes: number): Uint8Array {
  // A length takes five bytes, so that any size can be hit.
  const zeros = Math.max(0, bytes - payload.byteLength - PADDING_TAG.byteLength - 5);
  const length = [0, 7, 14, 21, 28].map((shift, at) => (Math.floor(zeros / 2 ** shift) & 0x7f) | (at < 4 ? 0x80 : 0));
  return Buffer.concat([payload, PADDING_TAG, Uint8Array.from(length), new Uint8Array(zeros)]);
}

function close(link: WebSocketLink, code: number, reason: string): void {
  if (link.socket === undefined) return link.close(code, reason);
  if (code === NO_FRAME) return link.destroy();
  // By hand, since the library refuses codes that must not be sent.
  const content = code === NO_CODE ? [] : [code >> 8, code & 0xff, ...Buffer.from(reason)];
  link.socket.write(Uint8Array.of(CLOSE, content.length, ...content));
}
