import { type DescMessage, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AgentToServerSchema, ServerToAgentSchema } from "../../src/gen/opamp/v1/opamp_pb.js";
import { encodeAgentToServer, encodeServerToAgent } from "../../src/wire/codec.js";
import { MAX_MESSAGE_DEPTH, MAX_MESSAGE_FIELDS } from "../../src/wire/limits.js";
import { scan } from "../../src/wire/scan.js";
import { verifies } from "../conformance/verifies.js";
import { arbitraryMessage } from "./arbitrary-message.js";
import { bytes, concat, field, uid, varint } from "./bytes.js";

const ofServer = (data: Uint8Array) => scan(ServerToAgentSchema, data);
const ofAgent = (data: Uint8Array) => scan(AgentToServerSchema, data);

/** The same piece over and over. */
function times(count: number, piece: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.alloc(count * piece.length, piece));
}

/** A remote config whose map has these bytes for its entries. */
const configMap = (entries: Uint8Array) => field(3, field(1, entries));

describe("a complete message", () => {
  const file = concat(field(1, bytes("61")), field(2, field(1, bytes("6B"))));
  const cases: readonly [string, Uint8Array][] = [
    ["nothing", bytes("")],
    ["a config", concat(field(1, uid), configMap(field(1, file)))],
    ["an entry without key and value", configMap(field(1, bytes("")))],
    ["an entry with a field more", configMap(field(1, concat(file, bytes("18 01"))))],
    ["a number of ten bytes", bytes("30 FF FF FF FF FF FF FF FF FF 01")],
    ["a length written longer than it must be", bytes("0A 81 80 00 07")],
    [
      "unknown fields of every type",
      bytes("98 06 01 99 06 0102030405060708 9A 06 01 00 9D 06 01020304 9B 06 08 01 9C 06"),
    ],
    ["groups in groups", bytes("9B 06 A3 06 08 01 A4 06 9C 06")],
  ];

  test.each(cases)("passes: %s", (_, data) => {
    expect(ofServer(data)).toBeUndefined();
    expect(() => fromBinary(ServerToAgentSchema, data)).not.toThrow();
  });
});

describe("an inconsistent message", () => {
  const CUT = "a field is longer than what holds it";
  const OTHER_TYPE = "a field has another type than it should have";
  const cases: readonly [string, Uint8Array, string][] = [
    ["bytes longer than the message", bytes("0A 02 00"), CUT],
    ["a length of 4 GiB", bytes("0A FF FF FF FF 0F"), CUT],
    ["a length over 32 bits whose low bits fit", bytes("0A 80 80 80 80 10"), CUT],
    ["a length over 64 bits", bytes("0A FF FF FF FF FF FF FF FF FF FF 01"), "a number over 64 bits"],
    [
      "a field that reaches out of its message, though not out of the whole",
      concat(field(3, bytes("12 05 01")), times(8, uid)),
      CUT,
    ],
    ["a message that reaches out of its map entry", configMap(field(1, bytes("0A 01 61 12 05 0A 01 6B"))), CUT],
    ["a map key that reaches out of its entry", concat(configMap(field(1, bytes("0A 05 61"))), uid), CUT],
    ["a number that reaches out of its message", concat(field(9, bytes("08 80")), bytes("01")), CUT],
    ["a fixed number that reaches out of its message", field(3, bytes("99 06 01 02")), CUT],
    ["a tag that reaches out of its message", concat(field(3, bytes("92")), bytes("06")), CUT],
    ["a group that reaches out of its message", concat(field(3, bytes("9B 06 08 01")), bytes("9C 06")), CUT],
    ["a tag over 32 bits", bytes("98 86 80 80 80 80 80 80 80 01 01"), "a tag that is none"],
    ["a field without a number", bytes("02 00"), "a tag that is none"],
    ["a wire type that does not exist", bytes("9E 06 00"), "a tag that is none"],
    ["a group that ends as another one", bytes("9B 06 A4 06"), "a group ends as another one"],
    ["a group that only ends", bytes("9C 06"), "a group ends that has not begun"],
    ["a known field as a group", bytes("1B 1C"), OTHER_TYPE],
    ["bytes where a number belongs", bytes("32 01 05"), OTHER_TYPE],
    ["a number where a message belongs", bytes("18 00"), OTHER_TYPE],
    ["a number where a map key belongs", configMap(field(1, bytes("08 01"))), OTHER_TYPE],
  ];

  test.each(cases)("is refused: %s", (_, data, fault) => {
    expect(ofServer(data)).toBe(fault);
  });

  test("is refused if a fixed-size number is cut short", () => {
    expect(ofAgent(field(5, bytes("11 01 02 03 04 05 06 07 08")))).toBeUndefined();
    expect(ofAgent(concat(field(5, bytes("11 01 02 03 04")), uid))).toBe(CUT);
  });
});

describe("nesting", () => {
  /** Components in components. */
  function components(depth: number): Uint8Array {
    let inner = bytes("08 01");
    for (let level = 3; level <= depth; level++) inner = field(6, field(2, inner));
    return field(5, inner);
  }

  /** Unknown groups around each other. */
  const groups = (depth: number) => concat(times(depth, bytes("9B 06")), times(depth, bytes("9C 06")));

  test("passes down to the limit, and no further", () => {
    expect(ofAgent(components(MAX_MESSAGE_DEPTH))).toBeUndefined();
    expect(ofAgent(components(MAX_MESSAGE_DEPTH + 1))).toMatch(/^nested over the limit/);
    expect(ofAgent(groups(MAX_MESSAGE_DEPTH - 1))).toBeUndefined();
    expect(ofAgent(groups(MAX_MESSAGE_DEPTH))).toMatch(/^nested over the limit/);
  });
});

describe("the number of fields", () => {
  const OVER = `more than ${MAX_MESSAGE_FIELDS} fields`;

  test.each([
    ["known", bytes("30 01")],
    ["unknown", bytes("9A 06 00")],
  ])("is counted exactly: %s", (_, one) => {
    expect(ofServer(times(MAX_MESSAGE_FIELDS, one))).toBeUndefined();
    expect(ofServer(times(MAX_MESSAGE_FIELDS + 1, one))).toBe(OVER);
  });

  test("includes map entries, and what is in messages and groups", () => {
    const entry = field(1, bytes("0A 00 12 00"));
    expect(ofServer(configMap(times(MAX_MESSAGE_FIELDS / 3 - 1, entry)))).toBeUndefined();
    expect(ofServer(configMap(times(MAX_MESSAGE_FIELDS / 3, entry)))).toBe(OVER);
    const group = (fields: number) => concat(bytes("9B 06"), times(fields, bytes("08 01")), bytes("9C 06"));
    expect(ofServer(group(MAX_MESSAGE_FIELDS - 2))).toBeUndefined();
    expect(ofServer(group(MAX_MESSAGE_FIELDS - 1))).toBe(OVER);
  });

  test("includes the numbers of a packed list", () => {
    const list = (data: Uint8Array) => scan(FileDescriptorProtoSchema, field(10, data));
    expect(list(times(MAX_MESSAGE_FIELDS - 1, bytes("01")))).toBeUndefined();
    expect(list(times(MAX_MESSAGE_FIELDS, bytes("01")))).toBe(OVER);
    expect(list(bytes("01 80"))).toMatch(/^a field is longer/);
    expect(scan(FileDescriptorProtoSchema, bytes("50 01 50 02"))).toBeUndefined();
  });

  verifies("SEC-01", "leaves room for 50,000 files, and for large ones", () => {
    const file = { body: new Uint8Array(20), contentType: "text/yaml" };
    const many = Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`conf.d/${index}.yaml`, file]));
    expect(ofServer(encodeServerToAgent({ remoteConfig: { config: { configMap: many } } }))).toBeUndefined();
    expect(ofServer(configMap(field(1, field(2, field(1, new Uint8Array(60_000_000))))))).toBeUndefined();
  });
});

describe("any bytes", () => {
  /** What passes the scan is within its bounds for the decoder too, which may still find fault with it. */
  function agrees(schema: DescMessage, data: Uint8Array): void {
    const fault = scan(schema, data);
    if (fault !== undefined) return void expect(fault).not.toBe("");
    // A longer tag or a text that is not UTF-8 is all that a decoder may object to.
    const read = () => fromBinary(schema, data, { recursionLimit: MAX_MESSAGE_DEPTH });
    try {
      read();
    } catch (error) {
      expect(String(error)).toMatch(/UTF-8|encoded data was not valid|illegal tag/i);
    }
  }

  test("of valid messages pass", () => {
    fc.assert(
      fc.property(
        arbitraryMessage(ServerToAgentSchema, 4),
        arbitraryMessage(AgentToServerSchema, 4),
        (server, agent) => {
          expect(ofServer(encodeServerToAgent(server))).toBeUndefined();
          expect(ofAgent(encodeAgentToServer(agent))).toBeUndefined();
        },
      ),
      { numRuns: 200 },
    );
  });

  test("at random are judged without an exception, and what passes can be decoded", () => {
    const tag = fc.tuple(fc.integer({ min: 1, max: 16 }), fc.constantFrom(0, 1, 2, 3, 4, 5));
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 6 }),
      tag.map(([number, wireType]) => varint((number << 3) | wireType)),
    );
    const data = fc.array(piece, { maxLength: 12 }).map((pieces) => concat(...pieces));
    fc.assert(
      fc.property(data, (each) => {
        agrees(ServerToAgentSchema, each);
        agrees(AgentToServerSchema, each);
      }),
      { numRuns: 3_000 },
    );
  });

  test("of valid messages with a byte changed never cause an exception, and if accepted can be decoded", () => {
    const changed = fc.tuple(arbitraryMessage(ServerToAgentSchema, 4), fc.nat(), fc.nat({ max: 255 }));
    fc.assert(
      fc.property(changed, ([message, at, byte]) => {
        const data = encodeServerToAgent(message);
        if (data.length > 0) data[at % data.length] = byte;
        agrees(ServerToAgentSchema, data);
      }),
      { numRuns: 500 },
    );
  });
});
