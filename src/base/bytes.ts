import { createHash } from "node:crypto";

/** Whether two byte strings are equal; a missing one equals nothing. */
export function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && a.length === b.length && Buffer.compare(a, b) === 0;
}

/** Bytes in lower-case hexadecimal. */
export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

/** The opposite of {@link hexOf}, for text known to be hexadecimal. */
export function bytesOfHex(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, "hex"));
}

/** Text as UTF-8; bytes as they are. */
export function bytesOf(given: string | Uint8Array): Uint8Array {
  return typeof given === "string" ? new TextEncoder().encode(given) : given;
}

/** SHA-256 over parts, and over where one ends and the next begins. */
export function sha256(parts: readonly (string | Uint8Array)[]): Uint8Array {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part);
  return Uint8Array.from(hash.digest());
}

/** What tells one set of files from another: SHA-256 over names, media types and bodies, in whatever order they come. */
export function digestOfFiles(files: Readonly<Record<string, { body: Uint8Array; contentType: string }>>): Uint8Array {
  const entries = Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1));
  return sha256(entries.flatMap(([name, { body, contentType }]) => [name, contentType, body]));
}

/** The length of an instance uid on the wire (UID-01). */
export const UID_BYTES = 16;

/** An instance uid as canonical UUID text: lower-case hex, 8-4-4-4-12 (HTTP-08). Bytes of another length as plain hex. */
export function uidText(uid: Uint8Array): string {
  const hex = hexOf(uid);
  if (uid.length !== UID_BYTES) return hex;
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Reads UUID text of any version and case; `undefined` for other text. */
export function parseUuid(text: string): Uint8Array | undefined {
  const isUuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
  return isUuid ? bytesOfHex(text.replaceAll("-", "")) : undefined;
}
