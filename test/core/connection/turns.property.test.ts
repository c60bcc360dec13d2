import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type BackoffBounds, failureWindows, nextTurnMs, randomFrom } from "../../../src/core/link/backoff.js";
import { type DelayBounds, RetryDelays } from "../../../src/core/link/retry-delays.js";

const RUNS = { numRuns: 60 };
const THROTTLE = { throttleFloorMs: 30_000, throttleMaxMs: 86_400_000 };

/** Why an attempt failed, or a link ended; each attempt takes a while. */
interface Failure {
  kind: "lost" | "closed" | "busy" | "busyFor";
  askedMs: number;
  tookMs: number;
}

const failures = fc.array(
  fc.record<Failure>({
    kind: fc.constantFrom("lost", "closed", "busy", "busyFor"),
    askedMs: fc.integer({ min: 0, max: 200_000_000 }),
    tookMs: fc.integer({ min: 0, max: 40_000 }),
  }),
  { minLength: 1, maxLength: 30 },
);

const bounds: fc.Arbitrary<BackoffBounds> = fc
  .tuple(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 0, max: 600_000 }), fc.option(fc.integer({ min: 1 })))
  .map(([minMs, moreMs, spreadMs]) => ({ minMs, maxMs: minMs + moreMs, spreadMs: spreadMs ?? undefined }));

/** The waits of an agent to which all this happens. */
function waitsOf(seed: number, backoff: BackoffBounds, happened: readonly Failure[]): number[] {
  const limits: DelayBounds = { backoff, ...THROTTLE };
  const delays = new RetryDelays(limits, randomFrom(seed));
  let now = 0;
  return happened.map(({ kind, askedMs, tookMs }, index) => {
    now += tookMs;
    const throttled = kind === "busy" || kind === "busyFor";
    const retryAfterMs = kind === "busyFor" ? askedMs : undefined;
    const waitMs = delays.next({ orderly: kind === "closed", throttled, retryAfterMs }, index === 0, now);
    now += waitMs;
    return waitMs;
  });
}

describe("the waits of an agent, whatever happens to it,", () => {
  test("are never shorter than asked or allowed, and never longer than that and what the fleet spreads over", () => {
    fc.assert(
      fc.property(fc.integer(), bounds, failures, (seed, backoff, happened) => {
        // A wait is rounded up to whole milliseconds.
        const most = Math.max(backoff.maxMs, (backoff.spreadMs ?? 0) * 1.03) + backoff.minMs + 1;
        const widest = Math.max(480_000, most) * 1.03 + 1;
        for (const [index, waitMs] of waitsOf(seed, backoff, happened).entries()) {
          const { kind, askedMs = 0 } = happened[index] ?? {};
          const asked = Math.min(askedMs, THROTTLE.throttleMaxMs);
          if (kind === "busy") expect(waitMs).toBeGreaterThanOrEqual(THROTTLE.throttleFloorMs);
          else if (kind === "busyFor") expect(waitMs).toBeGreaterThanOrEqual(asked);
          else if (index > 0) expect(waitMs).toBeGreaterThanOrEqual(backoff.minMs);
          const least =
            index === 0
              ? Math.max(500, asked)
              : kind === "busyFor"
                ? asked
                : kind === "busy"
                  ? THROTTLE.throttleFloorMs
                  : 0;
          expect(waitMs).toBeLessThanOrEqual(least + (kind === "busy" || kind === "busyFor" ? widest : most));
        }
      }),
      RUNS,
    );
  });

  test("are the same again from the same seed", () => {
    fc.assert(
      fc.property(fc.integer(), bounds, failures, (seed, backoff, happened) => {
        expect(waitsOf(seed, backoff, happened)).toEqual(waitsOf(seed, backoff, happened));
      }),
      RUNS,
    );
  });

  test("never move two agents with different seeds together", () => {
    const outage = (kind: Failure["kind"]): Failure[] => Array(12).fill({ kind, askedMs: 30_000, tookMs: 20 });
    const kinds = fc.constantFrom<Failure["kind"]>("lost", "closed", "busy", "busyFor");
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 2 ** 31 }), kinds, (seed, step, kind) => {
        const backoff = { minMs: 1_000, maxMs: 60_000 };
        const one = waitsOf(seed, backoff, outage(kind));
        const other = waitsOf(seed + step, backoff, outage(kind));
        const same = one.filter((waitMs, index) => waitMs === other[index]);
        expect(same.length).toBeLessThan(3);
      }),
      RUNS,
    );
  });
});

test("an agent has one turn in each window, at the same place, and its waits grow up to the widest", () => {
  const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(place, fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 21, max: 500 }), (place, minMs, times) => {
      const windows = failureWindows({ minMs, maxMs: minMs * times });
      const turns: number[] = [];
      for (let nth = 0; nth < 12; nth++) turns.push(nextTurnMs((turns.at(-1) ?? 0) + 1, place, windows));
      const waits = turns.slice(1).map((turn, index) => turn - (turns[index] ?? 0));
      for (const [index, wait] of waits.entries()) {
        expect(wait).toBeGreaterThanOrEqual((waits[index - 1] ?? 0) - 1);
        expect(wait).toBeLessThanOrEqual(windows.maxMs + 1);
      }
      expect(waits.at(-1)).toBeGreaterThanOrEqual(windows.maxMs - 1);
    }),
    RUNS,
  );
});
