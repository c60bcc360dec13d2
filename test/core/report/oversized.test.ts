import { describe, expect, test } from "vitest";
import type { Outgoing } from "../../../src/core/io.js";
import { Part, type PartName } from "../../../src/core/parts.js";
import { acknowledges, type Harness, online, partsOf, polling, type Script, started } from "../harness.js";
import { description, effectiveConfig, everyPart, health } from "../values.js";

const A = "com.example.a";
const STOP = { type: "stop", withinMs: 1_000 } as const;
const transports = [
  ["on a duplex link", { answers: acknowledges }],
  ["over HTTP", polling({ answers: acknowledges })],
] as const;

/** A message fits when it holds this many parts at most, and none of those too large. */
function atMost(parts: number, tooLarge: readonly (PartName | "customMessage")[] = []) {
  return (message: Outgoing): boolean =>
    partsOf(message).length + (message.customMessage === undefined ? 0 : 1) <= parts &&
    tooLarge.every((name) => message[name] === undefined);
}

function fates(harness: Harness): readonly (readonly [number, string])[] {
  return harness.all("customSettled").map(({ output }) => [output.id, output.fate]);
}

const full: Script = { can: ["reportsEffectiveConfig"], effectiveConfig: () => effectiveConfig("one") };

describe.each(transports)("a message that is too large %s", (_name, over) => {
  const script: Script = { ...over, ...full };

  test("is sent in parts if it is the first report, with consecutive numbers", () => {
    const harness = started({ ...script, fits: atMost(1) });
    expect(harness.sent.map(partsOf)).toEqual([["agentDescription"], ["health"], ["effectiveConfig"]]);
    expect(harness.sent.map(({ sequenceNum }) => sequenceNum)).toEqual([1n, 2n, 3n]);
    expect([harness.core.phase, harness.notices]).toEqual(["online", []]);
  });

  test("loses only the part that is too large by itself, which is logged", () => {
    const harness = started({ ...script, fits: atMost(3, ["effectiveConfig"]) });
    expect(harness.sent.map(partsOf)).toEqual([["agentDescription"], ["health"]]);
    expect(harness.notices).toEqual([{ kind: "dropped", parts: Part.effectiveConfig, why: "oversized" }]);
    harness.clear();
    harness.advance(60_000);
    harness.feed({ type: "set", parts: { health: health(false) } });
    expect(harness.sent.map(partsOf)).toEqual([[], [], ["health"]]);
    harness.lose();
    harness.advanceUntil("online");
    expect(partsOf(harness.last)).toEqual([]);
  });

  test("still is a first report when every part of it is too large", () => {
    const harness = started({ ...script, fits: atMost(0) });
    expect(harness.sent.map(partsOf)).toEqual([[]]);
    expect([harness.core.phase, harness.notices.length]).toEqual(["online", 3]);
  });

  test("is sent after it was made smaller", () => {
    const harness = online({ ...script, fits: (message) => message.health?.status !== "long" });
    harness.feed({ type: "set", parts: { health: health(false, "long") } });
    expect(harness.sent).toEqual([]);
    harness.feed({ type: "set", parts: { health: health(false, "short") } });
    expect(harness.last.health).toEqual(health(false, "short"));
  });

  test("does not drop a custom message sent with it", () => {
    const harness = online({ ...script, fits: atMost(1, ["effectiveConfig"]) });
    harness.receive({ customCapabilities: { capabilities: [A] } });
    harness.feed(
      { type: "custom", id: 1, message: { capability: A, type: "t", data: new Uint8Array() } },
      { type: "set", parts: { effectiveConfig: effectiveConfig("two") } },
    );
    expect([fates(harness), harness.notices.length]).toEqual([[[1, "delivered"]], 1]);
  });

  test("does not drop the parts sent with a custom message that is too large", () => {
    const harness = online({ ...script, fits: atMost(2, ["customMessage"]) });
    harness.receive({ customCapabilities: { capabilities: [A] } });
    harness.feed(
      { type: "custom", id: 1, message: { capability: A, type: "t", data: new Uint8Array() } },
      { type: "set", parts: { health: health(false) } },
    );
    expect(harness.sent.map(partsOf)).toEqual([["health"]]);
    expect([fates(harness), harness.notices]).toEqual([[[1, "oversized"]], []]);
  });

  test("is split into parts and custom messages without dropping either", () => {
    const harness = online({ ...script, fits: atMost(1) });
    harness.receive({ customCapabilities: { capabilities: [A] } });
    const custom = { capability: A, data: new Uint8Array() };
    harness.feed(
      { type: "set", parts: { health: health(false) } },
      { type: "custom", id: 1, message: { ...custom, type: "m1" } },
      { type: "custom", id: 2, message: { ...custom, type: "m2" } },
    );
    expect(harness.sent.map((sent) => [partsOf(sent), sent.customMessage?.type])).toEqual([
      [["health"], undefined],
      [[], "m1"],
      [[], "m2"],
    ]);
    expect(harness.notices).toEqual([]);
  });

  test("with only a custom message is dropped, and the next one is sent", () => {
    const harness = online({ ...script, fits: ({ customMessage }) => customMessage?.type !== "m1" });
    harness.receive({ customCapabilities: { capabilities: [A] } });
    const custom = { capability: A, data: new Uint8Array() };
    harness.feed({ type: "custom", id: 1, message: { ...custom, type: "m1" } });
    harness.feed({ type: "custom", id: 2, message: { ...custom, type: "m2" } });
    expect(fates(harness)).toEqual([
      [1, "oversized"],
      [2, "delivered"],
    ]);
    expect([harness.sent.length, harness.last.customMessage?.type, harness.last.sequenceNum]).toEqual([1, "m2", 2n]);
  });

  test("sends flags and capabilities along with the first of its parts", () => {
    const config = { ...script.config, requestInstanceUid: true };
    const harness = started({ ...script, config, fits: atMost(1) });
    expect(harness.sent.map((sent) => [partsOf(sent), sent.flags])).toEqual([
      [["agentDescription"], 1n],
      [["health"], undefined],
      [["effectiveConfig"], undefined],
    ]);
    harness.lose();
    harness.clear();
    harness.feed({ type: "set", parts: { health: health(false), agentDescription: description("two") } });
    harness.feed({ type: "declare", capabilities: harness.core.capabilities | 0x8000n });
    harness.advanceUntil("online");
    expect(harness.sent.map((sent) => [partsOf(sent), sent.flags])).toEqual([
      [["agentDescription"], 1n],
      [["health"], undefined],
    ]);
  });

  test("with only changed capabilities is not retried before the next message", () => {
    let isTaken = true;
    const harness = online({ ...script, fits: () => isTaken });
    isTaken = false;
    const capabilities = harness.core.capabilities | 0x8000n;
    harness.feed({ type: "declare", capabilities });
    isTaken = true;
    harness.advance(29_999);
    expect(harness.sent).toEqual([]);
    harness.advance(10_001);
    expect(harness.sent).toMatchObject([{ capabilities, sequenceNum: 2n }]);
    expect([partsOf(harness.last), harness.core.phase]).toEqual([[], "online"]);
  });

  const all: readonly PartName[] = ["agentDescription", "health", "effectiveConfig", "customCapabilities"];
  const few: readonly PartName[] = ["agentDescription", "customCapabilities"];
  test.each([
    ["", {}, all],
    [", also while a part that may not be sent waits", { capabilities: 1n }, few],
  ])("is no longer split once its parts were answered%s", (_what, config, names) => {
    let parts = 100;
    const harness = online({ ...script, config, fits: (message) => atMost(parts)(message) });
    parts = 1;
    const { customCapabilities } = everyPart();
    const changed = { agentDescription: description("two"), health: health(false), customCapabilities };
    harness.feed({ type: "set", parts: changed });
    expect(harness.sent.map(partsOf)).toEqual(names.filter((name) => name in changed).map((name) => [name]));
    parts = 100;
    harness.clear();
    harness.receive({ flags: 1n });
    expect(harness.sent.map(partsOf)).toEqual([names]);
  });

  test("becomes a bare agent_disconnect at the end", () => {
    const harness = online({ ...script, fits: atMost(0) });
    harness.feed({ type: "set", parts: { health: health(false), agentDescription: description("two") } }, STOP);
    expect(harness.sent).toMatchObject([{ agentDisconnect: {}, sequenceNum: 2n }]);
    expect([partsOf(harness.last), harness.core.phase]).toEqual([[], "stopped"]);
  });
});

describe.each(transports)("a limit that no message fits %s", (_name, script: Script) => {
  const none: Script = { ...script, fits: () => false };

  test("leads to waits, not to a loop", () => {
    const harness = started(none);
    harness.advance(600_000);
    expect(harness.sent).toEqual([]);
    expect(harness.all("phase").length).toBeLessThan(60);
  });

  test("lets the agent stop", () => {
    const harness = started(none);
    harness.feed(STOP);
    harness.advance(1_000);
    expect(harness.core.phase).toBe("stopped");
  });
});

test("a part that is too large, after the first report, causes no report of its own", () => {
  const harness = started({ fits: atMost(1, ["health"]) });
  expect(harness.sent.map(partsOf)).toEqual([["agentDescription"]]);
  expect(harness.core.phase).toBe("reporting");
});

test("a first report that is too large does not start the timeout for an answer", () => {
  const limits = { effectiveConfigMs: 90_000 };
  const harness = started({ can: ["reportsEffectiveConfig"], config: limits, fits: atMost(1), answers: acknowledges });
  harness.core.step({ type: "effectiveConfig" }, 0);
  harness.core.step({ type: "tick" }, 0);
  harness.core.step({ type: "oversized" }, 0);
  harness.core.step({ type: "refresh" }, 0);
  harness.advance(89_999);
  expect([harness.sent, harness.core.phase]).toEqual([[], "reporting"]);
  harness.advance(1);
  expect(harness.sent.map(partsOf)).toEqual([["agentDescription"], ["health"]]);
});
