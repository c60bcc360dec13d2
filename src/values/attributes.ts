import { isUint8Array } from "node:util/types";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { isRecord, kindOf, member, wrongOption } from "../base/checks.js";
import type { OpAMPError } from "../errors.js";
import { type AnyValueSchema, type KeyValue, KeyValueSchema } from "../gen/opamp/v1/anyvalue_pb.js";

/** The value of an attribute. A bigint is for integers that a number does not hold exactly: signed, at most 64 bits. */
export type AttributeValue =
  | string
  | number
  | bigint
  | boolean
  | Uint8Array
  | readonly AttributeValue[]
  | { readonly [key: string]: AttributeValue };

/** Attributes by name. An entry that is `undefined` is left out. */
export type Attributes = Readonly<Record<string, AttributeValue | undefined>>;

/**
 * How deeply lists and records may nest. A description nested this deep just fits the depth to which protobuf libraries
 * read a message.
 */
export const MAX_ATTRIBUTE_DEPTH = 32;

type AnyValueInit = MessageInitShape<typeof AnyValueSchema>;

/**
 * Turns attributes into their wire form. Keys are sorted, so equal attributes give equal bytes; bytes are copied.
 *
 * Safe integers become integers and other numbers doubles.
 *
 * @param attributes The attributes.
 * @param where How to name them in an error.
 * @param depth How many levels they are nested already, out of {@link MAX_ATTRIBUTE_DEPTH}.
 * @throws {OpAMPError} ERR_OPAMP_OPTION naming the path of a value that cannot be sent, or that nests too deeply or in
 * itself.
 */
export function toKeyValues(attributes: Attributes, where: string, depth = 0): KeyValue[] {
  if (!isRecord(attributes)) throw wrongOption(where, `must be a record of attributes, not ${kindOf(attributes)}`);
  return toSortedPairs(attributes, where, depth);
}

function toSortedPairs(record: Readonly<Record<string, unknown>>, where: string, depth: number): KeyValue[] {
  const present = Object.entries(record).filter(([, value]) => value !== undefined);
  present.sort(([a], [b]) => (a < b ? -1 : 1));
  return present.map(([key, value]) =>
    create(KeyValueSchema, { key, value: toAnyValue(value, member(where, key), depth) }),
  );
}

function toAnyValue(value: unknown, where: string, depth: number): AnyValueInit {
  switch (typeof value) {
    case "string":
      return { value: { case: "stringValue", value } };
    case "boolean":
      return { value: { case: "boolValue", value } };
    case "number":
      return Number.isSafeInteger(value)
        ? { value: { case: "intValue", value: BigInt(value) } }
        : { value: { case: "doubleValue", value } };
    case "bigint":
      if (BigInt.asIntN(64, value) !== value) throw wrongOption(where, "does not fit a signed 64-bit integer");
      return { value: { case: "intValue", value } };
    default:
      return fromObject(value, where, depth);
  }
}

function fromObject(value: unknown, where: string, depth: number): AnyValueInit {
  if (isUint8Array(value)) return { value: { case: "bytesValue", value: new Uint8Array(value) } };
  const isList = Array.isArray(value);
  if (!isList && !isRecord(value)) {
    const kinds = "a string, number, bigint, boolean, Uint8Array, array or record";
    throw wrongOption(where, `must be ${kinds}, not ${kindOf(value)}`);
  }
  if (depth >= MAX_ATTRIBUTE_DEPTH) throw tooDeep(where);
  if (isList) {
    const values = Array.from(value, (item: unknown, index) => toAnyValue(item, member(where, index), depth + 1));
    return { value: { case: "arrayValue", value: { values } } };
  }
  return { value: { case: "kvlistValue", value: { values: toSortedPairs(value, where, depth + 1) } } };
}

/** The error for attributes, components or a health that nest over {@link MAX_ATTRIBUTE_DEPTH} levels deep. */
export function tooDeep(where: string): OpAMPError {
  return wrongOption(where, `nests more than ${MAX_ATTRIBUTE_DEPTH} levels deep, or contains itself`);
}
