import { isUint8Array } from "node:util/types";
import { UID_BYTES, uidText } from "../base/bytes.js";
import { isObject } from "../base/checks.js";
import { bytesText } from "./one-line.js";
import type { Redactor } from "./redactor.js";
import { REDACTED } from "./secret-names.js";

/** The longest text that is shown whole. */
const LONGEST_TEXT = 1_000;

const TYPE = "opamp.proto.v1.";

/**
 * A message as a plain structure that can be shown and turned into JSON: times and counters that a number does not hold
 * as text, uids as UUIDs, hashes in hexadecimal, contents of files, keys and custom messages as `[N bytes]`, values of
 * headers and of `other_settings` and whatever has a secret's name as `[REDACTED]`. What is empty is left out.
 */
export function messageOutline(message: object, redactor: Redactor): Record<string, unknown> {
  const plain = emptyRecord();
  for (const [key, value] of Object.entries(message)) {
    // What the library keeps for itself.
    if (key.startsWith("$")) continue;
    const shown = show(key, value, redactor);
    if (shown !== undefined) plain[key] = shown;
  }
  return plain;
}

function show(key: string, value: unknown, redactor: Redactor): unknown {
  switch (typeof value) {
    case "string":
      return value === "" ? undefined : redactor.value(key, shortened(value));
    case "bigint":
      return value === 0n ? undefined : wholeNumber(value);
    case "object":
      return value === null ? undefined : showObject(key, value, redactor);
    default:
      return value;
  }
}

function showObject(key: string, value: object, redactor: Redactor): unknown {
  if (isUint8Array(value)) return value.length === 0 ? undefined : bytesOf(key, value);
  if (Array.isArray(value)) return value.length === 0 ? undefined : list(key, value, redactor);
  const type = typeOf(value);
  if (type === "AnyValue") return redactor.value(key, plainAny(value));
  if (type === "Headers") return hidden(headers(value));
  if (key === "otherSettings") return hidden(Object.keys(value));
  // One of several kinds.
  if ("case" in value && !("$typeName" in value)) {
    const name = value.case;
    return typeof name === "string" ? { [name]: show(name, memberOf(value, "value"), redactor) } : undefined;
  }
  return messageOutline(value, redactor);
}

function list(key: string, values: readonly unknown[], redactor: Redactor): unknown {
  if (typeOf(values[0]) === "KeyValue") return redactor.record(attributes(values));
  return values.map((value) => show(key, value, redactor));
}

function attributes(pairs: readonly unknown[]): Record<string, unknown> {
  const plain = emptyRecord();
  for (const pair of pairs) plain[String(memberOf(pair, "key"))] = plainAny(memberOf(pair, "value"));
  return plain;
}

/** An attribute's value, bytes as their number. */
function plainAny(any: unknown): unknown {
  const value = memberOf(memberOf(any, "value"), "value");
  if (typeof value === "string") return shortened(value);
  if (typeof value === "bigint") return wholeNumber(value);
  if (typeof value !== "object" || value === null) return value;
  if (isUint8Array(value)) return `[${value.length} bytes]`;
  const values = memberOf(value, "values");
  if (!Array.isArray(values)) return undefined;
  return typeOf(value) === "KeyValueList" ? attributes(values) : values.map(plainAny);
}

function headers(message: object): readonly string[] {
  const given = memberOf(message, "headers");
  return Array.isArray(given) ? given.map((header) => String(memberOf(header, "key"))) : [];
}

/** Which names there are is worth knowing; what they hold is nobody's business. */
function hidden(names: readonly string[]): Record<string, unknown> {
  const plain = emptyRecord();
  for (const name of names) plain[name] = REDACTED;
  return plain;
}

function bytesOf(key: string, bytes: Uint8Array): string {
  const lower = key.toLowerCase();
  if (lower.endsWith("instanceuid") && bytes.length === UID_BYTES) return uidText(bytes);
  return lower.endsWith("hash") ? bytesText(bytes) : `[${bytes.length} bytes]`;
}

function shortened(text: string): string {
  const left = text.length - LONGEST_TEXT;
  return left > 0 ? `${text.slice(0, LONGEST_TEXT)}... (${left} more)` : text;
}

function wholeNumber(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

function typeOf(value: unknown): string | undefined {
  const name = memberOf(value, "$typeName");
  return typeof name === "string" && name.startsWith(TYPE) ? name.slice(TYPE.length) : undefined;
}

function memberOf(value: unknown, name: string): unknown {
  return isObject(value) ? value[name] : undefined;
}

/** Without a prototype, so that a key called "__proto__" is one like any other. */
function emptyRecord(): Record<string, unknown> {
  return Object.create(null);
}
