import { describe, expect, test } from "vitest";
import type { Lost } from "../../../src/core/io.js";
import { verifies } from "../../conformance/verifies.js";
import { acknowledges, Harness, online, polling, type Script } from "../harness.js";

const transports = [
  ["on a duplex link", {}],
  ["over HTTP", polling()],
] as const;

const REVOKED: Partial<Lost> = { error: new Error("401"), orderly: true, renewed: "credentials" };
const ELSEWHERE: Partial<Lost> = {
  error: new Error("no upgrade"),
  fate: "unsent",
  orderly: true,
  renewed: "transport",
};

/** How the link ended last: the wait before the next dial, and what the host is told. */
function lastWait(harness: Harness) {
  const {
    inMs = Number.NaN,
    reason,
    error,
  } = harness.all("phase").findLast(({ output }) => output.phase === "waiting")?.output ?? { reason: undefined };
  return { inMs, reason, error };
}

/** Loses the link in this way, and gives the wait. */
function waitAfter(harness: Harness, loss: Partial<Lost>): number {
  harness.lose(loss);
  const { inMs } = lastWait(harness);
  harness.advance(inMs);
  return inMs;
}

describe.each(transports)("credentials that were refused %s", (_name, script: Script) => {
  verifies("AUTH-02", "are tried again at once, but only once, and each refusal is told", () => {
    const harness = new Harness(script);
    harness.feed({ type: "start" });
    expect(waitAfter(harness, REVOKED)).toBeLessThanOrEqual(500);
    expect(lastWait(harness)).toMatchObject({ reason: "lost", error: new Error("401") });
    for (let time = 0; time < 20; time++) {
      expect(waitAfter(harness, REVOKED)).toBeGreaterThanOrEqual(1_000);
      expect(lastWait(harness).error).toEqual(new Error("401"));
    }
  });

  verifies("AUTH-02", "after the link was a good one are tried again at once as before", () => {
    const harness = online({ ...script, answers: acknowledges });
    for (let time = 0; time < 3; time++) {
      harness.advance(11_000);
      expect(waitAfter(harness, REVOKED)).toBeLessThanOrEqual(500);
      harness.advanceUntil("online");
    }
  });

  verifies("AUTH-02", "right after each answer make no tight loop", () => {
    const harness = online({ ...script, answers: acknowledges });
    const { now } = harness;
    for (let time = 0; time < 50; time++) {
      waitAfter(harness, REVOKED);
      harness.advanceUntil("online");
    }
    expect(harness.now - now).toBeGreaterThan(49 * 1_000);
  });

  test("and a server that wants a pause get the pause", () => {
    const harness = online(script);
    expect(waitAfter(harness, { ...REVOKED, throttled: true, retryAfterMs: 60_000 })).toBeGreaterThanOrEqual(60_000);
    expect(waitAfter(harness, { ...REVOKED, throttled: true })).toBeGreaterThanOrEqual(30_000);
  });
});

describe.each(transports)("another way to the server %s", (_name, script: Script) => {
  test("is tried at once, and nobody is told of an error", () => {
    const harness = online(script);
    harness.lose(ELSEWHERE);
    const { inMs, reason, error } = lastWait(harness);
    expect([reason, error]).toEqual(["reconnect", undefined]);
    expect(inMs).toBeLessThanOrEqual(500);
  });

  test("does not count as a failure", () => {
    const harness = online({ ...script, answers: acknowledges });
    waitAfter(harness, ELSEWHERE);
    expect(harness.core.phase).toBe("online");
    // The first break of a good link is followed at once (D5).
    expect(waitAfter(harness, { orderly: false })).toBeLessThanOrEqual(500);
  });

  test("is tried there and back, and then after a wait: that nothing works is told", () => {
    const harness = online(script);
    const waits = Array.from({ length: 9 }, () => waitAfter(harness, ELSEWHERE));
    for (const [index, inMs] of waits.entries()) {
      if (index % 3 < 2) expect(inMs).toBeLessThanOrEqual(500);
      else expect(inMs).toBeGreaterThanOrEqual(1_000);
    }
    expect(lastWait(harness)).toMatchObject({ reason: "lost", error: new Error("no upgrade") });
  });

  test("is tried at once again and again by an agent whose links last in between", () => {
    const harness = online({ ...script, answers: acknowledges });
    for (let time = 0; time < 5; time++) {
      harness.advance(11_000);
      expect(waitAfter(harness, ELSEWHERE)).toBeLessThanOrEqual(500);
      harness.advanceUntil("online");
    }
  });

  test("that fails as well is followed by a wait, after which there are two ways again", () => {
    const harness = online({ ...script, opens: () => true });
    expect(waitAfter(harness, ELSEWHERE)).toBeLessThanOrEqual(500);
    expect(waitAfter(harness, { orderly: true })).toBeGreaterThanOrEqual(1_000);
    expect(waitAfter(harness, ELSEWHERE)).toBeLessThanOrEqual(500);
  });

  test("waits for the pause that a server asks for", () => {
    const harness = online(script);
    expect(waitAfter(harness, { ...ELSEWHERE, throttled: true, retryAfterMs: 5_000 })).toBeGreaterThanOrEqual(5_000);
  });

  test("is of no interest to an agent that stops", () => {
    const harness = online(script);
    harness.core.step({ type: "stop", withinMs: 1_000 }, harness.now);
    harness.lose(ELSEWHERE);
    expect([harness.core.phase, harness.dialledAt]).toEqual(["stopped", []]);
  });
});
