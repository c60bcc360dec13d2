import { bytesOfHex } from "../../base/bytes.js";
import { UID_BYTES } from "../../base/uid.js";
import { OpAMPError } from "../../errors.js";

/** Reads UUID text, in any case and with or without hyphens, or takes 16 bytes. Throws ERR_OPAMP_INSTANCE_UID. */
export function uidBytes(uid: string | Uint8Array): Uint8Array {
  if (typeof uid !== "string") {
    if (uid.byteLength !== UID_BYTES) {
      throw unusable(`an instance uid has ${UID_BYTES} bytes, not ${uid.byteLength}`);
    }
    return Uint8Array.from(uid);
  }
  const hex = uid.replaceAll("-", "");
  if (!/^[0-9a-f]{32}$/i.test(hex)) {
    throw unusable(`"${uid}" is not a UUID`);
  }
  return bytesOfHex(hex);
}

function unusable(message: string): OpAMPError {
  return new OpAMPError("ERR_OPAMP_INSTANCE_UID", message, { hint: "give UUID text or 16 bytes" });
}
