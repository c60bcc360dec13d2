import { createHash } from "node:crypto";
import { isUint8Array } from "node:util/types";
import { kindOf } from "../base/checks.js";
import { OpAMPError } from "../errors.js";
import { FOREIGN_HINT, foreignError, laterError } from "./store-error.js";

/** Begins every file of a blob. The first line goes on with the version and the hash of what follows it. */
export const BLOB_START = "opamp-client blob ";
const VERSION = 1;
/** No dot, so that no blob has the name of a temporary file or of one that was set aside. */
const NAME = /^[a-z0-9][a-z0-9-]{0,63}$/;
/** What a state has the name of, which says what the content is. Without a state that names it nobody finds it again. */
const NAMED_BY_STATE = /^(connection|connection-offer|other)-[0-9a-f]{32}$/;
/** A request for a certificate, with its key. */
export const REQUEST_BLOB = "certificate-request";
const FIRST_LINE_BYTES = firstLineOf(new Uint8Array()).length;
const MAX_BLOB_BYTES = 4 * 1024 * 1024;
export const MAX_BLOB_FILE_BYTES = FIRST_LINE_BYTES + MAX_BLOB_BYTES;

/** @throws OpAMPError `ERR_OPAMP_STORE`, not retryable, for a name that no blob may have */
export function checkBlobName(name: string): void {
  if (typeof name === "string" && NAME.test(name)) return;
  const text = `a blob cannot be named ${JSON.stringify(name)}`;
  const hint = "use 1 to 64 of a-z, 0-9 and hyphens, and no hyphen at the beginning";
  throw new OpAMPError("ERR_OPAMP_STORE", text, { hint, retryable: false });
}

/** Whether a blob is of use only as long as a state names it. */
export function isNamedByState(name: string): boolean {
  return NAMED_BY_STATE.test(name);
}

/** Whether this package names a blob so, rather than its host. */
export function isOwnName(name: string): boolean {
  return name === REQUEST_BLOB || isNamedByState(name);
}

/**
 * A copy of what is to be kept.
 *
 * @throws OpAMPError `ERR_OPAMP_STORE`, not retryable, for what is too large or not bytes
 */
export function copyOfBlob(bytes: Uint8Array): Uint8Array {
  if (!isUint8Array(bytes)) throw unfit(`a blob has to be a Uint8Array, and this is ${kindOf(bytes)}`);
  if (bytes.length <= MAX_BLOB_BYTES) return new Uint8Array(bytes);
  throw unfit(`the blob has ${bytes.length} bytes, and may have ${MAX_BLOB_BYTES}`);
}

/** A blob as a file: a line with our mark and the SHA-256 of the blob, and the blob as it is. */
export function encodeBlob(blob: Uint8Array): readonly Uint8Array[] {
  return [firstLineOf(blob), blob];
}

/**
 * The opposite of {@link encodeBlob}; `undefined` where the file is ours and damaged.
 *
 * @param path what to call the file
 * @throws OpAMPError `ERR_OPAMP_STORE` with `foreignStore` for a file without our mark, or of a later version
 */
export function decodeBlob(file: Buffer, path: string): Uint8Array | undefined {
  const firstLine = file.subarray(0, FIRST_LINE_BYTES);
  const text = firstLine.toString("latin1");
  if (!text.startsWith(BLOB_START)) throw foreignError(`${path} is not a blob of opamp-client`, FOREIGN_HINT);
  const version = Number.parseInt(text.slice(BLOB_START.length), 10);
  if (version > VERSION) throw laterError(path, version, VERSION);
  const blob = file.subarray(FIRST_LINE_BYTES);
  return firstLine.equals(firstLineOf(blob)) ? new Uint8Array(blob) : undefined;
}

function firstLineOf(blob: Uint8Array): Buffer {
  return Buffer.from(`${BLOB_START}${VERSION} ${createHash("sha256").update(blob).digest("hex")}\n`);
}

function unfit(text: string): OpAMPError {
  return new OpAMPError("ERR_OPAMP_STORE", text, { hint: "keep what is large in a file of its own", retryable: false });
}
