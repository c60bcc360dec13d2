import { OpAMPError } from "../errors.js";

/** The default limit on one message in either direction: 64 MiB, in bytes (SIZE-01). */
export const DEFAULT_MAX_MESSAGE_BYTES = 67_108_864;

/** From this size on a message may take long to leave, or to come, over a slow line: 256 KiB, in bytes. */
export const LARGE_BYTES = 262_144;
/** Large messages leave in pieces of this size, in bytes; as much that has come is a sign of life. */
export const PIECE_BYTES = 65_536;

/**
 * How deeply the messages inside a received message may nest, the message itself included.
 *
 * The same as in most protobuf libraries, so what passes here passes elsewhere.
 */
export const MAX_MESSAGE_DEPTH = 100;

/**
 * How many fields a received message may have in all, those of the messages inside it included; an entry of a map is one,
 * and so is each number of a packed list.
 *
 * A file of a remote config is five, so that 50 000 files fit; how large they are does not matter. What passes takes some
 * tens of MiB more than its bytes when decoded, at worst, instead of a hundred times as much (SEC-01).
 */
export const MAX_MESSAGE_FIELDS = 300_000;

const HINTS = {
  send: "make the message smaller, an effective config most likely, or raise the limit on both sides (maxMessageBytes.send here)",
  receive: "have the server send less at once, or raise the limit (maxMessageBytes.receive here)",
} as const;

/** The error for a message over a size limit. */
export function tooLarge(
  /** Which limit: the one on what is sent or the one on what is received. */
  direction: "send" | "receive",
  /** The size in bytes; `undefined` if reading stopped before all of it was there. */
  bytes: number | undefined,
  /** The limit in bytes. */
  maxBytes: number,
): OpAMPError {
  const size = bytes === undefined ? "" : ` of ${bytes} bytes`;
  const text = `message${size} over the ${direction} limit of ${maxBytes} bytes`;
  return new OpAMPError("ERR_OPAMP_TOO_LARGE", text, { hint: HINTS[direction] });
}
