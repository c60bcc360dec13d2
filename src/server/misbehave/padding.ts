import { deflateRawSync, gzipSync, constants as zlib } from "node:zlib";

/** The tag of a length-delimited field that no OpAMP message has, which receivers skip: number 1000. */
const PADDING_TAG = Uint8Array.of(0xc2, 0x3e);
/** A length takes five bytes, so that any size can be hit. */
const PADDING_HEADER_BYTES = PADDING_TAG.byteLength + 5;
const BLOCK_BYTES = 1_048_576;

/** A serialized message made longer: `bytes` in all, or as many as it takes at least. Receivers read the same from it. */
export function padded(payload: Uint8Array, bytes: number): Uint8Array {
  const zeros = Math.max(0, bytes - payload.byteLength - PADDING_HEADER_BYTES);
  const message = new Uint8Array(payload.byteLength + PADDING_HEADER_BYTES + zeros);
  message.set(payload);
  message.set(paddingHeader(zeros), payload.byteLength);
  return message;
}

/** The same, gzipped and lazily: one gzip member after the other, each small, the whole of which inflates to `bytes`. */
export function* gzipBomb(payload: Uint8Array, bytes: number): Generator<Uint8Array> {
  for (const piece of paddedPieces(payload, bytes)) yield compressed(piece, gzipSync);
}

/** The same as the deflated content of one WebSocket message (RFC 7692). */
export function deflateBomb(
  payload: Uint8Array,
  bytes: number,
): { wireBytes: number; pieces: () => Iterable<Uint8Array> } {
  const pieces = function* (): Generator<Uint8Array> {
    for (const piece of paddedPieces(payload, bytes)) yield compressed(piece, flushed);
    // A final empty block, of which the receiver adds the end itself.
    yield Uint8Array.of(0);
  };
  let wireBytes = 0;
  for (const { byteLength } of pieces()) wireBytes += byteLength;
  return { wireBytes, pieces };
}

const ZEROS = new Uint8Array(BLOCK_BYTES);
const known = new Map<typeof gzipSync, Uint8Array>();

function* paddedPieces(payload: Uint8Array, bytes: number): Generator<Uint8Array> {
  const zeros = Math.max(0, bytes - payload.byteLength - PADDING_HEADER_BYTES);
  yield Buffer.concat([payload, paddingHeader(zeros)]);
  for (let left = zeros; left > 0; left -= BLOCK_BYTES) yield left >= BLOCK_BYTES ? ZEROS : new Uint8Array(left);
}

/** The block of zeros is compressed once, however often it is sent. */
function compressed(piece: Uint8Array, compress: typeof gzipSync): Uint8Array {
  if (piece !== ZEROS) return compress(piece);
  const result = known.get(compress) ?? compress(ZEROS);
  known.set(compress, result);
  return result;
}

/** Deflated up to a byte boundary, with nothing in it that refers to what came before. */
function flushed(piece: Parameters<typeof gzipSync>[0]): ReturnType<typeof gzipSync> {
  return deflateRawSync(piece, { finishFlush: zlib.Z_FULL_FLUSH });
}

function paddingHeader(zeros: number): Uint8Array {
  const length = [0, 7, 14, 21, 28].map((shift, at) => (Math.floor(zeros / 2 ** shift) & 0x7f) | (at < 4 ? 0x80 : 0));
  return Uint8Array.from([...PADDING_TAG, ...length]);
}
