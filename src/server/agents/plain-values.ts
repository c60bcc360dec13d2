import { bytesOfHex, UID_BYTES } from "../../base/bytes.js";
import { OpAMPError } from "../../errors.js";
import type { AnyValue, KeyValue } from "../../gen/opamp/v1/anyvalue_pb.js";
import type { EffectiveConfig } from "../../gen/opamp/v1/opamp_pb.js";

/** The value of a reported attribute: an integer is a number where that is exact, otherwise a bigint. */
export type PlainValue =
  | string
  | number
  | bigint
  | boolean
  | Uint8Array
  | readonly PlainValue[]
  | { readonly [key: string]: PlainValue };

/** A file of an agent's effective configuration. */
export interface EffectiveFile {
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

/** Attributes as a record without a prototype; empty values are left out, bytes are copies, the last of equal keys counts. */
export function plainAttributes(keyValues: readonly KeyValue[]): Record<string, PlainValue> {
  const attributes: Record<string, PlainValue> = Object.create(null);
  for (const { key, value } of keyValues) {
    const plain = plainValue(value);
    if (plain !== undefined) attributes[key] = plain;
  }
  return attributes;
}

/** The files of a configuration by name, as a record without a prototype. */
export function effectiveFiles(config: EffectiveConfig | undefined): Record<string, EffectiveFile> {
  const files: Record<string, EffectiveFile> = Object.create(null);
  for (const [name, { body, contentType }] of Object.entries(config?.configMap?.configMap ?? {})) {
    files[name] = { body, contentType, text: () => new TextDecoder().decode(body) };
  }
  return files;
}

function plainValue(any: AnyValue | undefined): PlainValue | undefined {
  const member = any?.value;
  switch (member?.case) {
    case undefined:
      return undefined;
    case "stringValue":
    case "boolValue":
    case "doubleValue":
      return member.value;
    case "bytesValue":
      return new Uint8Array(member.value);
    case "intValue": {
      const number = Number(member.value);
      return Number.isSafeInteger(number) ? number : member.value;
    }
    case "arrayValue":
      return member.value.values.map(plainValue).filter((value) => value !== undefined);
    case "kvlistValue":
      return plainAttributes(member.value.values);
    default:
      return member satisfies never;
  }
}
