import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect } from "vitest";
import { type Decoded, decodeAgentToServer, decodeServerToAgent } from "../../src/wire/codec.js";
import { MAX_MESSAGE_FIELDS } from "../../src/wire/limits.js";
import { verifies } from "../conformance/verifies.js";
import { bytes, concat, field } from "./bytes.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const HOSTILE_BYTES = 8 * 1024 * 1024;
const MAX_EXTRA_BYTES = 64 * 1024 * 1024;
const MAX_MS = 300;

/** The same piece over and over, up to so many bytes. */
function filled(byteLength: number, piece: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.alloc(Math.floor(byteLength / piece.length) * piece.length, piece));
}

/** As many pieces as the limit lets pass; some fields are left for what is around them. */
function permitted(piece: Uint8Array, fieldsInPiece: number): Uint8Array {
  return filled(Math.floor((MAX_MESSAGE_FIELDS - 10) / fieldsInPiece) * piece.length, piece);
}

/** Entries of a map that all have another key. */
function entries(number: number, count: number, value: Uint8Array): Uint8Array {
  const one = (index: number) => field(number, concat(field(1, Buffer.from(index.toString(36))), value));
  return new Uint8Array(Buffer.concat(Array.from({ length: count }, (_, index) => one(index))));
}

/** What decoding takes: time, and memory while the message is held, its own bytes aside. */
function measure(decode: (data: Uint8Array) => Decoded<unknown>, data: Uint8Array) {
  collectGarbage();
  const before = process.memoryUsage();
  const startedMs = performance.now();
  const decoded = decode(data);
  const tookMs = performance.now() - startedMs;
  const after = process.memoryUsage();
  return { decoded, tookMs, extraBytes: after.heapUsed + after.external - before.heapUsed - before.external };
}

describe("8 MiB that would be hundreds of MiB of objects", () => {
  const nested =
    (...numbers: number[]) =>
    (content: Uint8Array) =>
      numbers.reduceRight((inner, number) => field(number, inner), content);
  const cases: readonly [string, Uint8Array][] = [
    ["unknown numbers", filled(HOSTILE_BYTES, bytes("98 06 01"))],
    ["unknown empty bytes", filled(HOSTILE_BYTES, bytes("9A 06 00"))],
    ["unknown empty groups", filled(HOSTILE_BYTES, bytes("9B 06 9C 06"))],
    ["one number over and over", filled(HOSTILE_BYTES, bytes("30 01"))],
    ["one message over and over", filled(HOSTILE_BYTES, bytes("1A 00"))],
    ["empty headers", nested(4, 2, 2)(filled(HOSTILE_BYTES, bytes("0A 00")))],
    ["empty config files", nested(3, 1)(filled(HOSTILE_BYTES, bytes("0A 00")))],
    ["empty capabilities", nested(10)(filled(HOSTILE_BYTES, bytes("0A 00")))],
    ["empty packages", nested(5)(filled(HOSTILE_BYTES, bytes("0A 02 12 00")))],
  ];

  for (const [name, data] of cases) {
    verifies("SEC-01", `are refused before they are decoded: ${name}`, () => {
      const { decoded, tookMs, extraBytes } = measure(decodeServerToAgent, data);
      expect(decoded).toMatchObject({ ok: false, error: { code: "ERR_OPAMP_MALFORMED" } });
      expect(tookMs).toBeLessThan(MAX_MS);
      expect(extraBytes).toBeLessThan(MAX_EXTRA_BYTES / 16);
    });
  }
});

describe("the largest accepted number of fields", () => {
  const half = Math.floor((MAX_MESSAGE_FIELDS - 10) / 2);
  const ofServer: readonly [string, Uint8Array][] = [
    ["unknown", permitted(bytes("9A 06 00"), 1)],
    ["headers", field(4, field(2, field(2, permitted(bytes("0A 00"), 1))))],
    ["config files", field(3, field(1, entries(1, half, new Uint8Array())))],
    ["connection settings", field(4, entries(6, half, new Uint8Array()))],
    ["packages", field(5, entries(1, half, new Uint8Array()))],
  ];
  const ofAgent: readonly [string, Uint8Array][] = [
    ["unknown, which are kept", permitted(bytes("9A 06 00"), 1)],
    ["attributes", field(3, permitted(bytes("0A 02 12 00"), 2))],
    ["components", field(14, entries(1, half, new Uint8Array()))],
    ["healths", field(5, entries(6, half, new Uint8Array()))],
  ];
  const all = [
    ...ofServer.map(([name, data]) => [`a server's ${name}`, data, decodeServerToAgent] as const),
    ...ofAgent.map(([name, data]) => [`an agent's ${name}`, data, decodeAgentToServer] as const),
  ];

  for (const [name, data, decode] of all) {
    verifies("SEC-01", `takes some tens of MiB at most: ${name}`, () => {
      const { decoded, extraBytes } = measure(decode, data);
      expect(decoded.ok).toBe(true);
      expect(extraBytes).toBeLessThan(MAX_EXTRA_BYTES);
    });
  }
});
