import { describe, expect, test } from "vitest";
import { encodeAgentToServer, frame, unframe } from "../../src/wire/codec.js";
import { verifies } from "../conformance/verifies.js";
import { bytes, hex, uid } from "./bytes.js";

const accepted: readonly [string, string, string][] = [
  ["a one-byte zero", "00 4A 00", "4A 00"],
  ["a zero padded to two bytes", "80 00 4A 00", "4A 00"],
  ["a zero padded to nine bytes", "80 80 80 80 80 80 80 80 00 30 03", "30 03"],
  ["a zero padded to ten bytes", "80 80 80 80 80 80 80 80 80 00 30 03", "30 03"],
];

const notZero: readonly [string, string][] = [
  ["a header of value 1", "01 1A 00"],
  ["a header of value 128", "80 01 1A 00"],
  ["a header of value 1 padded to three bytes", "81 80 00 1A 00"],
  ["the highest header that 64 bits hold", "FF FF FF FF FF FF FF FF FF 01 1A 00"],
  ["only the 64th bit in the header", "80 80 80 80 80 80 80 80 80 01 1A 00"],
];

const broken: readonly [string, string, RegExp][] = [
  ["a header cut after one byte", "80", /ends within its header/],
  ["a header cut after nine bytes", "80 80 80 80 80 80 80 80 80", /ends within its header/],
  ["a tenth header byte above 1", "80 80 80 80 80 80 80 80 80 02 1A 00", /does not fit 64 bits/],
  ["a header of eleven bytes", "80 80 80 80 80 80 80 80 80 80 00 1A 00", /does not fit 64 bits/],
  ["eleven continuation bytes", "80 80 80 80 80 80 80 80 80 80 80", /does not fit 64 bits/],
];

function expectMalformed(message: string, reason: RegExp): void {
  const result = unframe(bytes(message));
  expect(!result.ok && result.error.code).toBe("ERR_OPAMP_MALFORMED");
  expect(!result.ok && result.error.message).toMatch(reason);
}

describe("WebSocket framing", () => {
  verifies("WS-02", "framing puts one zero byte in front of the serialized message", () => {
    const payload = encodeAgentToServer({ instanceUid: uid, sequenceNum: 1n, capabilities: 1n });
    const message = frame(payload);
    expect(message[0]).toBe(0);
    expect(hex(message.subarray(1))).toBe(hex(payload));
  });

  verifies("WS-02", "framing an empty message gives just the header", () => {
    expect(hex(frame(new Uint8Array()))).toBe("00");
  });

  for (const [header, message, payload] of accepted) {
    verifies("WS-04", `unframing finds the payload after ${header}`, () => {
      const result = unframe(bytes(message));
      expect(result.ok && hex(result.payload)).toBe(payload);
    });
  }

  verifies("WS-05", "a header with nothing after it is an empty payload", () => {
    const result = unframe(bytes("00"));
    expect(result.ok && result.payload.byteLength).toBe(0);
  });

  verifies("WS-05", "a message without any byte is malformed, as it has no header", () => {
    expectMalformed("", /is empty/);
  });

  for (const [header, message] of notZero) {
    verifies("WS-03", `a message is malformed with ${header}`, () => {
      expectMalformed(message, /header is not zero/);
    });
  }

  for (const [header, message, reason] of broken) {
    verifies("WS-04", `a message is malformed with ${header}`, () => {
      expectMalformed(message, reason);
    });
  }

  test("unframing gives a view without copying, which is not a Buffer even if a Buffer came in", () => {
    const message = Buffer.from([0xaa, 0x00, 0x4a, 0x00]).subarray(1);
    const result = unframe(message);
    const payload = result.ok ? result.payload : new Uint8Array();
    expect(Object.getPrototypeOf(payload)).toBe(Uint8Array.prototype);
    expect(payload.buffer).toBe(message.buffer);
    expect(payload.byteOffset).toBe(message.byteOffset + 1);
    const copy = payload.slice();
    message.fill(0xff);
    expect(hex(payload)).toBe("FF FF");
    expect(hex(copy)).toBe("4A 00");
  });
});
