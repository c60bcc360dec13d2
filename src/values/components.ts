import { createHash } from "node:crypto";
import { isUint8Array } from "node:util/types";
import { create } from "@bufbuild/protobuf";
import { hexOf } from "../base/bytes.js";
import { isObject, isRecord, member, refuseUnknown, wrongKind, wrongOption } from "../base/checks.js";
import type { AnyValue, KeyValue } from "../gen/opamp/v1/anyvalue_pb.js";
import {
  type AvailableComponents,
  AvailableComponentsSchema,
  type ComponentDetails,
  ComponentDetailsSchema,
} from "../gen/opamp/v1/opamp_pb.js";
import { type Attributes, MAX_ATTRIBUTE_DEPTH, toKeyValues, tooDeep } from "./attributes.js";

/** Something that an agent is built of (COMP-06). */
export interface Component {
  /** What is known about it, such as `{ "code.namespace": "go.example.com/exporter" }`. Default: nothing. */
  readonly metadata?: Attributes | undefined;
  /** The components inside this one, by name. Default: none. */
  readonly components?: Components | undefined;
}

/** Where components may carry a hash of their own making, of 1 to 64 bytes; otherwise one is made (COMP-04). */
export const COMPONENTS_HASH: unique symbol = Symbol("opamp-client components hash");

/** Components by name. The tree need not have the shape of the one in the health. */
export interface Components {
  readonly [name: string]: Component;
  /** The hash to report; default: one of the components themselves. */
  readonly [COMPONENTS_HASH]?: Uint8Array | undefined;
}

const LONGEST_HASH = 64;

type Details = Readonly<Record<string, ComponentDetails>>;

/**
 * Turns components into their wire form, with their hash.
 *
 * @throws {OpAMPError} ERR_OPAMP_OPTION naming the path of what is wrong; so too if components, and lists and records in
 * their metadata, nest more than 32 levels deep or contain themselves.
 */
export function toAvailableComponents(components: Components): AvailableComponents {
  const details = toDetails(components, "availableComponents", 1);
  const hash = ownHash(components[COMPONENTS_HASH]) ?? componentsHash(details);
  return create(AvailableComponentsSchema, { components: details, hash });
}

function ownHash(given: unknown): Uint8Array | undefined {
  if (given === undefined) return undefined;
  if (isUint8Array(given) && given.length > 0 && given.length <= LONGEST_HASH) return new Uint8Array(given);
  throw wrongOption("availableComponents[COMPONENTS_HASH]", `must be 1 to ${LONGEST_HASH} bytes`);
}

/**
 * The hash of a set of components: the same for equal sets in whatever order they were given, on any machine (COMP-04).
 *
 * It is the SHA-256 of a JSON text in UTF-8, made of lists without white space. A set is a list of
 * `[name, metadata, set of those inside]`, metadata is a list of `[key, value]`, both in the order of the UTF-16 code units
 * of names and keys. A value is `[type, content]` with the types and contents `string` text, `bool` true or false, `int`
 * decimal text, `double` the text that JavaScript makes of the number, `bytes` lower-case hexadecimal text, `array` a list
 * of values and `kvlist` a list like metadata.
 */
function componentsHash(details: Details): Uint8Array {
  const text = JSON.stringify(canonicalSet(details));
  return new Uint8Array(createHash("sha256").update(text).digest());
}

function toDetails(components: unknown, where: string, depth: number): Record<string, ComponentDetails> {
  if (!isRecord(components)) throw wrongKind(where, "a record of components", components);
  if (depth > MAX_ATTRIBUTE_DEPTH && Object.keys(components).length > 0) throw tooDeep(where);
  const entries = Object.entries(components);
  // fromEntries makes even "__proto__" an entry.
  return Object.fromEntries(entries.map(([name, inside]) => [name, toComponent(inside, member(where, name), depth)]));
}

function toComponent(component: unknown, where: string, depth: number): ComponentDetails {
  if (!isObject(component)) throw wrongKind(where, "an object such as { metadata }", component);
  // A record's other keys are slips; an instance of a class may have fields of its own.
  if (isRecord(component)) refuseUnknown(where, component, { metadata: true, components: true });
  const { metadata = {}, components = {} } = component;
  return create(ComponentDetailsSchema, {
    metadata: toKeyValues(metadata as Attributes, `${where}.metadata`, depth),
    subComponentMap: toDetails(components, `${where}.components`, depth + 1),
  });
}

function canonicalSet(details: Details): readonly unknown[] {
  const sorted = Object.entries(details).sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([name, { metadata, subComponentMap }]) => {
    return [name, canonicalPairs(metadata), canonicalSet(subComponentMap)];
  });
}

/** Attributes are in order already. */
function canonicalPairs(pairs: readonly KeyValue[]): readonly unknown[] {
  return pairs.map(({ key, value }) => [key, canonicalValue(value)]);
}

function canonicalValue(any: AnyValue | undefined): readonly unknown[] {
  const value = any?.value;
  switch (value?.case) {
    case "stringValue":
      return ["string", value.value];
    case "boolValue":
      return ["bool", value.value];
    case "intValue":
      return ["int", String(value.value)];
    case "doubleValue":
      return ["double", String(value.value)];
    case "bytesValue":
      return ["bytes", hexOf(value.value)];
    case "arrayValue":
      return ["array", value.value.values.map(canonicalValue)];
    case "kvlistValue":
      return ["kvlist", canonicalPairs(value.value.values)];
    case undefined:
      return [];
    default:
      return value satisfies never;
  }
}
