import { isUint8Array } from "node:util/types";
import { v7 } from "uuid";
import { bytesOfHex, parseUuid, UID_BYTES } from "../base/bytes.js";
import { kindOf } from "../base/checks.js";
import { OpAMPError } from "../errors.js";

const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** A fresh uid: UUID version 7 (UID-02). */
export function newInstanceUid(): Uint8Array {
  return v7(undefined, new Uint8Array(UID_BYTES));
}

/**
 * Reads a uid given as UUID text, ULID text or 16 bytes.
 *
 * @throws OpAMPError `ERR_OPAMP_INSTANCE_UID`
 */
export function parseInstanceUid(given: string | Uint8Array): Uint8Array {
  if (typeof given === "string") {
    // Version and variant do not matter on the wire; a fleet may have named its agents otherwise.
    const uid = parseUuid(given) ?? parseUlid(given);
    if (uid !== undefined) return uid;
    throw wrong(`${JSON.stringify(given)} is neither a UUID nor a ULID`);
  }
  if (!isUint8Array(given)) throw wrong(`must be a UUID, a ULID or ${UID_BYTES} bytes, not ${kindOf(given)}`);
  if (given.length !== UID_BYTES) throw wrong(`${given.length} bytes, not ${UID_BYTES}`);
  return new Uint8Array(given);
}

function wrong(problem: string): OpAMPError {
  return new OpAMPError("ERR_OPAMP_INSTANCE_UID", `instanceUid: ${problem}`);
}

/** 26 characters of Crockford base 32, 128 bits; the first one holds only three. */
function parseUlid(text: string): Uint8Array | undefined {
  if (!/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/i.test(text)) return undefined;
  let value = 0n;
  for (const letter of text.toUpperCase()) value = (value << 5n) | BigInt(CROCKFORD.indexOf(letter));
  return bytesOfHex(value.toString(16).padStart(UID_BYTES * 2, "0"));
}
