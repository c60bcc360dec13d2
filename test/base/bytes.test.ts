import { expect, test } from "vitest";
import { bytesOfHex, hexOf, sameBytes } from "../../src/base/bytes.js";
import { uid } from "../core/values.js";

test("two byte strings are equal only when length and bytes are", () => {
  expect(sameBytes(uid(1), uid(1))).toBe(true);
  expect(sameBytes(uid(1), uid(2))).toBe(false);
  expect(sameBytes(new Uint8Array(), new Uint8Array())).toBe(true);
  expect(sameBytes(uid(1), uid(1).subarray(0, 15))).toBe(false);
});

test("a missing byte string equals nothing, not even another missing one", () => {
  expect([sameBytes(uid(1), undefined), sameBytes(undefined, undefined)]).toEqual([false, false]);
});

test("bytes survive a round trip through hexadecimal", () => {
  const part = Uint8Array.of(0, 1, 0xab, 0xff, 2).subarray(1, 4);
  expect(hexOf(part)).toBe("01abff");
  expect(bytesOfHex("01abff")).toEqual(part);
});
