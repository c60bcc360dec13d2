import { OpAMPError } from "../../errors.js";

/** The length of an instance uid on the wire, in bytes (UID-01). */
export const UID_BYTES = 16;

/** An instance uid as canonical UUID text; bytes of another length as plain hex. */
export function uidText(uid: Uint8Array): string {
  const hex = Buffer.from(uid).toString("hex");
  return uid.byteLength === UID_BYTES ? hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-") : hex;
}

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
  return Uint8Array.from(Buffer.from(hex, "hex"));
}

function unusable(message: string): OpAMPError {
  return new OpAMPError("ERR_OPAMP_INSTANCE_UID", message, { hint: "give UUID text or 16 bytes" });
}
