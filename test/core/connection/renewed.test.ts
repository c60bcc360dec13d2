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

describe.each(transports)("refused credentials %s", (_name, script: Script) => {
  verifies("AUTH-02", "are retried at once but only once, and each refusal is reported", () => {
    const harness = new Harness(script);
    harness.feed({ type: "start" });
    expect(waitAfter(harness, REVOKED)).toBeLessThanOrEqual(500);
    expect(lastWait(harness)).toMatchObject({ reason: "lost", error: new Error("401") });
    for (let time = 0; time < 20; time++) {
      expect(waitAfter(harness, REVOKED)).toBeGreaterThanOrEqual(1_000);
      expect(lastWait(harness).error).toEqual(new Error("401"));
    }
  });

  verifies("AUTH-02", "are retried at once again after a stable connection", () => {
    const harness = online({ ...script, answers: acknowledges });
    for (let time = 0; time < 3; time++) {
      harness.advance(11_000);
      expect(waitAfter(harness, REVOKED)).toBeLessThanOrEqual(500);
      harness.advanceUntil("online");
    }
  });

  verifies("AUTH-02", "right after each answer do not cause a tight loop", () => {
    const harness = online({ ...script, answers: acknowledges });
    const { now } = harness;
    for (let time = 0; time < 50; time++) {
      waitAfter(harness, REVOKED);
      harness.advanceUntil("online");
    }
    expect(harness.now - now).toBeGreaterThan(49 * 1_000);
  });

  test("from a server that asks for a pause wait for the pause", () => {
    const harness = online(script);
    expect(waitAfter(harness, { ...REVOKED, throttled: true, retryAfterMs: 60_000 })).toBeGreaterThanOrEqual(60_000);
    expect(waitAfter(harness, { ...REVOKED, throttled: true })).toBeGreaterThanOrEqual(30_000);
  });
});

describe.each(transports)("a switch to the other transport %s", (_name, script: Script) => {
  test("happens at once and without an error", () => {
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

  test("is tried both ways and then waits, and reports that neither works", () => {
    const harness = online(script);
    const waits = Array.from({ length: 9 }, () => waitAfter(harness, ELSEWHERE));
    for (const [index, inMs] of waits.entries()) {
      if (index % 3 < 2) expect(inMs).toBeLessThanOrEqual(500);
      else expect(inMs).toBeGreaterThanOrEqual(1_000);
    }
    expect(lastWait(harness)).toMatchObject({ reason: "lost", error: new Error("no upgrade") });
  });

  test("happens at once each time if the connections between them were stable", () => {
    const harness = online({ ...script, answers: acknowledges });
    for (let time = 0; time < 5; time++) {
      harness.advance(11_000);
      expect(waitAfter(harness, ELSEWHERE)).toBeLessThanOrEqual(500);
      harness.advanceUntil("online");
    }
  });

  test("is followed by a wait if it fails too, and is then possible again", () => {
    const harness = online({ ...script, opens: () => true });
    expect(waitAfter(harness, ELSEWHERE)).toBeLessThanOrEqual(500);
    expect(waitAfter(harness, { orderly: true })).toBeGreaterThanOrEqual(1_000);
    expect(waitAfter(harness, ELSEWHERE)).toBeLessThanOrEqual(500);
  });

  test("waits for the pause that a server asks for", () => {
    const harness = online(script);
    expect(waitAfter(harness, { ...ELSEWHERE, throttled: true, retryAfterMs: 5_000 })).toBeGreaterThanOrEqual(5_000);
  });

  test("does not happen while the agent stops", () => {
    const harness = online(script);
    harness.core.step({ type: "stop", withinMs: 1_000 }, harness.now);
    harness.lose(ELSEWHERE);
    expect([harness.core.phase, harness.dialledAt]).toEqual(["stopped", []]);
  });
});
