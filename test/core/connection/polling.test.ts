import { describe, expect, test } from "vitest";
import { maskOf } from "../../../src/core/capabilities.js";
import { verifies } from "../../conformance/verifies.js";
import {
  type Answer,
  acknowledges,
  CONFIG,
  type Harness,
  OWN_UID,
  online,
  partsOf,
  polling,
  started,
} from "../harness.js";
import { hash, health } from "../values.js";

function offer(seconds: bigint): Answer {
  return { connectionSettings: { hash: hash(1), opamp: { heartbeatIntervalSeconds: seconds } } };
}

function every(intervalMs: number) {
  return polling({ config: { heartbeat: { intervalMs, minMs: 1_000, maxMs: 3_600_000 } }, answers: acknowledges });
}

function sentWithin(harness: Harness, ms: number): readonly number[] {
  harness.clear();
  harness.advance(ms);
  return harness.sentAt;
}

describe("polling", () => {
  verifies(["HTTP-03", "HTTP-04", "HB-05"], "asks every 30 s by default, with a minimal message", () => {
    const harness = online(polling({ answers: acknowledges }));
    harness.advance(90_000);
    expect(harness.sentAt).toEqual([30_000, 60_000, 90_000]);
    for (const message of harness.sent) {
      expect(Object.keys(message).sort()).toEqual(["capabilities", "instanceUid", "sequenceNum"]);
    }
  });

  verifies("HTTP-04", "asks at the user's interval", () => {
    expect(sentWithin(online(every(5_000)), 15_000)).toEqual([5_000, 10_000, 15_000]);
  });

  test("continues for agents that declared no heartbeats", () => {
    const harness = online(polling({ config: { capabilities: maskOf(["reportsHealth"]) }, answers: acknowledges }));
    expect(sentWithin(harness, 60_000)).toEqual([30_000, 60_000]);
  });

  verifies("HB-04", "takes the interval that the server offers", () => {
    const harness = online(every(30_000));
    harness.receive(offer(2n));
    expect(sentWithin(harness, 6_000)).toEqual([2_000, 4_000, 6_000]);
  });

  verifies(["HB-04", "HB-03"], "keeps its interval when the server offers 0", () => {
    const harness = online(every(5_000));
    harness.receive(offer(0n));
    expect(harness.all("heartbeatInterval")).toEqual([]);
    expect(sentWithin(harness, 10_000)).toEqual([5_000, 10_000]);
    harness.receive(offer(2n));
    harness.receive(offer(0n));
    expect(sentWithin(harness, 4_000)).toEqual([12_000, 14_000]);
  });

  verifies("HB-06", "counts from the last message", () => {
    const harness = online(every(10_000));
    harness.advanceTo(8_000);
    harness.feed({ type: "set", parts: { health: health(false) } });
    harness.advanceTo(20_000);
    expect(harness.sentAt).toEqual([8_000, 18_000]);
  });

  verifies("HTTP-02", "does not delay a change, nor a report that follows from an answer", () => {
    const harness = online(polling({ can: ["acceptsRemoteConfig", "reportsRemoteConfig"] }));
    harness.advanceTo(1_000);
    harness.feed({ type: "set", parts: { health: health(false) } });
    harness.receive({ remoteConfig: { config: { configMap: {} }, configHash: hash(1) } });
    expect(harness.sentAt).toEqual([1_000, 1_000]);
    expect(harness.sent.map(partsOf)).toEqual([["health"], ["remoteConfigStatus"]]);
  });
});

describe("a request without an answer yet", () => {
  verifies("HTTP-05", "holds back everything else, which then leaves as one message", () => {
    const harness = online(polling());
    harness.feed({ type: "set", parts: { health: health(false, "a") } });
    for (const status of ["b", "c", "d"]) {
      harness.advance(500);
      harness.feed({ type: "set", parts: { health: health(false, status) } });
    }
    expect(harness.sent).toHaveLength(1);
    harness.advance(500);
    harness.receive({});
    expect(harness.sentAt).toEqual([0, 2_000]);
    expect(harness.last.health).toEqual(health(false, "d"));
  });

  verifies("HTTP-05", "holds back polls as well", () => {
    const harness = online(polling({ config: { heartbeat: { intervalMs: 5_000, minMs: 1_000, maxMs: 60_000 } } }));
    harness.advanceTo(5_000);
    expect(sentWithin(harness, 24_000)).toEqual([]);
    harness.receive({});
    expect(harness.sentAt).toEqual([29_000]);
  });

  verifies("RETRY-02", "times out, and its content is sent again on a new connection", () => {
    const harness = online(polling());
    harness.feed({ type: "set", parts: { health: health(false) } });
    harness.advanceTo(29_999);
    expect(harness.core.phase).toBe("online");
    harness.advanceTo(30_000);
    expect(harness.all("close")).toMatchObject([{ output: { code: 1006 } }]);
    expect(harness.all("phase").at(-1)?.output).toMatchObject({ phase: "waiting", reason: "timeout" });
    harness.clear();
    harness.advanceUntil("reporting");
    expect(partsOf(harness.last)).toEqual(["health"]);
  });

  test("fails when its answer is malformed or for another agent", () => {
    const foreign = (harness: Harness) => harness.receive({ instanceUid: hash(9) });
    const garbage = (harness: Harness) => harness.feed({ type: "malformed", error: new Error("no protobuf") });
    for (const answer of [foreign, garbage]) {
      // It was an answer: the server did not ask for everything in one that got lost.
      const harness = online({ ...polling(), config: { reconnectReport: "full" } });
      harness.feed({ type: "set", parts: { health: health(false) } });
      answer(harness);
      expect(harness.all("phase").at(-1)?.output).toMatchObject({ phase: "waiting", reason: "malformed" });
      harness.advanceUntil("reporting");
      expect(partsOf(harness.last)).toEqual(["health"]);
    }
  });
});

describe("a request that needs a connection first", () => {
  const link = { ...CONFIG.link, connectMs: 400, answerMs: 1_000 };

  /** A request has left, and its connection is being made since 100 ms. */
  function dialing(): Harness {
    const harness = online(polling({ config: { link } }));
    harness.feed({ type: "set", parts: { health: health(false) } });
    harness.advance(100);
    harness.feed({ type: "dialing" });
    return harness;
  }

  test("times out when that is not made in time, and its number is reused", () => {
    const harness = dialing();
    const { sequenceNum } = harness.last;
    harness.advanceTo(499);
    expect(harness.core.phase).toBe("online");
    harness.advanceTo(500);
    expect(harness.all("close")).toMatchObject([{ output: { code: 1006, reason: "timeout" } }]);
    expect(harness.all("phase").at(-1)?.output).toMatchObject({ phase: "waiting", reason: "timeout" });
    harness.clear();
    harness.advanceUntil("reporting");
    expect([harness.last.sequenceNum, partsOf(harness.last)]).toEqual([sequenceNum, ["health"]]);
    expect(harness.core.deadline).toBe(harness.now + link.answerMs);
  });

  test("has the rest of its own time once connected", () => {
    const harness = dialing();
    harness.feed({ type: "dialed" });
    harness.advanceTo(999);
    expect(harness.core.phase).toBe("online");
    harness.advanceTo(1_000);
    expect(harness.core.phase).toBe("waiting");
  });

  test("has no more than that time, however often it connects", () => {
    const harness = dialing();
    for (let i = 0; i < 3; i++) {
      harness.advance(250);
      harness.feed({ type: "dialed" }, { type: "dialing" });
    }
    expect(harness.core.deadline).toBe(1_000);
  });

  test("delays agent_disconnect by at most the time for both", () => {
    const harness = online(polling({ config: { link } }));
    harness.feed({ type: "stop", withinMs: 5_000 });
    harness.feed({ type: "dialing" });
    harness.advance(399);
    expect(harness.core.phase).toBe("closing");
    harness.advance(1);
    expect(harness.core.phase).toBe("stopped");
  });

  test("can be answered before it is reported as connected", () => {
    const harness = online(polling({ config: { link } }));
    harness.feed({ type: "set", parts: { health: health(false) } }, { type: "tick" }, { type: "dialing" });
    harness.receive({});
    harness.advance(29_999);
    expect(harness.core.phase).toBe("online");
  });
});

test("a duplex connection has no dial timeout once it is open", () => {
  const harness = online();
  const { deadline } = harness.core;
  harness.feed({ type: "dialing" });
  expect(harness.core.deadline).toBe(deadline);
});

test("an empty answer is an acknowledgement", () => {
  const harness = started(polling());
  harness.receive({});
  expect(harness.core.phase).toBe("online");
  expect(harness.sent).toHaveLength(1);
});

test("an agent over HTTP continues its numbers and repeats nothing as long as requests succeed", () => {
  const harness = online(polling({ answers: () => ({ instanceUid: OWN_UID }) }));
  harness.advance(3_600_000);
  expect(harness.sent.map(({ sequenceNum }) => sequenceNum)).toEqual(
    Array.from({ length: 120 }, (_, index) => BigInt(index + 2)),
  );
  expect([harness.dialledAt, harness.sent.flatMap(partsOf)]).toEqual([[], []]);
});

describe("an infinite offered interval", () => {
  verifies("HB-04", "still leads to at least one poll a day", () => {
    const bounds = { intervalMs: 30_000, minMs: 1_000, maxMs: Number.POSITIVE_INFINITY };
    const answers = (): Answer => offer(2n ** 63n);
    const harness = online(polling({ config: { heartbeat: bounds }, answers }));
    expect(sentWithin(harness, 2 * 86_400_000)).toHaveLength(2);
  });
});
