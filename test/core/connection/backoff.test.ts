import { describe, expect, test } from "vitest";
import {
  backoffMs,
  DEFAULT_BACKOFF,
  obeyMs,
  promptMs,
  randomFrom,
  throttleMs,
} from "../../../src/core/link/backoff.js";
import { verifies } from "../../conformance/verifies.js";

const ALMOST_ONE = 1 - 2 ** -32;

describe("the wait between attempts", () => {
  verifies("EST-02", "has a ceiling that doubles with each failure, from 2 s to 60 s", () => {
    const ceilings = Array.from({ length: 8 }, (_, failures) => backoffMs(failures, ALMOST_ONE));
    expect(ceilings).toEqual([2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  });

  test("is never shorter than 1 s, however many attempts failed", () => {
    for (const failures of [0, 1, 5, 50, 1_000, 1e9]) expect(backoffMs(failures, 0)).toBe(1_000);
  });

  verifies("EST-02", "is spread over the whole range also at the cap", () => {
    const random = randomFrom(7);
    const waits = Array.from({ length: 200 }, () => backoffMs(30, random()));
    expect(Math.min(...waits)).toBeLessThan(5_000);
    expect(Math.max(...waits)).toBeGreaterThan(55_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(DEFAULT_BACKOFF.maxMs);
  });

  test("stays within the configured bounds, even if they are equal", () => {
    expect(backoffMs(0, ALMOST_ONE, { minMs: 10, maxMs: 15 })).toBe(15);
    expect(backoffMs(9, ALMOST_ONE, { minMs: 10, maxMs: 10 })).toBe(10);
    expect(Number.isFinite(backoffMs(1_000, ALMOST_ONE, { minMs: 1, maxMs: Number.POSITIVE_INFINITY }))).toBe(true);
  });
});

describe("a pause for a busy server", () => {
  verifies(["THR-03", "THR-06"], "grows with each pause without a given length, from the minimum on", () => {
    const random = randomFrom(3);
    const pauses = Array.from({ length: 5 }, (_, before) => throttleMs(before, random(), 30_000));
    for (const [index, pause] of pauses.entries()) {
      expect(pause).toBeGreaterThanOrEqual(30_000);
      expect(pause).toBeGreaterThan(pauses[index - 1] ?? 0);
    }
  });

  test("grows whatever the random numbers are", () => {
    for (let before = 0; before < 4; before++) {
      expect(throttleMs(before + 1, 0, 30_000)).toBeGreaterThan(throttleMs(before, ALMOST_ONE, 30_000));
    }
  });

  test("stops growing at 16 to 24 times the minimum", () => {
    expect(throttleMs(1_000, 0, 30_000)).toBe(480_000);
    expect(throttleMs(1_000, ALMOST_ONE, 30_000)).toBe(720_000);
  });

  verifies("THR-02", "is never shorter than requested, and at most a tenth longer", () => {
    expect(obeyMs(1_500, 0, 86_400_000)).toBe(1_500);
    expect(obeyMs(1_500, ALMOST_ONE, 86_400_000)).toBe(1_650);
    expect(obeyMs(0.4, 0, 1_000)).toBe(1);
  });

  test.each([
    [Number.POSITIVE_INFINITY, 1_000],
    [Number.MAX_VALUE, 1_000],
    [1_001, 1_000],
    [-5, 0],
    [Number.NEGATIVE_INFINITY, 0],
  ])("of %d ms is clamped to %d ms", (asked, clamped) => {
    expect(obeyMs(asked, 0, 1_000)).toBe(clamped);
  });
});

verifies("EST-03", "the first reconnect comes within half a second", () => {
  expect(promptMs(0)).toBe(0);
  expect(promptMs(ALMOST_ONE)).toBe(500);
});

describe("the random generator", () => {
  test("repeats exactly from a seed", () => {
    const [one, two] = [randomFrom(42), randomFrom(42)];
    expect(Array.from({ length: 50 }, one)).toEqual(Array.from({ length: 50 }, two));
  });

  verifies("EST-02", "gives two agents different numbers", () => {
    const [one, two] = [randomFrom(1), randomFrom(2)];
    const waits = [one, two].map((random) => Array.from({ length: 6 }, (_, n) => backoffMs(n, random())));
    for (const [n, wait] of (waits[0] ?? []).entries()) expect(wait).not.toBe(waits[1]?.[n]);
  });

  test("is roughly uniform and in range for any whole number as seed", () => {
    for (const seed of [0, 1, -1, 2 ** 32 - 1, 2 ** 53]) {
      const random = randomFrom(seed);
      const values = Array.from({ length: 2_000 }, random);
      expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...values)).toBeLessThan(1);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      expect(Math.abs(mean - 0.5)).toBeLessThan(0.05);
    }
  });
});
