import { OpAMPError } from "../../errors.js";
import { parseInstanceUid } from "../../values/instance-uid.js";

/**
 * A uid as the client takes it: a UUID or a ULID. UUIDs may have the other forms that Go takes: in braces, as a URN,
 * without hyphens.
 *
 * @returns `undefined` for what is none
 */
export function uidOf(text: string): string | undefined {
  const uid = withHyphens(text);
  try {
    parseInstanceUid(uid);
    return uid;
  } catch (thrown) {
    if (thrown instanceof OpAMPError) return undefined;
    throw thrown;
  }
}

function withHyphens(text: string): string {
  const bare = text.replace(/^urn:uuid:/i, "").replace(/^\{(.*)\}$/, "$1");
  return bare.replace(/^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/i, "$1-$2-$3-$4-$5");
}
