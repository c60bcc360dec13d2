import { describe, expect, test } from "vitest";
import { verifies } from "../../conformance/verifies.js";
import { acknowledges, CONFIG, type Harness, online, partsOf, polling } from "../harness.js";
import { health } from "../values.js";

const STALE = { type: "stale" } as const;

/** A poll has left at 30 s, and nothing came in answer. */
function polled(reconnectReport: "full" | "changed" = "full"): Harness {
  const harness = online(polling({ config: { reconnectReport } }));
  harness.advanceTo(30_000);
  expect(harness.sent.map(partsOf)).toEqual([[]]);
  return harness;
}

describe("a message that met a stale connection", () => {
  verifies("RETRY-02", "is followed at once by a full report with a number of its own", () => {
    const harness = polled();
    harness.feed(STALE);
    const [poll, report, ...others] = harness.sent;
    expect([harness.sentAt, others]).toEqual([[30_000, 30_000], []]);
    expect(report?.sequenceNum).toBe((poll?.sequenceNum ?? 0n) + 1n);
    expect(report && partsOf(report)).toEqual(["agentDescription", "health"]);
  });

  test("moves no phase, dials nothing and does not count as a failure", () => {
    const harness = polled();
    harness.feed(STALE);
    harness.receive({});
    expect([harness.all("phase"), harness.all("dial"), harness.notices, harness.core.phase]).toEqual([
      [],
      [],
      [],
      "online",
    ]);
    harness.lose({ orderly: false });
    // As after the first break of a good link.
    expect(harness.all("phase").at(-1)?.output.inMs).toBeLessThanOrEqual(CONFIG.link.backoff.minMs);
  });

  test("is followed by a message even where only changes are reported again", () => {
    const harness = polled("changed");
    harness.feed(STALE);
    expect(harness.sent.map(partsOf)).toEqual([[], []]);
  });

  test("does not keep heartbeats waiting where reports wait for the effective config", () => {
    const harness = online(polling({ can: ["reportsEffectiveConfig"], config: { effectiveConfigMs: 60_000 } }));
    harness.advanceTo(30_000);
    harness.feed({ type: "refresh" }, STALE);
    harness.advanceTo(60_000);
    expect(harness.sentAt).toEqual([30_000, 60_000]);
  });

  test("has what it held sent again, as it is by then", () => {
    const harness = online(polling());
    harness.feed({ type: "set", parts: { health: health(false, "a") } });
    harness.feed({ type: "set", parts: { health: health(false, "b") } });
    harness.feed(STALE);
    expect(harness.last.health).toEqual(health(false, "b"));
    harness.receive({});
    harness.advance(1_000);
    expect(harness.sent).toHaveLength(2);
  });

  test("gives the next one the whole time for its answer", () => {
    const harness = polled();
    harness.advance(20_000);
    harness.feed(STALE);
    harness.advance(29_999);
    expect(harness.core.phase).toBe("online");
    harness.advance(1);
    expect(harness.all("phase").at(-1)?.output).toMatchObject({ phase: "waiting", reason: "timeout" });
  });

  verifies("CLOSE-01", "is followed by agent_disconnect where it was that", () => {
    const harness = online(polling());
    harness.feed({ type: "stop", withinMs: 5_000 });
    harness.feed(STALE);
    expect(harness.sent.map(({ agentDisconnect }) => agentDisconnect !== undefined)).toEqual([true, true]);
    harness.receive({});
    expect(harness.all("close")).toMatchObject([{ output: { code: 1000 } }]);
  });

  test("grants a server in a storm no more full reports at once than before", () => {
    const harness = online(polling());
    const asksForAll = () => harness.receive({ flags: 1n });
    harness.feed({ type: "set", parts: { health: health(false) } });
    for (let i = 0; i < 20; i++) {
      harness.feed(STALE);
      asksForAll();
    }
    // Five are granted.
    expect(harness.core.isAwaiting).toBe(false);
    expect(harness.sent.length).toBeLessThan(20);
  });
});

test("a connection that is stale without a message on it changes nothing", () => {
  const harness = online(polling({ answers: acknowledges }));
  harness.feed(STALE);
  expect(harness.outputs).toEqual([]);
});

test("a duplex connection is never stale", () => {
  const harness = online();
  harness.feed({ type: "set", parts: { health: health(false) } });
  harness.clear();
  harness.feed(STALE);
  expect(harness.outputs).toEqual([]);
});
