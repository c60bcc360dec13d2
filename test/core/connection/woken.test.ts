import { describe, expect, test } from "vitest";
import { acknowledges, type Harness, online, type Script } from "../harness.js";

/** Nothing comes from the other side any more, though nobody has said so. */
const HALF_OPEN: Script = { pongs: () => false };

function pingedAt(harness: Harness): readonly number[] {
  return harness.all("ping").map(({ at }) => at);
}

/** When and why the link ended, as the host is told. */
function endOf(harness: Harness) {
  const end = harness.all("phase").find(({ output }) => output.phase === "waiting");
  return { at: end?.at, reason: end?.output.reason };
}

describe("after a sleep in which the clock went on", () => {
  const HOURS = 8 * 3_600_000;

  function woken(script: Script): Harness {
    const harness = online(script);
    harness.advance(10_000);
    harness.now += HOURS;
    harness.feed({ type: "tick" });
    return harness;
  }

  test("one heartbeat makes up for all that are overdue, and the next comes an interval later", () => {
    const harness = woken({ answers: acknowledges });
    expect(harness.sentAt).toEqual([HOURS + 10_000]);
    harness.advance(60_000);
    expect(harness.sentAt).toEqual([10_000, 40_000, 70_000].map((ms) => HOURS + ms));
  });

  test("the connection is pinged and has time to answer", () => {
    const harness = woken(HALF_OPEN);
    expect([pingedAt(harness), harness.core.phase]).toEqual([[HOURS + 10_000], "online"]);
    harness.advance(15_000);
    expect(endOf(harness)).toEqual({ at: HOURS + 25_000, reason: "unresponsive" });
  });

  test("a live connection is kept", () => {
    const harness = woken({});
    harness.advance(3_600_000);
    expect([harness.core.phase, harness.dialledAt]).toEqual(["online", []]);
  });
});

describe("a jump of the clock", () => {
  test("gets the connection pinged, and cut when nothing comes for 10 s", () => {
    const harness = online(HALF_OPEN);
    harness.advance(5_000);
    harness.jump();
    expect(pingedAt(harness)).toEqual([5_000]);
    harness.advance(60_000);
    expect(endOf(harness)).toEqual({ at: 15_000, reason: "unresponsive" });
  });

  test("leaves half an interval where that is less", () => {
    const harness = online({ ...HALF_OPEN, config: { ping: { intervalMs: 4_000 } } });
    harness.jump();
    harness.advance(2_000);
    expect(endOf(harness)).toEqual({ at: 2_000, reason: "unresponsive" });
  });

  test("followed by another gives no more time", () => {
    const harness = online(HALF_OPEN);
    for (let ms = 0; ms <= 9_000; ms += 1_000) {
      harness.advanceTo(ms);
      harness.jump();
    }
    harness.advanceTo(10_000);
    expect([pingedAt(harness), endOf(harness).at]).toEqual([[0], 10_000]);
  });

  test("changes nothing on a link that answers", () => {
    const harness = online({ answers: acknowledges });
    harness.advance(5_000);
    harness.jump();
    harness.advanceTo(90_000);
    expect([pingedAt(harness), harness.sentAt]).toEqual([[5_000], [30_000, 60_000, 90_000]]);
    harness.jump();
    expect(pingedAt(harness)).toEqual([5_000, 90_000]);
  });

  test("has no effect where pings are off", () => {
    const harness = online({ ...HALF_OPEN, config: { ping: false } });
    harness.jump();
    expect(harness.outputs).toEqual([]);
  });

  test("is one of more than 5 s, in either direction", () => {
    for (const [ms, pings] of [
      [5_000, []],
      [-5_000, []],
      [5_001, [0]],
      [-5_001, [0]],
    ] as const) {
      const harness = online(HALF_OPEN);
      harness.jump(ms);
      expect(pingedAt(harness)).toEqual(pings);
    }
  });

  test("before a connection opened does not affect it", () => {
    const harness = online(HALF_OPEN);
    harness.lose();
    harness.jump();
    harness.advanceUntil("reporting");
    harness.clear();
    harness.jump(0);
    expect(pingedAt(harness)).toEqual([]);
  });

  test("neither shortens nor stretches a wait", () => {
    const harness = online();
    harness.lose({ throttled: true, retryAfterMs: 3_600_000 });
    const before = harness.core.deadline;
    harness.jump();
    expect(harness.core.deadline).toBe(before);
  });
});

describe("a timer", () => {
  /** An agent whose link is to be cut at 60 s, unless something comes. */
  function doubtful(): Harness {
    const harness = online(HALF_OPEN);
    harness.advanceTo(59_999);
    harness.clear();
    return harness;
  }

  const woken = (lateMs: number) => ({ type: "woken", dueAt: 60_000, wallNow: 60_000 + lateMs }) as const;

  test.each([0, 50])("that fires %d ms after it was due does what is due", (lateMs) => {
    const { core } = doubtful();
    expect(core.step(woken(lateMs), 60_000 + lateMs)).toMatchObject([{ type: "close" }, { type: "phase" }]);
  });

  test("that fires later first lets what came meanwhile be read", () => {
    const { core } = doubtful();
    expect(core.step(woken(51), 60_051)).toEqual([]);
    expect(core.deadline).toBeLessThanOrEqual(60_051);
    core.step({ type: "alive" }, 60_051);
    expect(core.step({ type: "tick" }, 60_051).filter(({ type }) => type === "close" || type === "phase")).toEqual([]);
    expect(core.phase).toBe("online");
  });

  test("that fires too early does nothing, and what is due later stays due", () => {
    const { core } = doubtful();
    expect(core.step({ type: "woken", dueAt: 59_999, wallNow: 59_999 }, 59_999)).toEqual([]);
    expect(core.deadline).toBe(60_000);
  });
});
