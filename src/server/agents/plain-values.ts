import { bytesOfHex, UID_BYTES } from "../../base/bytes.js";
import { OpAMPError } from "../../errors.js";
import type { EffectiveConfig } from "../../gen/opamp/v1/opamp_pb.js";

/** A file of an agent's effective configuration. */
export interface EffectiveFile {
  /** The content. */
  readonly body: Uint8Array;
  /** The media type, or empty. */
  readonly contentType: string;
  /** The body as UTF-8 text, with replacement characters for what is not UTF-8. */
  text(): string;
}

/** Reads UUID text, in any case and with or without hyphens, or takes 16 bytes. Throws ERR_OPAMP_INSTANCE_UID. */
export function uidBytes(uid: string | Uint8Array): Uint8Array {
  const bytes = typeof uid === "string" ? bytesOfUuid(uid) : uid;
  if (bytes?.byteLength === UID_BYTES) return Uint8Array.from(bytes);
  const problem =
    typeof uid === "string"
      ? `"${uid}" is not a UUID`
      : `an instance uid has ${UID_BYTES} bytes, not ${uid.byteLength}`;
  throw new OpAMPError("ERR_OPAMP_INSTANCE_UID", problem, { hint: "give UUID text or 16 bytes" });
}

function bytesOfUuid(text: string): Uint8Array | undefined {
  const hex = text.replaceAll("-", "");
  return /^[0-9a-f]{32}$/i.test(hex) ? bytesOfHex(hex) : undefined;
}

/** The files of a configuration by name, as a record without a prototype. */
export function effectiveFiles(config: EffectiveConfig | undefined): Record<string, EffectiveFile> {
  const files: Record<string, EffectiveFile> = Object.create(null);
  for (const [name, { body, contentType }] of Object.entries(config?.configMap?.configMap ?? {})) {
    files[name] = { body, contentType, text: () => new TextDecoder().decode(body) };
  }
  return files;
}
