import { hexOf } from "../base/bytes.js";

/** Hashes, signatures and uids, of which everybody wants to see what they are. */
const LONGEST = 64;

/** Bytes in hexadecimal, or just how many there are where that would be long: the server chooses. */
export function bytesText(bytes: Uint8Array): string {
  if (bytes.length > LONGEST) return `[${bytes.length} bytes]`;
  return hexOf(bytes);
}
