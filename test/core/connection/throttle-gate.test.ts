import { describe, expect, test } from "vitest";
import type { Input, Lost } from "../../../src/core/io.js";
import { verifies } from "../../conformance/verifies.js";
import { acknowledges, Harness, message, OWN_UID, online, partsOf, polling, type Script, started } from "../harness.js";
import { description, health } from "../values.js";

const DAY_MS = 86_400_000;
/** The fleet spreads over 2.2 times the pause behind it, but over no more than 16 times the shortest one. */
const FLOOR = spread(30_000);
const LONGEST = spread(DAY_MS);

/** What a server that wants a pause can be in the middle of. */
const moments: readonly [string, Script, (script: Script) => Harness][] = [
  ["at the upgrade", {}, dialling],
  ["at the first report on a duplex link", {}, started],
  ["at a later message on a duplex link", {}, online],
  ["at the first POST", polling(), started],
  ["at a later POST", polling(), reported],
];

function spread(pauseMs: number): readonly [number, number] {
  return [pauseMs, pauseMs + Math.min(2.2 * pauseMs, 480_000)];
}

function dialling(script: Script): Harness {
  const harness = new Harness(script);
  harness.core.step({ type: "start" }, 0);
  return harness;
}

function reported(script: Script): Harness {
  const harness = online(script);
  harness.feed({ type: "set", parts: { health: health(false) } });
  return harness;
}

/** From the end of the link to the next dial. */
function pause(harness: Harness): number {
  const { at, output } = harness.all("phase").findLast(({ output: { phase } }) => phase === "waiting") ?? {};
  harness.advance(harness.core.phase === "waiting" ? (output?.inMs ?? Number.NaN) : 0);
  const waitMs = (harness.dialledAt.at(-1) ?? Number.NaN) - (at ?? Number.NaN);
  expect(waitMs).toBe(output?.inMs);
  return waitMs;
}

function refuse(harness: Harness, retryAfterMs: number | undefined, orderly = true): void {
  const loss: Partial<Lost> = { orderly, throttled: true, fate: "unknown" };
  harness.lose(retryAfterMs === undefined ? loss : { ...loss, retryAfterMs });
}

function unavailable(nanoseconds?: bigint): Input {
  const details = { Details: { case: "retryInfo" as const, value: { retryAfterNanoseconds: nanoseconds ?? 0n } } };
  const errorResponse = { type: 2, errorMessage: "busy", ...(nanoseconds === undefined ? {} : details) };
  return { type: "received", message: message({ errorResponse }) };
}

describe.each(moments)("a status 429 or 503 %s", (_when, script, begin) => {
  const delays: readonly [string, number | undefined, readonly [number, number]][] = [
    ["without a time", undefined, FLOOR],
    ["with 2 s", 2_000, spread(2_000)],
    ["with less than the floor", 29_000, spread(29_000)],
    ["with an hour", 3_600_000, spread(3_600_000)],
    ["with exactly the longest time", DAY_MS, LONGEST],
    ["with more than that", DAY_MS + 1, LONGEST],
    ["with 2^64 ns", 2 ** 64 / 1e6, LONGEST],
    ["with the largest number", Number.MAX_VALUE, LONGEST],
    ["with a time without end", Number.POSITIVE_INFINITY, LONGEST],
    ["with a time that is not a number", Number.NaN, FLOOR],
    ["with no time at all", 0, spread(0)],
    ["with a time long past", -DAY_MS, spread(0)],
    ["with the smallest number", Number.NEGATIVE_INFINITY, spread(0)],
  ];

  for (const [what, retryAfterMs, [leastMs, mostMs]] of delays) {
    verifies(
      ["THR-04", "THR-06"],
      `${what} keeps the agent away for ${leastMs} ms, and no longer than the fleet spreads`,
      () => {
        const harness = begin(script);
        refuse(harness, retryAfterMs);
        const waitMs = pause(harness);
        expect(waitMs).toBeGreaterThanOrEqual(leastMs);
        expect(waitMs).toBeLessThanOrEqual(mostMs);
      },
    );
  }

  verifies("THR-04", "that gives no time again and again never causes a tight loop", () => {
    const harness = begin(script);
    const waits = [0, -1, Number.NEGATIVE_INFINITY, 1e-9, 0, 0].map((retryAfterMs) => {
      refuse(harness, retryAfterMs);
      return pause(harness);
    });
    expect(Math.min(...waits.slice(1))).toBeGreaterThanOrEqual(1_000);
  });

  test("causes a pause even if the connection was not closed in an orderly way", () => {
    const harness = begin(script);
    refuse(harness, 5_000, false);
    expect(pause(harness)).toBeGreaterThanOrEqual(5_000);
  });

  test("no longer counts after the pause, and the next failure backs off as usual", () => {
    const harness = begin(script);
    refuse(harness, 60_000);
    pause(harness);
    harness.lose({ orderly: true });
    expect(pause(harness)).toBeLessThanOrEqual(21_000);
  });
});

describe.each(moments.slice(1))("UNAVAILABLE %s", (_when, script, begin) => {
  const delays: readonly [string, bigint | undefined, readonly [number, number]][] = [
    ["without retry_info", undefined, FLOOR],
    ["with a retry_info of 0", 0n, FLOOR],
    ["with a nanosecond", 1n, [1, 4]],
    ["with 1.5 s", 1_500_000_000n, spread(1_500)],
    ["with a nanosecond more than 1.5 s", 1_500_000_001n, spread(1_501)],
    ["with more than a double can count", 2n ** 53n + 1n, LONGEST],
    ["with all that fits", 2n ** 64n - 1n, LONGEST],
  ];

  for (const [what, nanoseconds, [leastMs, mostMs]] of delays) {
    verifies(
      ["THR-02", "THR-06"],
      `${what} keeps the agent away for ${leastMs} ms, and no longer than the fleet spreads`,
      () => {
        const harness = begin(script);
        harness.feed(unavailable(nanoseconds));
        const waitMs = pause(harness);
        expect(waitMs).toBeGreaterThanOrEqual(leastMs);
        expect(waitMs).toBeLessThanOrEqual(mostMs);
      },
    );
  }
});

verifies("THR-02", "a retry time in another type of error is ignored", () => {
  for (const script of [{}, polling()]) {
    for (const type of [0, 1, 7]) {
      const harness = reported(script);
      const Details = { case: "retryInfo" as const, value: { retryAfterNanoseconds: 60_000_000_000n } };
      harness.receive({ errorResponse: { type, Details } });
      expect([harness.core.phase, harness.dialledAt]).toEqual(["online", []]);
    }
  }
});

const causes: readonly [string, Script, (harness: Harness) => void][] = [
  ["UNAVAILABLE on a duplex link", {}, (harness) => harness.feed(unavailable(60_000_000_000n))],
  ["UNAVAILABLE over HTTP", polling(), (harness) => harness.feed(unavailable(60_000_000_000n))],
  ["a status 503 to a POST", polling(), (harness) => refuse(harness, 60_000)],
  ["a status 429 at the upgrade", {}, (harness) => refuse(harness, 60_000)],
];

describe.each(causes)("while the agent stays away because of %s", (_cause, script, cause) => {
  const setters: readonly Input[] = [
    { type: "set", parts: { agentDescription: description("two") } },
    { type: "set", parts: { health: health(false, "a") } },
    { type: "set", parts: { health: health(false, "b") } },
    { type: "custom", id: 1, message: { capability: "a.b", type: "t", data: OWN_UID } },
    { type: "declare", capabilities: 0x801n },
    { type: "declare", capabilities: 0x2801n },
    { type: "refresh" },
    { type: "retry", kind: "remoteConfig" },
    { type: "reconnect" },
    { type: "start" },
    { type: "opened", duplex: true, wallNow: 0 },
    { type: "opened", duplex: false, wallNow: 0 },
    { type: "dialing" },
    { type: "dialed" },
    { type: "received", message: message({ flags: 3n, command: {} }) },
    { type: "malformed", error: "x" },
    { type: "lost", loss: { error: "x", fate: "unknown", orderly: false, throttled: false, renewed: "credentials" } },
    { type: "alive" },
    { type: "woken", dueAt: Number.NEGATIVE_INFINITY, wallNow: 1e9 },
    { type: "woken", dueAt: 0, wallNow: 0 },
    { type: "persisted", id: 1 },
    { type: "tick" },
  ];

  function away(): Harness {
    const heartbeat = { intervalMs: 1_000, minMs: 1_000, maxMs: 60_000 };
    const harness = reported({ ...script, config: { heartbeat } });
    cause(harness);
    harness.advance(1);
    harness.clear();
    return harness;
  }

  verifies("THR-05", "nothing that happens opens a link or sends anything", () => {
    const harness = away();
    for (let ms = 1_000; ms < 60_000; ms += 1_000) {
      harness.advanceTo(ms);
      harness.feed(...setters);
    }
    expect(harness.outputs.filter(({ type }) => ["dial", "send", "ping", "close", "phase"].includes(type))).toEqual([]);
  });

  verifies("THR-05", "changes wait and leave as one report, and heartbeats keep their interval", () => {
    const harness = away();
    for (const setter of setters.slice(0, 3)) {
      harness.advance(5_000);
      harness.feed(setter);
    }
    harness.advanceUntil("reporting");
    expect(harness.sent).toHaveLength(1);
    expect(partsOf(harness.last)).toEqual(["agentDescription", "health"]);
    expect(harness.last.health).toEqual(health(false, "b"));
    const { now } = harness;
    for (let beat = 1; beat <= 3; beat++) {
      harness.receive({});
      harness.advance(1_000);
    }
    expect(harness.sentAt.map((at) => at - now)).toEqual([0, 1_000, 2_000, 3_000]);
  });
});

test("a pause that is over leaves no trace once the server has answered", () => {
  const harness = online({ answers: acknowledges });
  for (let time = 0; time < 5; time++) {
    refuse(harness, undefined);
    expect(pause(harness)).toBeLessThanOrEqual(FLOOR[1]);
    harness.advanceUntil("online");
  }
});
