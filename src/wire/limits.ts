import { OpAMPError } from "../errors.js";

/** The default limit on one message in either direction: 64 MiB, in bytes (SIZE-01). */
export const DEFAULT_MAX_MESSAGE_BYTES = 67_108_864;

/**
 * How deeply the messages inside a received message may nest, the message itself included.
 *
 * The same as in most protobuf libraries, so what passes here passes elsewhere.
 */
export const MAX_MESSAGE_DEPTH = 100;

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
  return new OpAMPError("ERR_OPAMP_TOO_LARGE", `message${size} over the ${direction} limit of ${maxBytes} bytes`);
}
