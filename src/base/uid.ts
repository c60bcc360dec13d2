import { bytesOfHex, hexOf } from "./bytes.js";

/** The length of an instance uid on the wire (UID-01). */
export const UID_BYTES = 16;

/** An instance uid as canonical UUID text: lower-case hex, 8-4-4-4-12 (HTTP-08). Bytes of another length as plain hex. */
export function uidText(uid: Uint8Array): string {
  const hex = hexOf(uid);
  return uid.length === UID_BYTES ? hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-") : hex;
}

/** Reads UUID text of any version and case; `undefined` for other text. */
export function parseUuid(text: string): Uint8Array | undefined {
  const isUuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
  return isUuid ? bytesOfHex(text.replaceAll("-", "")) : undefined;
}
