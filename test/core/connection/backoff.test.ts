import { describe, expect, test } from "vitest";
import { backoffMs, DEFAULT_BACKOFF, promptMs, randomFrom } from "../../../src/core/link/backoff.js";
import { RetryDelays } from "../../../src/core/link/retry-delays.js";
import { verifies } from "../../conformance/verifies.js";

const ALMOST_ONE = 1 - 2 ** -32;

describe("the wait between attempts", () => {
  verifies("EST-02", "has a ceiling that grows with each failure, from 21 s to 60 s", () => {
    const ceilings = Array.from({ length: 8 }, (_, failures) => backoffMs(failures, ALMOST_ONE));
    expect(ceilings).toEqual([21_000, 50_000, 60_000, 60_000, 60_000, 60_000, 60_000, 60_000]);
  });

  test("is never shorter than 1 s, however many attempts failed", () => {
    const shortest = [0, 1, 2, 3, 50, 1_000, 1e9].map((failures) => backoffMs(failures, 0));
    expect(shortest).toEqual([1_000, 20_000, 50_000, 60_000, 60_000, 60_000, 60_000]);
  });

  verifies("EST-02", "first ends anywhere in 20 times the shortest wait", () => {
    const random = randomFrom(7);
    const waits = Array.from({ length: 200 }, () => backoffMs(0, random()));
    expect(Math.min(...waits)).toBeLessThan(2_000);
    expect(Math.max(...waits)).toBeGreaterThan(20_000);
  });

  test("stays within the configured bounds, even if they are equal", () => {
    expect(backoffMs(0, ALMOST_ONE, { minMs: 10, maxMs: 15 })).toBe(15);
    expect(backoffMs(9, ALMOST_ONE, { minMs: 10, maxMs: 10 })).toBe(10);
    expect(Number.isFinite(backoffMs(1_000, ALMOST_ONE, { minMs: 1, maxMs: Number.POSITIVE_INFINITY }))).toBe(true);
  });

  test("is the spread of a fleet where there is one, from the first attempt on", () => {
    const fleet = { ...DEFAULT_BACKOFF, spreadMs: 90_000 };
    expect([0, 0.5, ALMOST_ONE].map((random) => backoffMs(0, random, fleet))).toEqual([0, 45_000, 90_000]);
    expect([1, 2, 100].map((failures) => backoffMs(failures, 0.5, fleet))).toEqual([90_000, 90_000, 90_000]);
  });
});

describe("a pause for a busy server", () => {
  const bounds = { backoff: DEFAULT_BACKOFF, throttleFloorMs: 30_000, throttleMaxMs: 86_400_000 };

  /** Pauses in a row, each asked for at the end of the one before. */
  function pauses(random: () => number, asked: readonly (number | undefined)[]): number[] {
    const delays = new RetryDelays(bounds, random);
    let now = 1_000;
    return asked.map((askedMs) => {
      const waitMs = delays.pause(askedMs, now);
      now += waitMs;
      return waitMs;
    });
  }

  verifies(["THR-03", "THR-06"], "grows with each pause without a given length, from the minimum on", () => {
    for (let seed = 0; seed < 200; seed++) {
      const waits = pauses(randomFrom(seed), [undefined, undefined, undefined, undefined]);
      expect(waits[0]).toBeGreaterThanOrEqual(30_000);
      for (const [index, wait] of waits.entries()) expect(wait).toBeGreaterThan(waits[index - 1] ?? 0);
    }
  });

  test("stops growing at 16 times the minimum", () => {
    const waits = pauses(randomFrom(1), Array<undefined>(50).fill(undefined));
    expect(Math.max(...waits)).toBeLessThanOrEqual(480_000);
    expect(Math.min(...waits.slice(10))).toBeGreaterThan(460_000);
  });

  verifies("THR-02", "is never shorter than requested, and at most 3.2 times as long at first", () => {
    const asked = [1_500];
    expect(pauses(() => 0, asked)).toEqual([1_500]);
    expect(pauses(() => 0.999_999, asked)[0]).toBeGreaterThan(4_500);
    expect(pauses(() => 0.999_999, asked)[0]).toBeLessThanOrEqual(4_800);
  });

  verifies("THR-02", "is spread wider each time that the same length is asked for", () => {
    const fleet = Array.from({ length: 200 }, (_, seed) => pauses(randomFrom(seed), [30_000, 30_000, 30_000]));
    const widths = [0, 1, 2].map((nth) => {
      const ends = fleet.map((waits) => waits.slice(0, nth + 1).reduce((sum, wait) => sum + wait, 0));
      return Math.max(...ends) - Math.min(...ends);
    });
    expect(widths[0]).toBeGreaterThan(60_000);
    expect(widths[1]).toBeGreaterThan(2 * (widths[0] ?? 0));
    expect(widths[2]).toBeGreaterThan(2 * (widths[1] ?? 0));
  });

  test("is short again where the server asks for far less than at first", () => {
    for (let seed = 0; seed < 200; seed++) {
      const [, , third = 0] = pauses(randomFrom(seed), [120_000, 120_000, 5_000]);
      expect(third).toBeGreaterThanOrEqual(5_000);
      expect(third).toBeLessThanOrEqual(5_000 * 3.2);
    }
  });

  test("is spread also where the server asks for far longer than at first", () => {
    const fleet = Array.from({ length: 200 }, (_, seed) => pauses(randomFrom(seed), [1_000, 600_000]));
    const ends = fleet.map(([first = 0, second = 0]) => first + second);
    expect(Math.max(...ends) - Math.min(...ends)).toBeGreaterThan(300_000);
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
    const waits = [one, two].map((random) => Array.from({ length: 6 }, () => backoffMs(0, random())));
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
