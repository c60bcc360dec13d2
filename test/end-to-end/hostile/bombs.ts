import { deflateRawSync, gzipSync, constants as zlib } from "node:zlib";
import { encodeServerToAgent, frame } from "../../../src/wire/codec.js";
import { BINARY, ok, onRequest, pour, upgraded, wsFrameHeader } from "./conducts.js";
import type { Conduct } from "./stage.js";

/** The tag of a length-delimited field that no OpAMP message has, which receivers skip: number 1000. */
const PADDING_TAG = Uint8Array.of(0xc2, 0x3e);
const COMPRESSED = 0x40;
const ZEROS = new Uint8Array(1_048_576);
const PAYLOAD = encodeServerToAgent({});

/** Answers each POST with a small gzip body that inflates to so many bytes: a valid message, but for its size. */
export function gzipBomb(bytes: number): Conduct {
  const pieces = compressed(PAYLOAD, bytes, (piece) => gzipSync(piece));
  return onRequest((socket) => {
    socket.write(ok("Content-Encoding: gzip", "Connection: close"));
    pour(pieces, socket, () => socket.end());
  });
}

/** Answers the first message with a small compressed one (RFC 7692) that inflates to so many bytes: valid, but for its size. */
export function deflateBomb(bytes: number): Conduct {
  // Deflated up to byte boundaries; of the final empty block the receiver adds the end itself.
  const pieces = [...compressed(frame(PAYLOAD), bytes, flushed), Uint8Array.of(0)];
  const length = pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
  return upgraded(
    (socket) => socket.once("data", () => pour([wsFrameHeader(BINARY | COMPRESSED, length), ...pieces], socket)),
    {
      deflate: true,
    },
  );
}

/** The message and its padding, piece by piece; the block of zeros is compressed once, however often it is sent. */
function compressed(payload: Uint8Array, bytes: number, compress: (piece: Uint8Array) => Uint8Array): Uint8Array[] {
  const zeros = bytes - payload.byteLength - PADDING_TAG.byteLength - 5;
  const length = [0, 7, 14, 21, 28].map((shift, at) => (Math.floor(zeros / 2 ** shift) & 0x7f) | (at < 4 ? 0x80 : 0));
  const block = compress(ZEROS);
  return [
    compress(Uint8Array.from([...payload, ...PADDING_TAG, ...length])),
    ...new Array<Uint8Array>(Math.floor(zeros / ZEROS.byteLength)).fill(block),
    compress(new Uint8Array(zeros % ZEROS.byteLength)),
  ];
}

function flushed(piece: Uint8Array): Uint8Array {
  return deflateRawSync(piece, { finishFlush: zlib.Z_FULL_FLUSH });
}
