import type { AnyValue, KeyValue } from "../gen/opamp/v1/anyvalue_pb.js";

/** The value of a reported attribute: an integer is a number where that is exact, otherwise a bigint. */
export type PlainValue =
  | string
  | number
  | bigint
  | boolean
  | Uint8Array
  | readonly PlainValue[]
  | { readonly [key: string]: PlainValue };

/** Attributes as a record without a prototype; empty values are left out, bytes are copies, the last of equal keys counts. */
export function plainAttributes(keyValues: readonly KeyValue[]): Record<string, PlainValue> {
  const attributes: Record<string, PlainValue> = Object.create(null);
  for (const { key, value } of keyValues) {
    const plain = plainValue(value);
    if (plain !== undefined) attributes[key] = plain;
  }
  return attributes;
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
