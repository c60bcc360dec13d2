import { isUint8Array } from "node:util/types";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { isObject, isRecord, member, wrongKind, wrongOption } from "../base/checks.js";
import type { OpAMPError } from "../errors.js";
import { type AnyValueSchema, type KeyValue, KeyValueSchema } from "../gen/opamp/v1/anyvalue_pb.js";

/**
 * The value of an attribute, as OpenTelemetry has it and more. A bigint is for integers that a number does not hold
 * exactly: signed, at most 64 bits. Items of a list that are `null` or `undefined` are left out.
 */
export type AttributeValue =
  | string
  | number
  | bigint
  | boolean
  | Uint8Array
  | readonly (AttributeValue | null | undefined)[]
  | { readonly [key: string]: AttributeValue };

/** Attributes by name. An entry that is `undefined` is left out. */
export type Attributes = Readonly<Record<string, AttributeValue | undefined>>;

/** What the SDK of OpenTelemetry calls a resource. Its attributes must have been detected: see `waitForAsyncAttributes`. */
export interface ResourceLike {
  /** Its attributes. */
  readonly attributes: Attributes;
  /** Whether some are still being detected. */
  readonly asyncAttributesPending?: boolean | undefined;
  /** Tells it from plain attributes; not called. */
  merge(other: never): unknown;
}

/** Attributes by name, or a resource that has them. */
export type AttributeSource = Attributes | ResourceLike;

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
 * @param attributes The attributes, or a resource that has them.
 * @param where How to name them in an error.
 * @param depth How many levels they are nested already, out of {@link MAX_ATTRIBUTE_DEPTH}.
 * @throws {OpAMPError} ERR_OPAMP_OPTION naming the path of a value that cannot be sent, or that nests too deeply or in
 * itself.
 */
export function toKeyValues(attributes: AttributeSource, where: string, depth = 0): KeyValue[] {
  return toSortedPairs(attributesOf(attributes, where), where, depth);
}

/**
 * The attributes themselves.
 *
 * @throws {OpAMPError} ERR_OPAMP_OPTION for anything else, and for a resource whose attributes are still being detected
 */
export function attributesOf(given: AttributeSource, where: string): Attributes {
  if (isResource(given)) {
    if (given.asyncAttributesPending !== true) return given.attributes;
    throw wrongOption(where, "is still being detected; await its waitForAsyncAttributes() first");
  }
  if (!isRecord(given)) throw wrongKind(where, "a record of attributes", given);
  return given;
}

function isResource(given: AttributeSource): given is ResourceLike {
  return isObject(given) && typeof given["merge"] === "function" && isObject(given["attributes"]);
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
    throw wrongKind(where, kinds, value);
  }
  if (depth >= MAX_ATTRIBUTE_DEPTH) throw tooDeep(where);
  if (isList) {
    const values = value.flatMap((item: unknown, index) =>
      item === null || item === undefined ? [] : [toAnyValue(item, member(where, index), depth + 1)],
    );
    return { value: { case: "arrayValue", value: { values } } };
  }
  return { value: { case: "kvlistValue", value: { values: toSortedPairs(value, where, depth + 1) } } };
}

/** The error for attributes, components or a health that nest over {@link MAX_ATTRIBUTE_DEPTH} levels deep. */
export function tooDeep(where: string): OpAMPError {
  return wrongOption(where, `nests more than ${MAX_ATTRIBUTE_DEPTH} levels deep, or contains itself`);
}
