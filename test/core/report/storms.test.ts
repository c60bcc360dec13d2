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

describe.each(transports)("a server that asks for everything %s", (_name, over: Script) => {
  const script: Script = { ...over, can: ["reportsEffectiveConfig"], effectiveConfig: () => effectiveConfig("one") };

  verifies("STATUS-07", "is answered at once, several times in a row", () => {
    const harness = online({ ...script, answers: acknowledges });
    for (let n = 0; n < 5; n++) harness.receive(FULL);
    expect(harness.sent.map(partsOf)).toEqual(Array(5).fill(["agentDescription", "health", "effectiveConfig"]));
    expect(harness.sentAt).toEqual([0, 0, 0, 0, 0]);
  });

  test("in every answer gets a bounded number of reports, and everything in each", () => {
    const harness = troubled(script, () => FULL);
    harness.advance(HOUR_MS);
    expect(fullReports(harness)).toBeGreaterThan(100);
    expect(fullReports(harness)).toBeLessThan(135);
    expect(harness.all("fetchEffectiveConfig").length).toBe(fullReports(harness));
    expect(harness.sent.length).toBeLessThan(260);
    expect(harness.notices).toEqual([{ kind: "storm" }]);
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

  test("is answered at once again when it has come to its senses", () => {
    let answer: Answer = FULL;
    const harness = troubled(script, () => answer);
    harness.advance(600_000);
    answer = acknowledges();
    harness.advance(90_000);
    harness.clear();
    harness.receive(FULL);
    expect([fullReports(harness), harness.sentAt]).toEqual([1, [690_000]]);
  });

  test("too often still gets what it asked for when the link went meanwhile", () => {
    const harness = online({ ...script, answers: acknowledges });
    for (let n = 0; n < 6; n++) harness.receive(FULL);
    expect(fullReports(harness)).toBe(5);
    harness.lose();
    harness.advance(120_000);
    expect(fullReports(harness)).toBe(6);
  });
});

describe.each(transports)("a server that never has enough %s", (_name, over: Script) => {
  test("of the components gets a bounded number of maps", () => {
    const harness = online({ ...over, can: ["reportsAvailableComponents"], answers: () => ({ flags: 2n }) });
    const availableComponents = create(AvailableComponentsSchema, { components: { a: {} }, hash: hash(1) });
    harness.feed({ type: "set", parts: { availableComponents } });
    harness.advance(HOUR_MS);
    const maps = harness.sent.filter((message) => message.availableComponents?.components["a"] !== undefined);
    expect(maps.length).toBeGreaterThan(100);
    expect(maps.length).toBeLessThan(135);
  });

  verifies("UID-05", "of new names has each of them taken, and makes no storm with that", () => {
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
    expect(harness.all("saveInstanceUid").length).toBe(names);
    expect(Buffer.from(harness.core.instanceUid.slice(12)).readUInt32LE()).toBe(names);
  });
});

describe.each(transports)("restart commands %s", (_name, over: Script) => {
  const script: Script = { ...over, can: ["acceptsRestartCommand"], answers: acknowledges };

  verifies("CMD-01", "that come while a restart is being carried out are left alone", () => {
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

  test("are obeyed again when a restart was never heard of again", () => {
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
