import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseDuration } from "../../../src/extension/reader/durations.js";

const UNITS = { h: 3_600_000_000_000n, m: 60_000_000_000n, s: 1_000_000_000n, ms: 1_000_000n, µs: 1_000n, ns: 1n };

/** As Go prints one: hours, minutes and seconds, or one smaller unit. */
function goText(ns: bigint): string {
  if (ns === 0n) return "0s";
  if (ns < 0n) return `-${goText(-ns)}`;
  if (ns < UNITS.s) {
    const unit = ns < UNITS.µs ? "ns" : ns < UNITS.ms ? "µs" : "ms";
    return decimal(ns, UNITS[unit]) + unit;
  }
  const [hours, minutes] = [ns / UNITS.h, (ns % UNITS.h) / UNITS.m];
  const seconds = `${decimal(ns % UNITS.m, UNITS.s)}s`;
  if (hours > 0n) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0n ? `${minutes}m${seconds}` : seconds;
}

function decimal(value: bigint, unit: bigint): string {
  const digits = String(unit).length - 1;
  const fraction = String(value % unit)
    .padStart(digits, "0")
    .replace(/0+$/, "");
  return fraction === "" || digits === 0 ? String(value / unit) : `${value / unit}.${fraction}`;
}

test("every duration that Go prints is read back", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n) + 1n, max: 2n ** 63n - 1n }), (ns) => {
      expect(parseDuration(goText(ns))).toBe(Number(ns) / 1e6 || 0);
    }),
  );
});

test("any parts in any order add up", () => {
  const part = fc.tuple(fc.integer({ min: 0, max: 1_000 }), fc.constantFrom("h", "m", "s", "ms", "µs", "ns" as const));
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 8 }), fc.constantFrom("", "+", "-"), (parts, sign) => {
      const ns = parts.reduce((sum, [count, unit]) => sum + BigInt(count) * UNITS[unit as keyof typeof UNITS], 0n);
      const ms = (Number(ns) / 1e6) * (sign === "-" ? -1 : 1) || 0;
      expect(parseDuration(sign + parts.map(([count, unit]) => `${count}${unit}`).join(""))).toBe(ms);
    }),
  );
});

describe("by hand", () => {
  test.each([
    ["300ms", 300],
    ["1.5h", 5_400_000],
    ["1h2m3s", 3_723_000],
    ["-1s", -1_000],
    ["+5s", 5_000],
    ["0", 0],
    ["-0", 0],
    ["-0s", 0],
    [".5s", 500],
    ["1.s", 1_000],
    ["1us", 0.001],
    ["1µs", 0.001],
    ["1μs", 0.001],
    ["1ns", 0.000001],
    ["0.9ns", 0],
    ["0.100000000000000000000h", 360_000],
    ["2562047h47m16.854775807s", Number(2n ** 63n - 1n) / 1e6],
  ])("%s is %d ms", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each([
    "",
    "5",
    "5 s",
    " 5s",
    "s",
    ".s",
    "-",
    "+-5s",
    "1.2.3s",
    "1e3s",
    "5d",
    "5S",
    "1s ",
    "2562047h47m16.854775808s",
    "9999999999h",
  ])("%j is not a duration", (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});
