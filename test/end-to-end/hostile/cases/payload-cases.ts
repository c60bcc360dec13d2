import { encodeServerToAgent, type ServerToAgentInit } from "../../../../src/wire/codec.js";
import { bytes, concat, field, varint } from "../../../wire/bytes.js";
import type { HostileCase } from "../survives.js";

const GARBAGE = new Uint8Array(64).fill(0xff);
const MIB = 1_048_576;
const FOREVER = Number.POSITIVE_INFINITY;
const MALFORMED = ["ERR_OPAMP_MALFORMED"] as const;
const TOO_LARGE = ["ERR_OPAMP_TOO_LARGE"] as const;

/** The same piece up to a bit less than the limit. */
function filled(piece: Uint8Array, limit = MIB - 1_024): Uint8Array {
  return new Uint8Array(Buffer.alloc(Math.floor(limit / piece.length) * piece.length, piece));
}

function nested(depth: number, number: number): Uint8Array {
  let inner: Uint8Array = new Uint8Array();
  for (let level = 0; level < depth; level++) inner = field(number, inner);
  return inner;
}

/** Payloads that are no message. */
const unreadable: readonly [string, Uint8Array][] = [
  ["garbage", GARBAGE],
  ["a tag and nothing behind it", bytes("0A")],
  ["a tag of field 0", bytes("00 00")],
  ["a tag over 32 bits", bytes("FF FF FF FF FF FF FF FF 7F 00")],
  ["a number over 64 bits", bytes("30 FF FF FF FF FF FF FF FF FF FF 01")],
  ["a length past the end", bytes("0A 7F 01")],
  ["a length past what holds it", field(3, bytes("0A 7F 01"))],
  ["a length of 2^63", concat(bytes("0A"), bytes("80 80 80 80 80 80 80 80 80 01"))],
  ["a length of 2^32 - 1", concat(bytes("0A"), varint(2 ** 32 - 1))],
  ["a number where there should be bytes", bytes("08 01")],
  ["bytes where there should be a number", bytes("32 01 00")],
  ["a group that does not end", bytes("9B 06")],
  ["a group that has not begun", bytes("9C 06")],
  ["groups a thousand deep", filled(bytes("9B 06"), 2_000)],
  ["a string that is not UTF-8", field(3, field(1, field(1, field(1, bytes("C3 28")))))],
  ["a mebibyte of unknown numbers", filled(bytes("98 06 01"))],
  ["a mebibyte of empty config files", field(3, field(1, filled(bytes("0A 00"))))],
  ["a mebibyte of empty headers", field(4, field(2, field(2, filled(bytes("0A 00")))))],
  ["a mebibyte of empty custom capabilities", field(10, filled(bytes("0A 00")))],
];

/** Payloads over the limit. */
const tooLarge: readonly [string, (server: Parameters<NonNullable<HostileCase["orders"]>>[0]) => void][] = [
  ["one byte over the limit", (server) => server.misbehave({ mode: "oversize", bytes: MIB + 1, times: FOREVER })],
  ["far over the limit", (server) => server.misbehave({ mode: "oversize", bytes: 8 * MIB, times: FOREVER })],
];

/** Files with these names. */
function files(...names: readonly string[]): ServerToAgentInit {
  const configMap = Object.fromEntries(names.map((name) => [name, { body: bytes("00") }]));
  return { remoteConfig: { configHash: bytes("01"), config: { configMap } } };
}

const file = (name: string, body: string) =>
  field(1, concat(field(1, Buffer.from(name)), field(2, field(1, Buffer.from(body)))));
const FOREIGN = new Uint8Array(16).fill(0xee);

/** Payloads that are messages, and odd; the client takes them as they are. */
const odd: readonly [string, Uint8Array, HostileCase["errors"]?][] = [
  ["nothing at all", new Uint8Array()],
  ["messages of an unknown field nested 90 deep", nested(90, 99)],
  ["one mebibyte in an unknown field", field(99, new Uint8Array(MIB - 1_024))],
  ["a hundred thousand custom capabilities", field(10, filled(field(1, Buffer.from("a.b")), 500_000))],
  ["ten thousand files", encodeServerToAgent(files(...Array.from({ length: 10_000 }, (_, index) => `${index}`)))],
  ["a file named like a property of all objects", encodeServerToAgent(files("__proto__", "constructor", "toString"))],
  ["a file named like a path upwards", encodeServerToAgent(files("../../etc/passwd", "/etc/passwd", "..", "C:\\x"))],
  ["a file with a NUL in its name", encodeServerToAgent(files("a\0b", "\0"))],
  ["a file whose name is a mebibyte long", encodeServerToAgent(files("x".repeat(MIB - 1_024)))],
  ["a file without a name beside another", encodeServerToAgent(files("", "a"))],
  ["a file twice", field(3, concat(field(1, concat(file("a", "1"), file("a", "2"))), field(2, bytes("01"))))],
  ["a config with an empty hash", encodeServerToAgent({ remoteConfig: { config: {} } })],
  [
    "a config with a hash of 500 KiB",
    encodeServerToAgent({ remoteConfig: { configHash: new Uint8Array(512_000), config: {} } }),
  ],
  ["a hash without a config", encodeServerToAgent({ remoteConfig: { configHash: bytes("02") } })],
  ["a command of an unknown type", field(9, bytes("08 E7 07"))],
  ["undefined capabilities", encodeServerToAgent({ capabilities: 2n ** 64n - 1n })],
  ["undefined flags", encodeServerToAgent({ flags: 2n ** 64n - 4n })],
  ["a new uid of no bytes", encodeServerToAgent({ agentIdentification: {} }), MALFORMED],
  [
    "a new uid of 17 bytes",
    encodeServerToAgent({ agentIdentification: { newInstanceUid: new Uint8Array(17) } }),
    MALFORMED,
  ],
  [
    "a new uid of a mebibyte",
    encodeServerToAgent({ agentIdentification: { newInstanceUid: new Uint8Array(MIB - 1_024) } }),
    MALFORMED,
  ],
  [
    "unsolicited packages",
    encodeServerToAgent({
      packagesAvailable: { packages: { "../x": { version: "\0" } }, allPackagesHash: bytes("01") },
    }),
  ],
  [
    "unsolicited connection settings",
    encodeServerToAgent({
      connectionSettings: {
        hash: bytes("01"),
        opamp: { destinationEndpoint: "file:///etc/passwd" },
        otherConnections: Object.fromEntries([["__proto__", { destinationEndpoint: "\0" }]]),
      },
    }),
  ],
  [
    "a custom message of an unknown capability",
    encodeServerToAgent({ customMessage: { capability: "__proto__", type: "\0", data: new Uint8Array(500_000) } }),
  ],
];

/** Payloads for another agent. */
const foreign: readonly [string, Uint8Array][] = [
  ["an answer to another agent", encodeServerToAgent({ instanceUid: FOREIGN, flags: 1n })],
  ["an answer to a uid of one byte", encodeServerToAgent({ instanceUid: bytes("01"), flags: 1n })],
  ["an answer to a uid of a mebibyte", encodeServerToAgent({ instanceUid: new Uint8Array(MIB - 1_024), flags: 1n })],
];

const answering = (payload: Uint8Array): Pick<HostileCase, "orders"> => ({
  orders: (server) => server.misbehave({ mode: "garbage", bytes: payload, times: FOREVER }),
});

/** What comes in place of a message, on both carriers: over HTTP there is no other answer, so the attempt has failed. */
export const payloadCases: readonly HostileCase[] = [
  ...unreadable.flatMap(([what, payload]): HostileCase[] => [
    { name: `answers with ${what}`, over: "HTTP", ...answering(payload), errors: MALFORMED },
    { name: `answers with ${what}`, over: "WebSocket", ...answering(payload), errors: MALFORMED, stays: true },
  ]),
  ...foreign.flatMap(([what, payload]): HostileCase[] => [
    { name: `sends ${what}`, over: "HTTP", ...answering(payload), errors: ["ERR_OPAMP_FOREIGN_UID"] },
    { name: `sends ${what}`, over: "WebSocket", ...answering(payload), errors: ["ERR_OPAMP_FOREIGN_UID"], stays: true },
  ]),
  ...tooLarge.map(([what, orders]) => ({ name: `answers with a message ${what}`, orders, errors: TOO_LARGE })),
  ...odd.map(
    ([what, payload, errors = []]): HostileCase => ({
      name: `sends ${what} in every answer`,
      ...answering(payload),
      errors,
      stays: true,
    }),
  ),
];
