import { create, type DescField, type DescMessage, type MessageShape, ScalarType } from "@bufbuild/protobuf";
import fc from "fast-check";

const key = fc.oneof(fc.string({ maxLength: 8, unit: "binary" }), fc.constantFrom("__proto__", "constructor", "", "7"));
const payload = fc.uint8Array({ maxLength: 24 });

/** Any message of a type, with nested ones down to `depth` levels. */
export function arbitraryMessage<D extends DescMessage>(schema: D, depth: number): fc.Arbitrary<MessageShape<D>> {
  return record(schema, depth).map((members) => Object.assign(create(schema), members));
}

function record(schema: DescMessage, depth: number): fc.Arbitrary<Record<string, unknown>> {
  const members: Record<string, fc.Arbitrary<unknown>> = {};
  for (const member of schema.members) {
    const cases = member.kind === "oneof" ? member.fields : [];
    const arbitrary = member.kind === "oneof" ? oneofCase(cases, depth) : fieldValue(member, depth);
    if (arbitrary !== undefined) {
      members[member.localName] = arbitrary;
    }
  }
  return fc.record(members, { requiredKeys: [] });
}

function oneofCase(fields: readonly DescField[], depth: number): fc.Arbitrary<unknown> {
  const cases = fields.flatMap((field) => {
    const value = fieldValue(field, depth);
    return value === undefined ? [] : [value.map((inner) => ({ case: field.localName, value: inner }))];
  });
  return fc.oneof(fc.constant({ case: undefined }), ...cases);
}

function fieldValue(field: DescField, depth: number): fc.Arbitrary<unknown> | undefined {
  const isNested = field.message !== undefined;
  if (isNested && depth <= 0) {
    return undefined;
  }
  switch (field.fieldKind) {
    case "scalar":
      return scalar(field.scalar);
    case "enum":
      return fc.oneof(fc.constantFrom(...field.enum.values.map((value) => value.number)), fc.integer());
    case "message":
      return arbitraryMessage(field.message, depth - 1);
    case "list":
      return fc.array(element(field.message, field.scalar, depth), { maxLength: 3 });
    case "map":
      return fc
        .array(fc.tuple(key, element(field.message, field.scalar, depth)), { maxLength: 3 })
        .map((entries) => Object.fromEntries(entries));
    default:
      return field satisfies never;
  }
}

function element(message: DescMessage | undefined, type: ScalarType | undefined, depth: number): fc.Arbitrary<unknown> {
  return message === undefined ? scalar(type ?? ScalarType.INT32) : arbitraryMessage(message, depth - 1);
}

function scalar(type: ScalarType): fc.Arbitrary<unknown> {
  switch (type) {
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.BYTES:
      return payload;
    case ScalarType.DOUBLE:
      return fc.double();
    case ScalarType.STRING:
      return fc.string({ maxLength: 12, unit: "binary" });
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    case ScalarType.INT64:
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    default:
      throw new Error(`no OpAMP field has the type ${ScalarType[type]}`);
  }
}
