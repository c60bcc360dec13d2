import { isDeepStrictEqual } from "node:util";
import { create, equals } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { OpAMPError } from "../../src/errors.js";
import { ComponentHealthSchema, ServerToAgentSchema } from "../../src/gen/opamp/v1/opamp_pb.js";
import {
  type Decoded,
  decodeAgentToServer,
  decodeServerToAgent,
  encodeAgentToServer,
  encodeReport,
  encodeServerToAgent,
} from "../../src/wire/codec.js";
import { MAX_MESSAGE_DEPTH } from "../../src/wire/limits.js";
import { verifies } from "../conformance/verifies.js";
import { bytes, concat, field, hex, uid, varint } from "./bytes.js";

function messageOf<T>(decoded: Decoded<T>): T {
  if (!decoded.ok) {
    throw decoded.error;
  }
  return decoded.message;
}

function errorOf(decoded: Decoded<unknown>): OpAMPError {
  if (decoded.ok) {
    throw new Error("was decoded");
  }
  return decoded.error;
}

/** Field 99 as a varint, as bytes, as a message and as a group that holds a message. */
const UNKNOWN = concat(
  bytes("98 06 AC 02"),
  field(99, bytes("00 FF")),
  field(99, field(99, bytes("01"))),
  bytes("9B 06 08 01 9B 06 9C 06 9C 06"),
);

/** Nests `content` in a field time and again. */
function nested(levels: number, number: number, content: Uint8Array): Uint8Array {
  return levels === 0 ? content : field(number, nested(levels - 1, number, content));
}

describe("unknown fields", () => {
  /** An offer, with something else at the end of every message in it. */
  function offer(more: Uint8Array): Uint8Array {
    const entry = concat(field(1, bytes("61")), field(2, concat(field(1, bytes("6B")), more)));
    const config = concat(field(1, concat(field(1, entry), more)), field(2, bytes("01")), more);
    return concat(field(1, uid), field(3, config), more);
  }

  const message = offer(UNKNOWN);

  verifies(["INTEROP-01"], "do not keep known ones from being read, at any level", () => {
    const decoded = messageOf(decodeServerToAgent(message));
    expect(decoded.instanceUid).toEqual(uid);
    expect(decoded.remoteConfig?.configHash).toEqual(bytes("01"));
    expect(decoded.remoteConfig?.config?.configMap["a"]?.body).toEqual(bytes("6B"));
  });

  verifies(["INTEROP-01"], "of a server's message are skipped and not kept", () => {
    const without = offer(new Uint8Array());
    expect(isDeepStrictEqual(decodeServerToAgent(message), decodeServerToAgent(without))).toBe(true);
    expect(hex(encodeServerToAgent(messageOf(decodeServerToAgent(message))))).toBe(hex(without));
  });

  verifies(["INTEROP-01"], "of an agent's message survive decoding and encoding at every level", () => {
    const component = concat(field(1, bytes("61")), field(2, concat(bytes("08 01"), UNKNOWN)));
    const report = concat(field(1, uid), field(5, concat(bytes("08 01"), field(6, component), UNKNOWN)), UNKNOWN);
    expect(hex(encodeAgentToServer(messageOf(decodeAgentToServer(report))))).toBe(hex(report));
  });
});

describe("unknown values", () => {
  verifies(
    ["INTEROP-02"],
    "such as enum values and bits survive decoding and encoding, with the known bits in place",
    () => {
      const message = concat(
        field(2, bytes("08 07")), // error_response.type 7
        field(5, field(1, concat(field(1, bytes("61")), field(2, bytes("08 09"))))), // a package of type 9
        concat(bytes("30"), varint(0x80000003)), // flags
        concat(bytes("38"), varint(0xffffffff)), // capabilities
        field(9, bytes("08 63")), // command.type 99
      );
      const decoded = messageOf(decodeServerToAgent(message));
      expect(decoded.errorResponse?.type).toBe(7);
      expect(decoded.packagesAvailable?.packages["a"]?.type).toBe(9);
      expect(decoded.flags).toBe(0x80000003n);
      expect(decoded.capabilities).toBe(0xffffffffn);
      expect(decoded.command?.type).toBe(99);
      expect(hex(encodeServerToAgent(decoded))).toBe(hex(message));
    },
  );

  verifies(["INTEROP-02"], "such as negative enum values survive decoding and encoding", () => {
    const message = field(9, bytes("08 FF FF FF FF FF FF FF FF FF 01"));
    const decoded = messageOf(decodeServerToAgent(message));
    expect(decoded.command?.type).toBe(-1);
    expect(hex(encodeServerToAgent(decoded))).toBe(hex(message));
  });
});

describe("64-bit values", () => {
  const MAX = 2n ** 64n - 1n;

  test.each([1n, 2n ** 53n + 1n, 2n ** 63n, MAX])("are exact: %d", (value) => {
    const sent = encodeAgentToServer({
      sequenceNum: value,
      capabilities: value,
      health: { startTimeUnixNano: value, statusTimeUnixNano: value },
    });
    const decoded = messageOf(decodeAgentToServer(sent));
    expect(decoded.sequenceNum).toBe(value);
    expect(decoded.capabilities).toBe(value);
    expect(decoded.health?.startTimeUnixNano).toBe(value);
    expect(decoded.health?.statusTimeUnixNano).toBe(value);
  });

  test.each([-(2n ** 63n), -1n, 0n, 2n ** 53n + 1n, 2n ** 63n - 1n])("are exact in an attribute: %d", (value) => {
    const sent = encodeAgentToServer({
      agentDescription: { identifyingAttributes: [{ key: "n", value: { value: { case: "intValue", value } } }] },
    });
    const [attribute] = messageOf(decodeAgentToServer(sent)).agentDescription?.identifyingAttributes ?? [];
    expect(attribute?.value?.value).toEqual({ case: "intValue", value });
  });

  test("are exact in the delay a server asks for", () => {
    const sent = encodeServerToAgent({
      errorResponse: { Details: { case: "retryInfo", value: { retryAfterNanoseconds: MAX } } },
    });
    const details = messageOf(decodeServerToAgent(sent)).errorResponse?.Details;
    expect(details?.case === "retryInfo" && details.value.retryAfterNanoseconds).toBe(MAX);
  });
});

describe("map keys such as `__proto__`", () => {
  const names = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "valueOf"];
  const entry = (name: string) => field(1, concat(field(1, Buffer.from(name)), field(2, field(1, Buffer.from(name)))));
  const message = field(3, field(1, concat(...names.map(entry))));

  test("are ordinary entries and touch no prototype", () => {
    const before = Object.getOwnPropertyNames(Object.prototype);
    const map = messageOf(decodeServerToAgent(message)).remoteConfig?.config?.configMap ?? {};
    expect(Object.keys(map)).toEqual(names);
    expect(Object.entries(map).map(([, file]) => Buffer.from(file.body).toString())).toEqual(names);
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
    expect(Object.getPrototypeOf(map)).toBe(Object.prototype);
  });

  test("survive decoding and encoding", () => {
    expect(hex(encodeServerToAgent(messageOf(decodeServerToAgent(message))))).toBe(hex(message));
  });

  test("are sent from a plain record", () => {
    const configMap = Object.fromEntries(names.map((name) => [name, { body: Buffer.from(name) }]));
    expect(hex(encodeServerToAgent({ remoteConfig: { config: { configMap } } }))).toBe(hex(message));
  });
});

describe("invalid bytes", () => {
  const deep = 100_000;
  const cases: readonly [string, Uint8Array][] = [
    ["a field cut short", bytes("0A 10 00 01")],
    ["a tag alone", bytes("1A")],
    ["a nested message longer than the rest", bytes("1A 7F 0A 00")],
    ["a length beyond 32 bits", bytes("0A FF FF FF FF FF FF FF FF FF 01")],
    ["a varint without an end", bytes("30 FF FF FF FF FF FF FF FF FF FF FF")],
    ["field number zero", bytes("00 01")],
    ["a wire type that does not exist", bytes("0F 01")],
    ["a group that ends without a beginning", bytes("9C 06")],
    ["a group without an end", bytes("9B 06 08 01")],
    ["text that is not UTF-8", field(2, field(2, bytes("C3 28")))],
    ["a map key that is not UTF-8", field(3, field(1, field(1, field(1, bytes("FF")))))],
    ["groups nested a hundred thousand deep", bytes("9B 06".repeat(deep))],
  ];

  test.each(cases)("are an error and not an exception: %s", (_, data) => {
    const error = errorOf(decodeServerToAgent(data));
    expect(error).toBeInstanceOf(OpAMPError);
    expect(error.code).toBe("ERR_OPAMP_MALFORMED");
    expect(error.message).toMatch(/^not a valid ServerToAgent: ./);
  });

  test("lead to a hint that names the sender, on either side", () => {
    expect(errorOf(decodeServerToAgent(bytes("0A"))).hint).toMatch(/^the server sent/);
    expect(errorOf(decodeAgentToServer(bytes("0A"))).hint).toMatch(/^the agent sent/);
    expect(errorOf(decodeAgentToServer(bytes("0A"))).message).toMatch(/^not a valid AgentToServer: ./);
  });
});

describe("nesting", () => {
  /** An AgentToServer whose health nests so that the innermost message is `depth` levels down. */
  function health(depth: number): Uint8Array {
    let inner = bytes("08 01");
    for (let level = 3; level <= depth; level++) {
      inner = field(6, concat(field(1, bytes("61")), field(2, inner)));
    }
    return field(5, inner);
  }

  /** A description with one attribute whose value nests in arrays. */
  function arrays(levels: number): Uint8Array {
    let value = bytes("18 01");
    for (let level = 0; level < levels; level++) {
      value = field(5, field(1, value));
    }
    return field(3, field(1, field(2, value)));
  }

  test("is read down to the limit and refused beyond it", () => {
    expect(decodeAgentToServer(health(MAX_MESSAGE_DEPTH)).ok).toBe(true);
    expect(errorOf(decodeAgentToServer(health(MAX_MESSAGE_DEPTH + 1))).message).toMatch(
      /over the limit of 100 messages/,
    );
  });

  test("is bounded in attribute values and in unknown groups too", () => {
    expect(decodeAgentToServer(arrays(40)).ok).toBe(true);
    expect(decodeAgentToServer(arrays(60)).ok).toBe(false);
    expect(decodeAgentToServer(bytes("9B 06".repeat(90) + "9C 06".repeat(90))).ok).toBe(true);
    expect(decodeAgentToServer(bytes("9B 06".repeat(110) + "9C 06".repeat(110))).ok).toBe(false);
  });

  test("within unknown fields is not checked", () => {
    const message = nested(300, 99, bytes("01"));
    expect(hex(encodeAgentToServer(messageOf(decodeAgentToServer(message))))).toBe(hex(message));
    expect(decodeServerToAgent(message).ok).toBe(true);
  });
});

describe("fields of type bytes", () => {
  test("are plain views of the input, even if that is a Buffer", () => {
    const input = Buffer.from(field(1, uid));
    const { instanceUid } = messageOf(decodeServerToAgent(input));
    expect(Object.getPrototypeOf(instanceUid)).toBe(Uint8Array.prototype);
    const copy = instanceUid.slice();
    input.fill(0);
    expect(copy).toEqual(uid);
    expect(instanceUid).toEqual(new Uint8Array(16));
  });

  test("are decoded at the right place from a view into a larger buffer", () => {
    const larger = concat(bytes("FF FF FF"), field(1, uid), bytes("FF FF"));
    expect(messageOf(decodeServerToAgent(larger.subarray(3, -2))).instanceUid).toEqual(uid);
  });
});

describe("a report", () => {
  const mandatory = { instanceUid: uid, sequenceNum: 7n, capabilities: 3n };

  test.each([
    ["unset", 0],
    ["applied", 1],
    ["applying", 2],
    ["failed", 3],
  ] as const)("has the number that the schema has for %s", (status, number) => {
    const hash = bytes("00 FF 80");
    const sent = encodeReport({ ...mandatory, remoteConfigStatus: { hash, status, error: "no such file" } });
    const expected = { lastRemoteConfigHash: hash, status: number, errorMessage: "no such file" };
    expect(hex(sent)).toBe(hex(encodeAgentToServer({ ...mandatory, remoteConfigStatus: expected })));
    expect(messageOf(decodeAgentToServer(sent)).remoteConfigStatus).toMatchObject(expected);
  });

  test("without a status has none, and everything else as it is", () => {
    const health = create(ComponentHealthSchema, { healthy: true });
    const customMessage = { capability: "c", type: "t", data: bytes("01") };
    const fields = { ...mandatory, flags: 1n, health, agentDisconnect: {}, customMessage };
    expect(hex(encodeReport(fields))).toBe(hex(encodeAgentToServer(fields)));
  });
});

describe("encoding", () => {
  test("replaces half a surrogate pair instead of failing", () => {
    const sent = encodeAgentToServer({ health: { lastError: "cut \ud83d" } });
    expect(messageOf(decodeAgentToServer(sent)).health?.lastError).toBe("cut \ufffd");
  });

  test("takes a ready message as well as its fields", () => {
    const message = create(ServerToAgentSchema, { instanceUid: uid, flags: 1n });
    expect(encodeServerToAgent(message)).toEqual(encodeServerToAgent({ instanceUid: uid, flags: 1n }));
    const again = messageOf(decodeServerToAgent(encodeServerToAgent(message)));
    expect(equals(ServerToAgentSchema, again, message)).toBe(true);
  });
});
