import { type DescEnum, type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { describe, expect } from "vitest";
import { file_opamp_v1_anyvalue } from "../../src/gen/opamp/v1/anyvalue_pb.js";
import { file_opamp_v1_opamp } from "../../src/gen/opamp/v1/opamp_pb.js";
import { verifies } from "../conformance/verifies.js";
import { enumTable, messageTable } from "./schema-table.js";

const files = [file_opamp_v1_opamp, file_opamp_v1_anyvalue];
const messages = files.flatMap((file) => file.messages);
const enums = files.flatMap((file) => file.enums);

function scalarName(scalar: ScalarType): string {
  return (ScalarType[scalar] ?? "?").toLowerCase();
}

function typeOf(field: DescField): string {
  switch (field.fieldKind) {
    case "scalar":
      return scalarName(field.scalar);
    case "enum":
      return field.enum.name;
    case "message":
      return field.message.name;
    case "list":
      return `repeated ${elementOf(field.listKind, field.scalar, field.message, field.enum)}`;
    case "map":
      return `map<${scalarName(field.mapKey)}, ${elementOf(field.mapKind, field.scalar, field.message, field.enum)}>`;
    default:
      return field satisfies never;
  }
}

function elementOf(
  kind: "scalar" | "message" | "enum",
  scalar: ScalarType | undefined,
  message: DescMessage | undefined,
  enumeration: DescEnum | undefined,
): string {
  return (kind === "scalar" && scalar !== undefined ? scalarName(scalar) : (message ?? enumeration)?.name) ?? "?";
}

function row(field: DescField): string {
  const oneof = field.oneof === undefined ? "" : `oneof ${field.oneof.name} `;
  return `${field.name} = ${field.number}: ${oneof}${typeOf(field)}`;
}

describe("the schema", () => {
  verifies(
    ["INTEROP-03"],
    "the generated schema has every message, field, number and type of the published one, and no other",
    () => {
      const generated = Object.fromEntries(messages.map((message) => [message.name, message.fields.map(row)]));
      expect(generated).toEqual(messageTable);
    },
  );

  verifies(["INTEROP-03"], "the generated schema has every enum and value of the published one, and no other", () => {
    const generated = Object.fromEntries(
      enums.map((desc) => [desc.name, desc.values.map((value) => `${value.name} = ${value.number}`)]),
    );
    expect(generated).toEqual(enumTable);
  });

  verifies(["INTEROP-03"], "the generated schema has 41 messages, 135 fields, 10 enums and 49 enum values", () => {
    expect(messages).toHaveLength(41);
    expect(messages.flatMap((message) => message.fields)).toHaveLength(135);
    expect(enums).toHaveLength(10);
    expect(enums.flatMap((desc) => desc.values)).toHaveLength(49);
  });

  verifies(["INTEROP-03"], "the generated schema lives in the published package, at top level only", () => {
    for (const desc of [...messages, ...enums]) {
      expect(desc.typeName).toBe(`opamp.proto.v1.${desc.name}`);
    }
    expect(messages.flatMap((message) => [...message.nestedMessages, ...message.nestedEnums])).toEqual([]);
  });
});
