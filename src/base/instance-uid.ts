import { isUint8Array } from "node:util/types";
import { OpAMPError } from "../errors.js";
import { bytesOfHex, parseUuid, UID_BYTES } from "./bytes.js";
import { kindOf } from "./checks.js";

const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const URN = /^urn:uuid:/i;
const BRACES = /^\{(.*)\}$/;
const HEX = /^[0-9a-f]{32}$/i;
const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/i;

/**
 * Reads a uid wherever a person may give one: 16 bytes; a ULID; a UUID of any version and case, also without hyphens, in
 * braces or as a URN.
 *
 * @param where what to call it in an error
 * @returns a copy
 * @throws OpAMPError `ERR_OPAMP_INSTANCE_UID`
 */
export function parseInstanceUid(given: unknown, where = "instanceUid"): Uint8Array {
  const uid = typeof given === "string" ? bytesOfText(given) : given;
  if (typeof given === "string" && uid === undefined) {
    throw wrong(where, `${JSON.stringify(given)} is neither a UUID nor a ULID`);
  }
  if (!isUint8Array(uid)) throw wrong(where, `must be a UUID, a ULID or ${UID_BYTES} bytes, not ${kindOf(given)}`);
  const problem = uidProblem(uid);
  if (problem !== undefined) throw wrong(where, problem);
  return new Uint8Array(uid);
}

/** What keeps bytes from being a uid; `undefined` for a good one. */
export function uidProblem(uid: Uint8Array): string | undefined {
  if (uid.length !== UID_BYTES) return `has ${uid.length} bytes, not ${UID_BYTES}`;
  return uid.every((byte) => byte === 0) ? "is all zeros, which identifies no agent" : undefined;
}

function wrong(where: string, problem: string): OpAMPError {
  return new OpAMPError("ERR_OPAMP_INSTANCE_UID", `${where}: ${problem}`);
}

function bytesOfText(text: string): Uint8Array | undefined {
  const bare = text.replace(URN, "").replace(BRACES, "$1");
  return parseUuid(bare) ?? (HEX.test(bare) ? bytesOfHex(bare) : bytesOfUlid(text));
}

/** 26 characters of Crockford base 32, 128 bits; the first one holds only three. */
function bytesOfUlid(text: string): Uint8Array | undefined {
  if (!ULID.test(text)) return undefined;
  let value = 0n;
  for (const letter of text.toUpperCase()) value = (value << 5n) | BigInt(CROCKFORD.indexOf(letter));
  return bytesOfHex(value.toString(16).padStart(UID_BYTES * 2, "0"));
}
