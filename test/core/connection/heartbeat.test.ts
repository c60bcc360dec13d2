import { describe, expect, test } from "vitest";
import { maskOf } from "../../../src/core/capabilities.js";
import { verifies } from "../../conformance/verifies.js";
import { type Answer, acknowledges, Harness, OWN_UID, online, partsOf, polling, type Script } from "../harness.js";
import { effectiveConfig, hash, health } from "../values.js";

const SILENT: Script = { config: { capabilities: maskOf(["reportsHealth"]), ping: false } };

function offer(seconds: bigint): Answer {
  return { connectionSettings: { hash: hash(1), opamp: { heartbeatIntervalSeconds: seconds } } };
}

function bounded(minMs: number, maxMs: number, intervalMs = 30_000): Script {
  return { config: { heartbeat: { intervalMs, minMs, maxMs } }, answers: acknowledges };
}

/** When messages leave in the next stretch of time. */
function sentWithin(harness: Harness, ms: number): readonly number[] {
  harness.clear();
  harness.advance(ms);
  return harness.sentAt;
}

describe("heartbeats", () => {
  verifies("HB-02", "come every 30 s by default and at the user's interval otherwise", () => {
    expect(sentWithin(online({ answers: acknowledges }), 90_000)).toEqual([30_000, 60_000, 90_000]);
    expect(sentWithin(online(bounded(1_000, 60_000, 5_000)), 10_000)).toEqual([5_000, 10_000]);
  });

  verifies(
    ["HB-05", "STATUS-05", "CAP-01"],
    "carry instance uid, sequence number and capabilities and nothing else",
    () => {
      const harness = online({ answers: acknowledges });
      harness.advance(300_000);
      expect(harness.sent).toEqual(
        Array.from({ length: 10 }, (_, index) => ({
          instanceUid: OWN_UID,
          sequenceNum: BigInt(index + 2),
          capabilities: 0x2801n,
        })),
      );
    },
  );

  verifies("HB-01", "are neither declared nor sent when they are off", () => {
    const harness = online(SILENT);
    expect(harness.core.capabilities & 0x2000n).toBe(0n);
    expect(harness.core.deadline).toBeUndefined();
    expect(sentWithin(harness, 3_600_000)).toEqual([]);
  });

  verifies("HB-01", "stop and start with their capability", () => {
    const harness = online({ answers: acknowledges });
    harness.feed({ type: "declare", capabilities: 0x801n });
    expect(sentWithin(harness, 120_000)).toEqual([]);
    harness.feed({ type: "declare", capabilities: 0x2801n });
    expect(sentWithin(harness, 30_000)).toEqual([150_000]);
  });

  verifies("HB-06", "count from the last message, whatever that was", () => {
    const harness = online(bounded(1_000, 60_000, 10_000));
    harness.advanceTo(8_000);
    harness.feed({ type: "set", parts: { health: health(false) } });
    harness.advanceTo(40_000);
    expect(harness.sentAt).toEqual([8_000, 18_000, 28_000, 38_000]);
  });

  verifies("HB-06", "do not count from a message that was never sent", () => {
    const harness = online({ answers: acknowledges, fits: ({ health: part }) => part === undefined });
    for (let ms = 10_000; ms <= 30_000; ms += 10_000) {
      harness.advanceTo(ms);
      harness.feed({ type: "set", parts: { health: health(false, `${ms}`) } });
    }
    expect(harness.sentAt).toEqual([30_000]);
  });

  test("count from the first report of a new link", () => {
    const harness = online({ answers: acknowledges });
    harness.advanceTo(20_000);
    harness.lose();
    harness.advanceUntil("online");
    const [reported] = harness.sentAt;
    harness.clear();
    harness.advanceTo(80_000);
    expect(harness.sentAt).toEqual([(reported ?? 0) + 30_000]);
  });

  test("continue while reports wait for the effective config", () => {
    const harness = online({
      can: ["reportsEffectiveConfig"],
      config: { effectiveConfigMs: 100_000 },
      effectiveConfig: (() => {
        const first = [effectiveConfig("one")];
        return () => first.shift();
      })(),
    });
    expect(sentWithin(harness, 60_000)).toEqual([30_000, 60_000]);
  });
});

describe("the interval that the server offers", () => {
  verifies("HB-02", "replaces the one before, whichever side set that", () => {
    const harness = online({ answers: acknowledges });
    harness.receive(offer(2n));
    expect(harness.all("heartbeatInterval").map(({ output }) => output.intervalMs)).toEqual([2_000]);
    expect(sentWithin(harness, 6_000)).toEqual([2_000, 4_000, 6_000]);
    harness.receive(offer(4n));
    expect(sentWithin(harness, 8_000)).toEqual([10_000, 14_000]);
  });

  verifies("HB-06", "counts from the last message, so that one already overdue leaves at once", () => {
    const harness = online({ answers: acknowledges });
    harness.advanceTo(10_000);
    harness.receive(offer(2n));
    expect(harness.sentAt).toEqual([10_000]);
  });

  test("survives reconnects", () => {
    const harness = online({ answers: acknowledges });
    harness.receive(offer(2n));
    harness.lose();
    harness.advanceUntil("online");
    const { now } = harness;
    expect(sentWithin(harness, 4_000)).toEqual([now + 2_000, now + 4_000]);
  });

  test("is reported only when it changes", () => {
    const harness = online({ answers: acknowledges });
    harness.receive(offer(30n));
    harness.receive(offer(2n));
    harness.receive(offer(2n));
    expect(harness.all("heartbeatInterval")).toHaveLength(1);
  });

  test.each([
    [1n, 5_000],
    [7n, 7_000],
    [3_600n, 20_000],
    [2n ** 64n - 1n, 20_000],
    [0n, 20_000],
  ])("of %d s stays within the user's bounds", (seconds, intervalMs) => {
    const harness = online(bounded(5_000, 20_000));
    harness.receive(offer(seconds));
    expect(sentWithin(harness, intervalMs)).toEqual([intervalMs]);
  });

  verifies("HB-03", "of 0 turns heartbeats off, status still flows, and a later 2 resumes them", () => {
    const harness = online({ answers: acknowledges });
    harness.receive(offer(0n));
    expect(harness.all("heartbeatInterval").map(({ output }) => output.intervalMs)).toEqual([Number.POSITIVE_INFINITY]);
    expect(sentWithin(harness, 3_600_000)).toEqual([]);
    harness.feed({ type: "set", parts: { health: health(false) } });
    expect(harness.sent.map(partsOf)).toEqual([["health"]]);
    harness.receive(offer(2n));
    expect(sentWithin(harness, 4_000)).toEqual([3_602_000, 3_604_000]);
  });

  test("has no effect on an agent that did not declare heartbeats", () => {
    const harness = online(SILENT);
    harness.receive(offer(2n));
    expect([harness.all("heartbeatInterval"), harness.core.deadline]).toEqual([[], undefined]);
  });
});

describe("the interval that the server asked for before a restart", () => {
  /** An agent that remembers one, up to its first answered report. */
  function restarted(heartbeatMs: number, script: Script): Harness {
    const harness = new Harness({ answers: acknowledges, ...script });
    harness.feed({ type: "start", heartbeatMs });
    if (harness.core.phase !== "online") throw new Error(`the link is ${harness.core.phase}`);
    return harness;
  }

  const told = (harness: Harness): readonly number[] =>
    harness.all("heartbeatInterval").map(({ output }) => output.intervalMs);

  verifies("HB-02", "counts from the first report on, and is reported once", () => {
    const harness = restarted(2_000, {});
    expect(sentWithin(harness, 4_000)).toEqual([2_000, 4_000]);
    const again = restarted(2_000, {});
    again.receive(offer(2n));
    again.lose();
    again.advanceUntil("online");
    expect(told(again)).toEqual([2_000]);
  });

  test("is not reported if it is the default", () => {
    expect(told(restarted(30_000, {}))).toEqual([]);
  });

  test.each([
    [1_000, 5_000],
    [7_000, 7_000],
    [3_600_000, 20_000],
    [Number.POSITIVE_INFINITY, 20_000],
  ])("of %d ms stays within the bounds that the user has set since", (heartbeatMs, intervalMs) => {
    const harness = restarted(heartbeatMs, bounded(5_000, 20_000));
    expect(told(harness)).toEqual([intervalMs]);
    expect(sentWithin(harness, intervalMs)).toEqual([intervalMs]);
  });

  verifies("HB-03", "can turn heartbeats off", () => {
    const harness = restarted(Number.POSITIVE_INFINITY, {});
    expect([told(harness), sentWithin(harness, 3_600_000)]).toEqual([[Number.POSITIVE_INFINITY], []]);
  });

  verifies("HB-04", "does not affect polls if it was 0", () => {
    const harness = restarted(Number.POSITIVE_INFINITY, polling());
    expect([told(harness), sentWithin(harness, 60_000)]).toEqual([[], [30_000, 60_000]]);
  });
});

describe("the requested interval to store", () => {
  const requests = (harness: Harness): readonly number[] =>
    harness.persisting.flatMap((change) => (change.what === "heartbeat" ? [change.requestedMs] : []));

  test("is the unclamped value", () => {
    const harness = online(bounded(5_000, 20_000));
    for (const seconds of [1n, 3_600n, 0n]) harness.receive(offer(seconds));
    expect(requests(harness)).toEqual([1_000, 3_600_000, Number.POSITIVE_INFINITY]);
  });

  test("is none if it has no effect: 0 for polls, or without heartbeats", () => {
    const polls = online(polling({ answers: acknowledges }));
    polls.receive(offer(0n));
    const silent = online(SILENT);
    silent.receive(offer(2n));
    expect([requests(polls), requests(silent)]).toEqual([[], []]);
  });
});
