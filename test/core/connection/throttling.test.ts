import { describe, expect, test } from "vitest";
import { verifies } from "../../conformance/verifies.js";
import { type Answer, type Harness, message, OWN_UID, online, partsOf, polling, type Script } from "../harness.js";
import { description, health } from "../values.js";

const transports = [
  ["on a duplex link", {}],
  ["over HTTP", polling()],
] as const;

function unavailable(afterMs?: number): Answer {
  const nanoseconds = afterMs === undefined ? undefined : BigInt(Math.round(afterMs * 1e6));
  return {
    errorResponse: {
      type: 2,
      errorMessage: "busy",
      ...(nanoseconds === undefined
        ? {}
        : { Details: { case: "retryInfo" as const, value: { retryAfterNanoseconds: nanoseconds } } }),
    },
  };
}

/** Changes the health, and has the server answer that it is too busy. */
function throttled(script: Script, afterMs?: number): Harness {
  const harness = online(script);
  harness.feed({ type: "set", parts: { health: health(false) } });
  harness.receive(unavailable(afterMs));
  return harness;
}

/** How long the link stays away, from now to the next dial. */
function pause(harness: Harness): number {
  const { now } = harness;
  const dials = harness.dialledAt.length;
  harness.advanceUntil("reporting");
  return (harness.dialledAt[dials] ?? Number.NaN) - now;
}

describe.each(transports)("an unavailable server %s", (_name, script: Script) => {
  verifies(["THR-01", "THR-02"], "is left alone as long as it asks, then gets what it missed", () => {
    const harness = throttled(script, 1_500);
    const wait = pause(harness);
    expect(wait).toBeGreaterThanOrEqual(1_500);
    expect(wait).toBeLessThanOrEqual(1_500 * 3.2);
    expect(partsOf(harness.last)).toEqual(["health"]);
    expect(harness.notices).toEqual([{ kind: "serverError", error: "unavailable", message: "busy", dropped: 0 }]);
    const waiting = harness.all("phase").find(({ output }) => output.phase === "waiting");
    expect(waiting?.output.inMs).toBe(wait);
  });

  verifies(["THR-03", "THR-06"], "that names no time is left alone for 30 s, and each time longer", () => {
    const harness = throttled(script);
    const waits: number[] = [];
    for (let time = 0; time < 5; time++) {
      waits.push(pause(harness));
      expect(partsOf(harness.last)).toEqual(["health"]);
      harness.receive(unavailable());
    }
    expect(waits[0]).toBeGreaterThanOrEqual(30_000);
    for (const [index, wait] of waits.entries()) expect(wait).toBeGreaterThan(waits[index - 1] ?? 0);
  });

  test("that answered in between is left alone for as long as the first time", () => {
    const harness = throttled(script);
    pause(harness);
    harness.receive(unavailable());
    pause(harness);
    harness.receive({});
    harness.feed({ type: "set", parts: { health: health(true, "again") } });
    harness.receive(unavailable());
    expect(pause(harness)).toBeLessThanOrEqual(30_000 * 3.2);
  });

  verifies("THR-02", "that names an absurd time is left alone for a day", () => {
    const harness = throttled(script, 1e12);
    const wait = pause(harness);
    expect(wait).toBeGreaterThanOrEqual(86_400_000);
    expect(wait).toBeLessThanOrEqual(86_400_000 + 480_000);
  });

  test("that keeps giving a tiny time is not flooded", () => {
    const harness = throttled(script, 0.000_001);
    const waits = [pause(harness)];
    for (let time = 0; time < 20; time++) {
      harness.receive(unavailable(0.000_001));
      waits.push(pause(harness));
    }
    expect(waits[0]).toBeLessThan(10);
    expect(Math.min(...waits.slice(1))).toBeGreaterThanOrEqual(1_000);
  });

  verifies("THR-05", "gets nothing at all in the meantime, and afterwards at the normal interval", () => {
    const harness = throttled(
      { ...script, config: { ...script.config, heartbeat: { intervalMs: 1_000, minMs: 1_000, maxMs: 60_000 } } },
      60_000,
    );
    harness.clear();
    harness.advance(59_999);
    harness.feed({ type: "set", parts: { agentDescription: description("two") } }, { type: "reconnect" });
    harness.feed({ type: "custom", id: 1, message: { capability: "a.b", type: "t", data: OWN_UID } });
    expect([harness.sent, harness.dialledAt]).toEqual([[], []]);
    harness.advanceUntil("reporting");
    expect(partsOf(harness.last)).toEqual(["agentDescription", "health"]);
    harness.receive({});
    const [reported] = harness.sentAt;
    harness.clear();
    harness.advance(1_000);
    expect(harness.sentAt).toEqual([(reported ?? 0) + 1_000]);
  });

  test("is also left alone if it becomes unavailable during a reconnect", () => {
    const harness = online(script);
    harness.feed({ type: "set", parts: { health: health(false) } }, { type: "reconnect" });
    harness.receive(unavailable(60_000));
    if (!harness.outputs.some(({ type }) => type === "close")) harness.receive(unavailable(60_000));
    expect(pause(harness)).toBeGreaterThanOrEqual(60_000);
    expect(partsOf(harness.last)).toEqual(["health"]);
  });

  test("does not prevent a stop during the pause", () => {
    const harness = throttled(script, 60_000);
    harness.advance(1_500);
    harness.clear();
    harness.feed({ type: "stop", withinMs: 1_000 });
    expect([harness.core.phase, harness.core.deadline, harness.sent]).toEqual(["stopped", undefined, []]);
  });
});

verifies(
  "THR-01",
  "UNAVAILABLE on a duplex connection leads to agent_disconnect, Close, pause, dial and report",
  () => {
    const harness = throttled({}, 2_000);
    harness.advanceUntil("reporting");
    const order = harness.outputs.filter(({ type }) => type === "send" || type === "close" || type === "dial");
    expect(order).toMatchObject([
      { type: "send" },
      { type: "send", message: { agentDisconnect: {} } },
      { type: "close", code: 1000 },
      { type: "dial" },
      { type: "send" },
    ]);
    expect(harness.sent.map(partsOf)).toEqual([["health"], [], ["health"]]);
  },
);

verifies("THR-01", "an answer to agent_disconnect does not acknowledge the report that was UNAVAILABLE", () => {
  const harness = online();
  harness.feed({ type: "set", parts: { health: health(false) } });
  harness.core.step({ type: "received", message: message(unavailable(1_000)) }, 0);
  harness.core.step({ type: "tick" }, 0);
  harness.receive({});
  harness.advanceUntil("reporting");
  expect(partsOf(harness.last)).toEqual(["health"]);
});

test("an UNAVAILABLE for agent_disconnect too counts as one pause, not two", () => {
  const harness = online();
  harness.feed({ type: "set", parts: { health: health(false) } });
  for (const [leastMs, mostMs] of [
    [30_000, 96_000],
    [60_000, 165_000],
  ] as const) {
    for (const input of [{ type: "received", message: message(unavailable()) }, { type: "tick" }] as const) {
      harness.core.step(input, harness.now);
    }
    harness.receive(unavailable());
    const wait = pause(harness);
    expect(wait).toBeGreaterThanOrEqual(leastMs);
    expect(wait).toBeLessThanOrEqual(mostMs);
  }
});

test("UNAVAILABLE over HTTP leads to a pause without another request", () => {
  const harness = throttled(polling(), 2_000);
  expect(harness.sent).toHaveLength(1);
  expect([harness.core.phase, harness.all("close").length]).toEqual(["waiting", 1]);
});

describe.each(transports)("a dial or request %s that is throttled", (_name, script: Script) => {
  verifies("THR-04", "is repeated when the server said, not earlier", () => {
    const harness = online(script);
    harness.lose({ throttled: true, retryAfterMs: 2_000, orderly: true });
    const wait = pause(harness);
    expect(wait).toBeGreaterThanOrEqual(2_000);
    expect(wait).toBeLessThanOrEqual(2_000 * 3.2);
    expect(harness.all("phase")[0]?.output).toMatchObject({ phase: "waiting", reason: "throttled" });
  });

  verifies(["THR-06", "THR-03"], "is repeated after 30 s at the earliest when the server did not say", () => {
    const harness = online(script);
    harness.lose({ throttled: true, orderly: true });
    const first = pause(harness);
    harness.lose({ throttled: true, orderly: true });
    const second = pause(harness);
    expect(first).toBeGreaterThanOrEqual(30_000);
    expect(second).toBeGreaterThan(first);
  });

  test("with a time of NaN counts as throttled without a time", () => {
    const harness = online(script);
    harness.lose({ throttled: true, retryAfterMs: Number.NaN });
    expect(pause(harness)).toBeGreaterThanOrEqual(30_000);
  });

  test("during a reconnect delays the next dial", () => {
    const harness = online(script);
    harness.feed({ type: "set", parts: { health: health(false) } });
    harness.feed({ type: "reconnect" });
    harness.core.step(
      { type: "lost", loss: { error: "", fate: "unknown", orderly: true, throttled: true, retryAfterMs: 60_000 } },
      harness.now,
    );
    expect(pause(harness)).toBeGreaterThanOrEqual(60_000);
  });

  test("during a stop ends it", () => {
    const harness = online(script);
    harness.feed({ type: "set", parts: { health: health(false) } });
    harness.core.step({ type: "stop", withinMs: 1_000 }, harness.now);
    harness.lose({ throttled: true, retryAfterMs: 60_000 });
    expect([harness.core.phase, harness.core.deadline]).toEqual(["stopped", undefined]);
  });
});

test("pauses without a time stay below the longest one that the user allows", () => {
  const limits = { throttleFloorMs: 30_000, throttleMaxMs: 60_000 };
  const times = { connectMs: 1, answerMs: 30_000, closeMs: 1_000, backoff: { minMs: 1, maxMs: 1 }, ...limits };
  const harness = online({ config: { link: times } });
  for (let time = 0; time < 6; time++) {
    harness.lose({ throttled: true, orderly: true });
    harness.advance(60_000);
    expect(harness.dialledAt).toHaveLength(time + 1);
  }
});
