import { describe, expect, test } from "vitest";
import { capabilityNames, maskOf } from "../../../src/core/capabilities.js";
import { verifies } from "../../conformance/verifies.js";
import { acknowledges, Harness, partsOf, polling, type Script, started } from "../harness.js";
import { configStatus, description, effectiveConfig, everyPart, health } from "../values.js";

const CONFIG: Script = { can: ["reportsEffectiveConfig"] };
const transports: readonly (readonly [string, (script?: Script) => Script])[] = [
  ["on a duplex link", (script = {}) => script],
  ["over HTTP", polling],
];

describe.each(transports)("the first report %s", (_name, over) => {
  verifies("STATUS-01", "is sent as soon as the connection opens, before anything else", () => {
    const harness = started(over());
    expect(harness.outputs.map(({ type }) => type)).toEqual(["phase", "dial", "phase", "send"]);
    expect([harness.sentAt, harness.core.phase]).toEqual([[0], "reporting"]);
  });

  verifies("STATUS-02", "is complete", () => {
    const harness = new Harness(
      over({ config: { capabilities: maskOf(capabilityNames) }, effectiveConfig: () => effectiveConfig("one") }),
    );
    const { effectiveConfig: fetched, ...parts } = everyPart();
    harness.feed({ type: "set", parts }, { type: "start" });
    expect(harness.sent).toEqual([
      {
        ...parts,
        effectiveConfig: fetched,
        instanceUid: harness.core.instanceUid,
        sequenceNum: 1n,
        capabilities: 0xffffn,
      },
    ]);
  });

  verifies(["STATUS-02", "STATUS-05"], "has status UNSET before any offer, once, if declared", () => {
    const unset = { hash: new Uint8Array(), status: "unset", error: "" };
    const able = started(over({ can: ["reportsRemoteConfig"], answers: acknowledges }));
    expect(able.last.remoteConfigStatus).toEqual(unset);
    able.clear();
    able.feed({ type: "set", parts: { health: health(false) } });
    expect(able.sent.map(partsOf)).toEqual([["health"]]);
    able.receive({ flags: 1n });
    expect(able.last.remoteConfigStatus).toEqual(unset);
    const unable = started(over());
    expect(partsOf(unable.last)).toEqual(["agentDescription", "health"]);
    unable.receive({});
    unable.feed({ type: "declare", capabilities: maskOf(["reportsStatus", "reportsHealth", "reportsRemoteConfig"]) });
    expect(unable.last.remoteConfigStatus).toEqual(unset);
  });

  test("has the latest values set before the connection opened, and nothing removed", () => {
    const harness = new Harness(over());
    harness.feed(
      { type: "set", parts: { agentDescription: description("old"), health: health(false) } },
      { type: "start" },
      { type: "set", parts: { agentDescription: description("new"), health: undefined } },
    );
    expect(harness.sent).toMatchObject([{ agentDescription: description("new") }]);
    expect(partsOf(harness.last)).toEqual(["agentDescription"]);
  });

  test("is sent even with nothing in it", () => {
    const harness = new Harness(over());
    harness.feed({ type: "start" });
    expect(harness.sent.map(partsOf)).toEqual([[]]);
  });

  test("waits for the effective config", () => {
    const harness = started(over(CONFIG));
    harness.advanceTo(4_000);
    expect(harness.sent).toEqual([]);
    harness.feed({ type: "effectiveConfig", value: effectiveConfig("one") });
    expect(harness.sentAt).toEqual([4_000]);
    expect(partsOf(harness.last)).toEqual(["agentDescription", "health", "effectiveConfig"]);
  });

  test("waits for the effective config no longer than the limit", () => {
    const harness = started(over(CONFIG));
    harness.advanceTo(4_999);
    expect(harness.sent).toEqual([]);
    harness.advanceTo(5_000);
    expect(partsOf(harness.last)).toEqual(["agentDescription", "health"]);
    expect(harness.notices).toEqual([{ kind: "effectiveConfigLate", afterMs: 5_000 }]);
    harness.receive({});
    harness.feed({ type: "effectiveConfig", value: effectiveConfig("one") });
    expect(partsOf(harness.last)).toEqual(["effectiveConfig"]);
  });

  test("is sent without an effective config that failed", () => {
    const harness = started(over({ ...CONFIG, effectiveConfig: () => undefined }));
    expect([harness.sentAt, harness.notices]).toEqual([[0], []]);
  });

  test("waits the whole limit for an effective config requested long before the start", () => {
    const harness = new Harness(over(CONFIG));
    harness.feed({ type: "set", parts: { agentDescription: description("one") } }, { type: "refresh" });
    harness.advanceTo(3_600_000);
    harness.feed({ type: "start" });
    harness.advance(1_000);
    expect([harness.sent, harness.notices]).toEqual([[], []]);
    harness.feed({ type: "effectiveConfig", value: effectiveConfig("one") });
    expect(partsOf(harness.last)).toEqual(["agentDescription", "effectiveConfig"]);
  });

  test("is not delayed for ever by repeated refreshes of the effective config", () => {
    const harness = started(over(CONFIG));
    for (let ms = 1_000; ms <= 6_000; ms += 1_000) {
      harness.advanceTo(ms);
      harness.feed({ type: "refresh" });
    }
    expect(harness.sentAt).toEqual([5_000]);
  });

  test("may wait longer than an answer may take", () => {
    const harness = started(over({ ...CONFIG, config: { effectiveConfigMs: 90_000 }, answers: acknowledges }));
    harness.advanceTo(60_000);
    expect([harness.core.phase, harness.sent]).toEqual(["reporting", []]);
    harness.feed({ type: "effectiveConfig", value: effectiveConfig("one") });
    expect([harness.core.phase, harness.sentAt]).toEqual(["online", [60_000]]);
    expect(harness.dialledAt).toEqual([0]);
  });

  test("after a restart has the outcome of the last config before it", () => {
    const harness = new Harness(over({ can: ["reportsRemoteConfig"] }));
    harness.feed({ type: "start", offers: { remoteConfig: configStatus(1, "failed", "broken") } });
    expect(harness.last.remoteConfigStatus).toEqual(configStatus(1, "failed", "broken"));
  });
});

describe("a duplex server that does not answer the first report", () => {
  test("counts as connected after the limit, and this is reported once", () => {
    const harness = started();
    harness.advanceTo(29_999);
    expect(harness.core.phase).toBe("reporting");
    harness.advanceTo(30_000);
    expect(harness.all("phase").at(-1)?.output).toMatchObject({ phase: "online", reason: "silent", answered: false });
    harness.advanceTo(300_000);
    expect(harness.notices).toEqual([{ kind: "silent", afterMs: 30_000 }]);
    expect(harness.dialledAt).toEqual([0]);
  });

  verifies("WS-06", "gets later changes, and all unanswered reports again after a reconnect", () => {
    const harness = started();
    harness.feed({ type: "set", parts: { health: health(false) } });
    expect(partsOf(harness.last)).toEqual(["health"]);
    harness.advanceTo(60_000);
    expect(harness.sent.slice(2).map(partsOf)).toEqual([[], []]);
    harness.lose();
    harness.advanceUntil("reporting");
    expect(partsOf(harness.last)).toEqual(["agentDescription", "health"]);
  });

  test("is online and answered when it answers later", () => {
    const harness = started();
    harness.advanceTo(31_000);
    harness.receive({});
    expect(harness.all("phase").at(-1)?.output).toMatchObject({ phase: "online", reason: "answered", answered: true });
  });

  test("does not count as answering if it sends something before the report", () => {
    const harness = started(CONFIG);
    harness.receive({ capabilities: 1n });
    expect([harness.core.phase, harness.sent]).toEqual(["reporting", []]);
    expect(harness.all("serverCapabilities").map(({ output }) => output.mask)).toEqual([1n]);
    harness.advanceTo(100_000);
    expect(harness.sent.slice(0, 2).map(partsOf)).toEqual([["agentDescription", "health"], []]);
    expect(harness.dialledAt).toEqual([0]);
  });
});

test("a first report over HTTP without an answer is retried", () => {
  const harness = started(polling());
  harness.advanceTo(30_000);
  expect(harness.all("close")).toMatchObject([{ at: 30_000, output: { code: 1006 } }]);
  expect(harness.all("phase").at(-1)?.output).toMatchObject({ phase: "waiting", reason: "timeout" });
  harness.advanceUntil("reporting");
  expect(partsOf(harness.last)).toEqual(["agentDescription", "health"]);
});

test("a dial that never completes is cut after the limit", () => {
  const harness = new Harness();
  harness.core.step({ type: "start" }, 0);
  expect(harness.core.deadline).toBe(30_000);
  expect(harness.core.step({ type: "tick" }, 30_000)).toMatchObject([
    { type: "close", code: 1006 },
    { type: "phase", phase: "waiting", reason: "timeout" },
  ]);
});
