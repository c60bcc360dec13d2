import { OpAMPError } from "../errors.js";

/** What a WebSocket message turned out to be: a payload, or ERR_OPAMP_MALFORMED. */
export type Unframed = { ok: true; payload: Uint8Array } | { ok: false; error: OpAMPError };

/** A uint64 takes at most this many bytes as a varint. */
const MAX_HEADER_BYTES = 10;

/** Puts the header, a zero as a one-byte varint, in front of a serialized message (WS-02). Copies the payload. */
export function frame(payload: Uint8Array): Uint8Array {
  const message = new Uint8Array(payload.byteLength + 1);
  message.set(payload, 1);
  return message;
}

/**
 * Takes the header off a binary WebSocket message: a varint of 1 to 10 bytes whose value is zero (WS-03, WS-04).
 * No bytes after it are a payload too (WS-05). The payload is a view of `message`.
 */
export function unframe(message: Uint8Array): Unframed {
  let isZero = true;
  for (let index = 0; index < MAX_HEADER_BYTES; index++) {
    const byte = message[index];
    if (byte === undefined) {
      return malformed(index === 0 ? "the WebSocket message is empty" : "the WebSocket message ends within its header");
    }
    if (index === MAX_HEADER_BYTES - 1 && byte > 1) {
      break;
    }
    isZero &&= (byte & 0x7f) === 0;
    if (byte < 0x80) {
      return isZero ? payloadAfter(message, index + 1) : malformed("the WebSocket message's header is not zero");
    }
  }
  return malformed("the WebSocket message's header does not fit 64 bits");
}

function payloadAfter(message: Uint8Array, headerBytes: number): Unframed {
  // A plain view, also of a Buffer, whose own subarray() gives Buffers that slice() without copying.
  const payload = new Uint8Array(message.buffer, message.byteOffset + headerBytes, message.byteLength - headerBytes);
  return { ok: true, payload };
}

function malformed(reason: string): Unframed {
  return { ok: false, error: new OpAMPError("ERR_OPAMP_MALFORMED", reason) };
}
