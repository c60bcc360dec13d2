import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { AvailableComponentsSchema } from "../../../src/gen/opamp/v1/opamp_pb.js";
import { verifies } from "../../conformance/verifies.js";
import { type Answer, acknowledges, type Harness, online, partsOf, polling, type Script } from "../harness.js";
import { effectiveConfig, hash, health, uid } from "../values.js";

const HOUR_MS = 3_600_000;
const transports = [
  ["on a duplex link", {}],
  ["over HTTP", polling()],
] as const;

const FULL: Answer = { flags: 1n };

/** An agent whose server was as it should be up to now, and from now on says this in every answer. */
function troubled(script: Script, answers: () => Answer): Harness {
  let isTroubled = false;
  const harness = online({ ...script, answers: () => (isTroubled ? answers() : acknowledges()) });
  isTroubled = true;
  harness.receive(answers());
  return harness;
}

/** How many messages carried the description: what everything begins with. */
function fullReports(harness: Harness): number {
  return harness.sent.filter(({ agentDescription }) => agentDescription !== undefined).length;
}

/** An agent that has components, whose server acknowledges everything. */
function withComponents(script: Script, answers: () => Answer | undefined = acknowledges): Harness {
  const can = [...(script.can ?? []), "reportsAvailableComponents"] as const;
  const harness = online({ ...script, can, answers });
  const availableComponents = create(AvailableComponentsSchema, { components: { a: {} }, hash: hash(1) });
  harness.feed({ type: "set", parts: { availableComponents } });
  return harness;
}

/** How many messages carried the components, and not only their hash. */
function mapsIn(harness: Harness): number {
  return harness.sent.filter(({ availableComponents }) => availableComponents?.components["a"] !== undefined).length;
}

describe.each(transports)("a request for the full state %s", (_name, over: Script) => {
  const script: Script = { ...over, can: ["reportsEffectiveConfig"], effectiveConfig: () => effectiveConfig("one") };

  verifies("STATUS-07", "is answered at once, several times in a row", () => {
    const harness = online({ ...script, answers: acknowledges });
    for (let n = 0; n < 5; n++) harness.receive(FULL);
    expect(harness.sent.map(partsOf)).toEqual(Array(5).fill(["agentDescription", "health", "effectiveConfig"]));
    expect(harness.sentAt).toEqual([0, 0, 0, 0, 0]);
  });

  test("again and again is answered at once on a new connection, also what was held back", () => {
    const harness = online({ ...script, answers: acknowledges });
    for (let n = 0; n < 7; n++) harness.receive(FULL);
    expect(fullReports(harness)).toBe(5);
    harness.lose({ orderly: false });
    harness.advanceUntil("online");
    expect(harness.now).toBeLessThan(1_000);
    harness.advance(0);
    expect(fullReports(harness)).toBe(6);
    for (let n = 0; n < 4; n++) harness.receive(FULL);
    expect(fullReports(harness)).toBe(10);
  });

  test("that is held back is announced once, however often it is repeated meanwhile", () => {
    const harness = online({ ...script, answers: acknowledges });
    for (let n = 0; n < 9; n++) harness.receive(FULL);
    expect([fullReports(harness), harness.notices]).toEqual([5, [{ kind: "storm" }]]);
  });

  test("in every answer leads to a bounded number of full reports", () => {
    const harness = troubled(script, () => FULL);
    harness.advance(HOUR_MS);
    expect(fullReports(harness)).toBeGreaterThan(100);
    expect(fullReports(harness)).toBeLessThan(135);
    expect(harness.all("fetchEffectiveConfig").length).toBe(fullReports(harness));
    expect(harness.sent.length).toBeLessThan(260);
    expect(harness.notices).toEqual([{ kind: "storm" }]);
  });

  test("in every answer is delayed more and more, up to 30 s", () => {
    const harness = troubled(script, () => FULL);
    harness.advance(200_000);
    const asked = harness.all("send").filter(({ output }) => output.message.agentDescription !== undefined);
    const waits = asked.map(({ at }, index) => Math.round((at - (asked[index - 1]?.at ?? 0)) / 1_000));
    expect(waits.slice(0, 13)).toEqual([0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 30, 30, 30]);
  });

  test("is answered together with one for the components, when due", () => {
    const harness = withComponents(script);
    for (let n = 0; n < 5; n++) harness.receive(FULL);
    harness.clear();
    harness.advanceTo(10);
    harness.receive({ flags: 2n });
    harness.advanceTo(20);
    harness.receive(FULL);
    harness.advanceTo(999);
    expect(harness.sent).toEqual([]);
    harness.advanceTo(9_999);
    expect(harness.sentAt).toEqual([1_000]);
    expect([fullReports(harness), mapsIn(harness)]).toEqual([1, 1]);
  });

  test("that is delayed is answered with the next request that comes when due", () => {
    const harness = withComponents(script);
    for (let n = 0; n < 6; n++) harness.receive(FULL);
    harness.clear();
    // A turn that took long: the message is read before the timer fires.
    harness.now = 1_500;
    harness.receive({ flags: 2n });
    expect([harness.sentAt, fullReports(harness), mapsIn(harness)]).toEqual([[1_500], 1, 1]);
  });

  test("is no longer delayed after 30 s without a request, and no sooner", () => {
    let answer: Answer = FULL;
    const harness = troubled(script, () => answer);
    harness.advanceTo(100_000);
    answer = acknowledges();
    harness.clear();
    harness.advanceTo(125_000);
    const [last = 0] = harness.sentAt;
    expect(fullReports(harness)).toBe(1);
    harness.clear();
    harness.advanceTo(last + 29_999);
    harness.receive(FULL);
    expect(harness.sent).toEqual([]);
    harness.advanceTo(last + 30_000);
    expect([fullReports(harness), harness.notices]).toEqual([1, []]);
    harness.advanceTo(last + 60_000);
    harness.clear();
    for (let n = 0; n < 6; n++) harness.receive(FULL);
    expect([fullReports(harness), harness.notices]).toEqual([5, [{ kind: "storm" }]]);
  });

  test("that is delayed is dropped when the agent stops", () => {
    const harness = withComponents(script, () => undefined);
    for (let n = 0; n < 12; n++) harness.receive(FULL);
    harness.clear();
    harness.advance(500);
    harness.core.step({ type: "stop", withinMs: 10_000 }, harness.now);
    harness.core.step({ type: "tick" }, harness.now);
    harness.core.step({ type: "tick" }, harness.now);
    expect([harness.core.phase, harness.core.deadline]).toEqual(["closing", harness.now + 10_000]);
  });

  test("in every answer delays nothing else", () => {
    const harness = troubled(script, () => FULL);
    harness.advance(600_000);
    harness.clear();
    harness.advance(5_000);
    harness.clear();
    harness.feed({ type: "set", parts: { health: health(false) } });
    expect([harness.sent.map(partsOf), harness.sentAt]).toEqual([[["health"]], [605_000]]);
  });

  test("is answered at once again after a quiet time", () => {
    let answer: Answer = FULL;
    const harness = troubled(script, () => answer);
    harness.advance(600_000);
    answer = acknowledges();
    harness.advance(90_000);
    harness.clear();
    harness.receive(FULL);
    expect([fullReports(harness), harness.sentAt]).toEqual([1, [690_000]]);
  });

  test("that is delayed is answered after a reconnect", () => {
    const harness = online({ ...script, answers: acknowledges });
    for (let n = 0; n < 6; n++) harness.receive(FULL);
    expect(fullReports(harness)).toBe(5);
    harness.lose();
    harness.advance(120_000);
    expect(fullReports(harness)).toBe(6);
  });
});

describe.each(transports)("repeated requests %s", (_name, over: Script) => {
  test("for the components lead to a bounded number of full maps", () => {
    const harness = withComponents(over, () => ({ flags: 2n }));
    harness.advance(HOUR_MS);
    expect(mapsIn(harness)).toBeGreaterThan(100);
    expect(mapsIn(harness)).toBeLessThan(135);
  });

  verifies("UID-05", "to change the uid are all followed, with a bounded number of reports", () => {
    let names = 0;
    const rename = (): Answer => {
      names += 1;
      const newInstanceUid = Uint8Array.from([
        ...uid(1).slice(0, 12),
        ...new Uint8Array(new Uint32Array([names]).buffer),
      ]);
      return { agentIdentification: { newInstanceUid } };
    };
    const harness = troubled(over, rename);
    harness.advance(HOUR_MS);
    expect(fullReports(harness)).toBeGreaterThan(100);
    expect(fullReports(harness)).toBeLessThan(135);
    expect(harness.sent.length).toBeLessThan(260);
    expect(harness.all("instanceUid").length).toBe(names);
    expect(Buffer.from(harness.core.instanceUid.slice(12)).readUInt32LE()).toBe(names);
  });
});

describe.each(transports)("restart commands %s", (_name, over: Script) => {
  const script: Script = { ...over, can: ["acceptsRestartCommand"], answers: acknowledges };

  verifies("CMD-01", "that come during a restart are ignored", () => {
    const harness = online(script);
    for (let n = 0; n < 3; n++) harness.receive({ command: {} });
    expect(harness.all("restart")).toHaveLength(1);
    expect(harness.notices.map(({ kind }) => kind)).toEqual(["ignored", "ignored"]);
    harness.feed({ type: "restarted" });
    harness.receive({ command: {} });
    harness.feed({ type: "restarted", error: "busy" });
    harness.receive({ command: {} });
    expect(harness.all("restart")).toHaveLength(3);
  });

  test("are executed again if a restart never ends", () => {
    const harness = online(script);
    harness.receive({ command: {} });
    harness.advance(299_999);
    harness.receive({ command: {} });
    expect(harness.all("restart")).toHaveLength(1);
    harness.advance(1);
    harness.receive({ command: {} });
    expect(harness.all("restart")).toHaveLength(2);
  });
});
