import { type DescEnum, type DescField, type DescFile, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { file_opamp_v1_anyvalue, file_opamp_v1_opamp } from "../../../src/proto/index.js";

const files: readonly DescFile[] = [file_opamp_v1_opamp, file_opamp_v1_anyvalue];

const SCALARS: Readonly<Record<ScalarType, string>> = {
  [ScalarType.DOUBLE]: "number",
  [ScalarType.FLOAT]: "number",
  [ScalarType.INT32]: "number",
  [ScalarType.UINT32]: "number",
  [ScalarType.SINT32]: "number",
  [ScalarType.FIXED32]: "number",
  [ScalarType.SFIXED32]: "number",
  [ScalarType.INT64]: "bigint",
  [ScalarType.UINT64]: "bigint",
  [ScalarType.SINT64]: "bigint",
  [ScalarType.FIXED64]: "bigint",
  [ScalarType.SFIXED64]: "bigint",
  [ScalarType.BOOL]: "boolean",
  [ScalarType.STRING]: "string",
  [ScalarType.BYTES]: "Uint8Array",
};

/** The page of `opamp-client/proto`: each generated message with its fields in one row. */
export function protoPage(): string {
  const messages = files.flatMap((file) => file.messages).flatMap(withNested);
  const enums = files.flatMap((file) => file.enums);
  return `# opamp-client/proto

The messages and enums of OpAMP 0.18.0, as \`@bufbuild/protobuf\` generates them. For each message there is a type (\`AgentToServer\`) and a schema (\`AgentToServerSchema\`);
\`create\`, \`toBinary\`, \`fromBinary\` and \`toJson\` of \`@bufbuild/protobuf\` take the schema. What each field means is said by the
[specification](https://opentelemetry.io/docs/specs/opamp/). Singular messages are \`undefined\` where they are not set; a \`oneof\` is \`{ case, value }\`.

## Messages

| message | fields |
|---|---|
${messages.map(messageRow).join("\n")}

## Enums

| enum | members |
|---|---|
${enums.map(enumRow).join("\n")}
`;
}

function withNested(message: DescMessage): readonly DescMessage[] {
  return [message, ...message.nestedMessages.flatMap(withNested)];
}

function messageRow(message: DescMessage): string {
  const members = message.members.map((member) => {
    if (member.kind === "field") return `\`${member.localName}: ${typeOf(member)}\``;
    return `\`${member.localName}\`: one of ${member.fields.map((field) => `\`${field.localName}: ${typeOf(field)}\``).join(", ")}`;
  });
  return `| \`${tsName(message)}\` | ${members.join(", ") || "none"} |`;
}

function enumRow(one: DescEnum): string {
  return `| \`${tsName(one)}\` | ${one.values.map(({ localName, number }) => `\`${localName}\` ${number}`).join(", ")} |`;
}

function typeOf(field: DescField): string {
  switch (field.fieldKind) {
    case "scalar":
      return SCALARS[field.scalar];
    case "enum":
      return tsName(field.enum);
    case "message":
      return tsName(field.message);
    case "list":
      return `${elementOf(field)}[]`;
    case "map":
      return `{ [key: ${field.mapKey === ScalarType.STRING ? "string" : "number"}]: ${elementOf(field)} }`;
    default:
      return field satisfies never;
  }
}

function elementOf(field: DescField & { fieldKind: "list" | "map" }): string {
  if (field.message !== undefined) return tsName(field.message);
  return field.enum === undefined ? SCALARS[field.scalar] : tsName(field.enum);
}

function tsName({ typeName, file }: DescMessage | DescEnum): string {
  return typeName.slice(file.proto.package.length + 1).replaceAll(".", "_");
}
