import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LogLimit } from "../../src/diagnostics/one-line.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** When the clock that never goes back shows 0. */
const WALL = Date.UTC(2026, 0, 1);

/** A limit, and the times at which something that happens every so often is told. */
function told(everyMs: number, forMs: number, topic = "link", detail = "refused") {
  const limit = new LogLimit();
  const at: number[] = [];
  const times: number[] = [];
  for (let now = 0; now <= forMs; now += everyMs) {
    const turn = limit.turn(topic, detail, now, WALL + now);
    if (turn === undefined) continue;
    at.push(now / MINUTE);
    times.push(turn.times);
  }
  return { limit, at, times };
}

describe("a repeated event", () => {
  test("is logged at once, then after 1, 2 and 4 minutes, up to an hour", () => {
    const { at, times } = told(10 * SECOND, 7 * HOUR);
    expect(at).toEqual([0, 1, 3, 7, 15, 31, 63, 123, 183, 243, 303, 363]);
    // Each line stands for all that happened since the one before.
    expect(times).toEqual([1, 6, 12, 24, 48, 96, 192, 360, 360, 360, 360, 360]);
  });

  test("for a week is logged fewer than two hundred times", () => {
    const { at } = told(30 * SECOND, 7 * 24 * HOUR);
    expect(at.length).toBeLessThan(200);
    expect(at.length).toBeGreaterThan(150);
  });

  test("reports the time since which it was counted", () => {
    const { limit } = told(10 * SECOND, 50 * SECOND);
    expect(limit.turn("link", "refused", MINUTE, WALL + MINUTE)).toEqual({ times: 6, sinceMs: WALL });
    expect(limit.turn("link", "refused", 2 * MINUTE, WALL)).toBeUndefined();
    expect(limit.turn("link", "refused", 3 * MINUTE, WALL)).toEqual({ times: 2, sinceMs: WALL + MINUTE });
  });

  test("is logged at once again after an hour without it", () => {
    const { limit } = told(10 * SECOND, 2 * HOUR);
    const later = 3 * HOUR + SECOND;
    expect(limit.turn("link", "refused", later, WALL + later)).toEqual({ times: 1, sinceMs: WALL + later });
    expect(limit.turn("link", "refused", later + MINUTE, WALL)).toMatchObject({ times: 1 });
  });

  test("is logged in any case if forced, which counts as logged", () => {
    const { limit } = told(10 * SECOND, 30 * SECOND);
    expect(limit.turn("link", "refused", 40 * SECOND, WALL, true)).toMatchObject({ times: 4 });
    expect(limit.turn("link", "refused", 50 * SECOND, WALL)).toBeUndefined();
  });
});

describe("another event", () => {
  test("is logged at once, on the same topic or on another", () => {
    const { limit } = told(10 * SECOND, 50 * SECOND);
    expect(limit.turn("link", "timed out", MINUTE - 1, WALL)).toMatchObject({ times: 1 });
    expect(limit.turn("store", "refused", MINUTE - 1, WALL)).toMatchObject({ times: 1 });
  });

  test("each time does not flood the log: ten are logged, and all others count as one", () => {
    const limit = new LogLimit();
    let lines = 0;
    let counted = 0;
    for (let now = 0; now < HOUR; now += SECOND) {
      const turn = limit.turn("malformed", `message ${now}`, now, WALL + now);
      if (turn === undefined) continue;
      lines += 1;
      counted += turn.times;
    }
    expect(lines).toBeLessThan(20);
    expect(counted).toBeGreaterThan(1_000);
    // And what is about something else has its own line all the same.
    expect(limit.turn("link", "refused", HOUR, WALL)).toMatchObject({ times: 1 });
  });

  test("never leads to more than a fixed number of lines, whatever happens when", () => {
    const happening = fc.record({
      topic: fc.nat({ max: 4 }),
      detail: fc.nat({ max: 40 }),
      afterMs: fc.nat({ max: 2 * SECOND }),
    });
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 600 }), (happenings) => {
        const limit = new LogLimit();
        let now = 0;
        let lines = 0;
        for (const { topic, detail, afterMs } of happenings) {
          now += afterMs;
          if (limit.turn(String(topic), String(detail), now, WALL) !== undefined) lines += 1;
        }
        // Five topics of eleven lines, each of which rests for a minute, then two, then four, then eight.
        expect(lines).toBeLessThanOrEqual(5 * 11 * 5);
      }),
    );
  });
});
