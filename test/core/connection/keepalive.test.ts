import { describe, expect, test } from "vitest";
import { maskOf } from "../../../src/core/capabilities.js";
import {
  type Answer,
  acknowledges,
  type Harness,
  message,
  online,
  partsOf,
  polling,
  type Script,
  started,
} from "../harness.js";
import { hash, health } from "../values.js";

const NO_HEARTBEATS = maskOf(["reportsHealth"]);
/** Nothing comes from the other side any more, though nobody has said so. */
const HALF_OPEN: Script = { pongs: () => false };

function offer(seconds: bigint): Answer {
  return { connectionSettings: { hash: hash(1), opamp: { heartbeatIntervalSeconds: seconds } } };
}

function pingedAt(harness: Harness): readonly number[] {
  return harness.all("ping").map(({ at }) => at);
}

/** When and why the link ended, as the host is told. */
function endOf(harness: Harness) {
  const end = harness.all("phase").find(({ output }) => output.phase === "waiting");
  return { at: end?.at, reason: end?.output.reason };
}

describe("a server", () => {
  test("that answers heartbeats is never pinged", () => {
    const harness = online({ answers: acknowledges });
    harness.advance(3_600_000);
    expect([harness.sent.length, pingedAt(harness)]).toEqual([120, []]);
  });

  test("that answers late is not pinged either", () => {
    const harness = online();
    for (let beat = 30_000; beat <= 3_600_000; beat += 30_000) {
      harness.advanceTo(beat + 14_000);
      harness.receive({});
    }
    expect(pingedAt(harness)).toEqual([]);
  });

  test("that answers nothing is pinged once an interval, and kept as long as pongs come", () => {
    const harness = started();
    harness.advance(86_400_000);
    expect(harness.core.phase).toBe("online");
    expect(harness.dialledAt).toEqual([0]);
    const pings = pingedAt(harness);
    expect(pings.slice(0, 3)).toEqual([45_000, 75_000, 105_000]);
    expect(pings.length).toBeLessThanOrEqual(86_400_000 / 30_000);
  });

  test.each([
    ["pings of its own", { type: "alive" }],
    ["garbage", { type: "malformed", error: "x" }],
    ["messages for another agent", { type: "received", message: message({ instanceUid: hash(9) }) }],
  ] as const)("that sends %s counts as alive", (_what, sign) => {
    const harness = online(HALF_OPEN);
    for (let time = 20_000; time < 600_000; time += 20_000) {
      harness.advanceTo(time);
      harness.feed(sign);
    }
    expect([harness.core.phase, pingedAt(harness), harness.dialledAt]).toEqual(["online", [], []]);
  });
});

test("a heartbeat that the server makes ever so slow leaves a ping each five minutes", () => {
  const harness = online({ answers: acknowledges });
  harness.receive(offer(1_000_000_000n));
  harness.advance(3_600_000);
  expect(pingedAt(harness).length).toBeGreaterThanOrEqual(10);
  expect(harness.core.phase).toBe("online");
});

describe("a half-open connection", () => {
  const intervals: readonly [string, Script, number | undefined][] = [
    ["with heartbeats every 30 s", {}, 30_000],
    ["with other heartbeats", { config: { heartbeat: { intervalMs: 7_000, minMs: 1, maxMs: 8_000 } } }, 7_000],
    ["with very fast heartbeats", { config: { heartbeat: { intervalMs: 20, minMs: 1, maxMs: 8_000 } } }, 5_000],
    ["with heartbeats once a day", { config: { heartbeat: { intervalMs: 8.64e7, minMs: 1, maxMs: 1e9 } } }, 8.64e7],
    ["without heartbeats", { config: { capabilities: NO_HEARTBEATS } }, 30_000],
    ["with an interval for pings", { config: { ping: { intervalMs: 400 } } }, 400],
    ["with an interval for pings and no heartbeats", { config: { capabilities: 1n, ping: { intervalMs: 9 } } }, 9],
    ["without pings", { config: { ping: false } }, undefined],
    ["with pings that never come", { config: { ping: { intervalMs: Number.POSITIVE_INFINITY } } }, undefined],
  ];

  test.each(intervals)("%s is detected within two intervals", (_name, script, intervalMs) => {
    const harness = online({ ...HALF_OPEN, ...script });
    harness.advance(2 * (intervalMs ?? 1e8));
    expect(endOf(harness)).toEqual(
      intervalMs === undefined ? { at: undefined } : { at: 2 * intervalMs, reason: "unresponsive" },
    );
    expect(pingedAt(harness)).toHaveLength(intervalMs === undefined ? 0 : 1);
  });

  test("is detected where the server turned heartbeats off", () => {
    const harness = online({ ...HALF_OPEN, answers: acknowledges });
    harness.receive(offer(0n));
    harness.advance(60_000);
    expect([pingedAt(harness), endOf(harness)]).toEqual([[30_000], { at: 60_000, reason: "unresponsive" }]);
  });

  test("is detected after the interval that the server asked for", () => {
    const harness = online(HALF_OPEN);
    harness.receive(offer(10n));
    harness.advance(20_000);
    expect(endOf(harness)).toEqual({ at: 20_000, reason: "unresponsive" });
  });

  test("is detected although the first report was never answered", () => {
    const harness = started(HALF_OPEN);
    harness.advanceTo(60_000);
    expect(endOf(harness)).toEqual({ at: 60_000, reason: "unresponsive" });
    // It never was a good one.
    expect(harness.all("phase").at(-1)?.output.inMs).toBeGreaterThanOrEqual(1_000);
  });

  test("is detected although the agent keeps sending", () => {
    const harness = online(HALF_OPEN);
    for (let time = 1_000; harness.core.phase === "online"; time += 1_000) {
      harness.advanceTo(time);
      harness.feed({ type: "set", parts: { health: health(false, `${time}`) } });
    }
    expect(endOf(harness)).toEqual({ at: 60_000, reason: "unresponsive" });
  });

  test("is cut and dialled again at once, and unanswered reports are repeated", () => {
    const harness = online(HALF_OPEN);
    harness.advance(50_000);
    harness.feed({ type: "set", parts: { health: health(false) } });
    harness.advanceTo(59_999);
    harness.clear();
    harness.advanceTo(60_500);
    expect(harness.outputs).toMatchObject([
      { type: "close", code: 1006 },
      { type: "phase", phase: "waiting" },
      { type: "phase", phase: "connecting" },
      { type: "dial" },
      { type: "phase", phase: "reporting" },
      { type: "send" },
    ]);
    expect(partsOf(harness.last)).toEqual(["health"]);
  });

  test("that recurs is dialled with backoff", () => {
    const harness = online(HALF_OPEN);
    harness.advance(86_400_000);
    const waits = harness.all("phase").flatMap(({ output }) => output.inMs ?? []);
    expect(Math.min(...waits.slice(1))).toBeGreaterThanOrEqual(1_000);
    expect(Math.max(...waits)).toBeGreaterThan(30_000);
  });

  test("is detected after two full intervals of each new connection", () => {
    const harness = online(HALF_OPEN);
    harness.advance(50_000);
    harness.lose();
    harness.clear();
    harness.advanceUntil("reporting");
    const { now } = harness;
    harness.advanceTo(now + 59_999);
    expect(endOf(harness).at).toBeUndefined();
    harness.advance(1);
    expect(endOf(harness)).toEqual({ at: now + 60_000, reason: "unresponsive" });
  });

  test("is not looked for during a reconnect, nor while disconnected", () => {
    const harness = online({ ...HALF_OPEN, config: { link: { ...TIMES, closeMs: 600_000 } } });
    harness.feed({ type: "set", parts: { health: health(false) } });
    harness.core.step({ type: "reconnect" }, 0);
    harness.core.step({ type: "tick" }, 0);
    for (const now of [30_000, 45_000, 60_000, 500_000]) {
      expect(harness.core.step({ type: "woken", dueAt: 0, wallNow: now * 1e6 }, now)).toEqual([]);
      expect(harness.core.step({ type: "alive" }, now)).toEqual([]);
    }
    const waiting = online(HALF_OPEN);
    waiting.lose({ throttled: true, retryAfterMs: 600_000 });
    waiting.clear();
    waiting.jump();
    waiting.feed({ type: "alive" });
    waiting.advance(500_000);
    expect([waiting.outputs, waiting.core.phase]).toEqual([[], "waiting"]);
  });

  const TIMES = {
    connectMs: 30_000,
    answerMs: 30_000,
    closeMs: 1_000,
    backoff: { minMs: 1_000, maxMs: 60_000 },
    throttleFloorMs: 30_000,
    throttleMaxMs: 86_400_000,
  };
});

test("over HTTP nothing is pinged: each request has its own time limit", () => {
  const harness = online(polling({ ...HALF_OPEN, answers: acknowledges }));
  harness.advance(600_000);
  harness.jump();
  expect([pingedAt(harness), harness.sent.length, harness.dialledAt]).toEqual([[], 20, []]);
});
