import { describe, expect, test } from "vitest";
import { verifies } from "../../conformance/verifies.js";
import {
  type Harness as Agent,
  type Answer,
  acknowledges,
  Harness,
  message,
  online,
  partsOf,
  polling,
  type Script,
  started,
} from "../harness.js";
import { configStatus, effectiveConfig, hash } from "../values.js";

const CAN: Script = { can: ["acceptsRemoteConfig", "reportsRemoteConfig"], answers: acknowledges };
const transports = [
  ["on a duplex link", CAN],
  ["over HTTP", polling(CAN)],
] as const;

function offer(first: number): Answer {
  const file = { body: Uint8Array.of(first), contentType: "text/yaml" };
  return { remoteConfig: { config: { configMap: { "": file } }, configHash: hash(first) } };
}

function statuses(harness: Agent): readonly unknown[] {
  return harness.sent.map((sent) => sent.remoteConfigStatus);
}

describe.each(transports)("a remote config %s", (_name, script: Script) => {
  verifies(["CFG-06", "CFG-05", "STATUS-04"], "is reported applying, then applied, under the bytes of its hash", () => {
    const harness = online(script);
    harness.receive(offer(1));
    harness.advance(2_000);
    harness.feed({ type: "handled", kind: "remoteConfig", id: 1 });
    expect(statuses(harness)).toEqual([configStatus(1, "applying"), configStatus(1, "applied")]);
    expect(harness.sentAt).toEqual([0, 2_000]);
    expect(harness.all("apply")).toMatchObject([{ output: { id: 1, offer: { configHash: hash(1) } } }]);
  });

  verifies(["CFG-05", "CFG-06"], "that failed is reported failed, with the reason", () => {
    const harness = online(script);
    harness.receive(offer(1));
    harness.feed({ type: "handled", kind: "remoteConfig", id: 1, error: "no such exporter" });
    expect(statuses(harness).at(-1)).toEqual(configStatus(1, "failed", "no such exporter"));
  });

  test("whose handler ends within the turn is reported once", () => {
    const harness = online(script);
    harness.feed({ type: "received", message: message(offer(1)) }, { type: "handled", kind: "remoteConfig", id: 1 });
    expect(statuses(harness)).toEqual([configStatus(1, "applied")]);
  });

  verifies(
    ["CFG-04", "CFG-01", "MSG-02"],
    "that comes again is neither applied nor reported, whatever its outcome",
    () => {
      for (const error of [undefined, "declined"]) {
        const harness = online(script);
        harness.receive(offer(1));
        harness.receive(offer(1));
        harness.feed(
          error === undefined
            ? { type: "handled", kind: "remoteConfig", id: 1 }
            : { type: "handled", kind: "remoteConfig", id: 1, error },
        );
        harness.clear();
        for (let n = 0; n < 10; n++) harness.receive(offer(1));
        expect(harness.outputs).toEqual([]);
      }
    },
  );

  verifies("CFG-01", "is ignored by an agent without a handler, until it has one", () => {
    const harness = online({ ...script, can: [] });
    harness.receive(offer(1));
    expect(harness.outputs).toMatchObject([{ type: "notice", notice: { kind: "ignored" } }]);
    harness.feed({ type: "declare", capabilities: 0x3803n });
    harness.receive(offer(1));
    expect(harness.all("apply")).toHaveLength(1);
  });

  verifies("CFG-09", "without a config is ignored, and the current one stays known", () => {
    const harness = online(script);
    harness.receive(offer(1));
    harness.feed({ type: "handled", kind: "remoteConfig", id: 1 });
    harness.clear();
    harness.receive({ remoteConfig: { configHash: hash(1) } });
    expect(harness.outputs).toEqual([]);
    harness.receive({ remoteConfig: { configHash: hash(2) } });
    expect(harness.outputs).toMatchObject([{ type: "notice", notice: { kind: "ignored" } }]);
    harness.receive(offer(1));
    expect(harness.all("apply")).toEqual([]);
  });

  test("that is empty is an offer like any other", () => {
    const harness = online(script);
    harness.receive({ remoteConfig: { config: { configMap: {} }, configHash: hash(1) } });
    expect(harness.all("apply")).toHaveLength(1);
  });

  test("overtaken by newer ones is aborted, and only the newest is applied and reported to the end", () => {
    const harness = online(script);
    for (const first of [1, 2, 3]) harness.receive(offer(first));
    expect(harness.all("abort").map(({ output }) => [output.id, output.why])).toEqual([[1, "superseded"]]);
    harness.feed({ type: "handled", kind: "remoteConfig", id: 1 });
    harness.feed({ type: "handled", kind: "remoteConfig", id: 2 });
    expect(harness.all("apply").map(({ output }) => output.hash)).toEqual([hash(1), hash(3)]);
    expect(statuses(harness)).toEqual(
      [1, 2, 3].map((first) => configStatus(first, "applying")).concat(configStatus(3, "applied")),
    );
    expect(harness.persisting).toEqual([{ what: "offer", kind: "remoteConfig", status: configStatus(3, "applied") }]);
  });

  test("whose handler hangs has failed after the limit", () => {
    const harness = online(script);
    harness.receive(offer(1));
    harness.advance(300_000);
    expect(harness.all("abort").map(({ output }) => output.why)).toEqual(["overdue"]);
    const failed = configStatus(1, "failed", "the handler did not end within 300000 ms");
    expect(harness.sent.findLast((sent) => sent.remoteConfigStatus !== undefined)?.remoteConfigStatus).toEqual(failed);
  });

  test("that failed can be tried again, without the server", () => {
    const harness = online(script);
    harness.receive(offer(1));
    harness.feed({ type: "handled", kind: "remoteConfig", id: 1, error: "x" });
    harness.feed({ type: "retry", kind: "remoteConfig" });
    harness.feed({ type: "handled", kind: "remoteConfig", id: 2 });
    expect(statuses(harness)).toEqual([
      configStatus(1, "applying"),
      configStatus(1, "failed", "x"),
      configStatus(1, "applying"),
      configStatus(1, "applied"),
    ]);
  });

  test("that ends while offline is reported once, on the next connection", () => {
    const harness = online(script);
    harness.receive(offer(1));
    harness.lose();
    harness.feed({ type: "handled", kind: "remoteConfig", id: 1 });
    harness.clear();
    harness.advanceUntil("online");
    expect(statuses(harness)).toEqual([configStatus(1, "applied")]);
  });

  test("keeps its hash when the bytes it came in are used for something else", () => {
    const harness = online(script);
    const received = message(offer(1));
    harness.feed({ type: "received", message: received });
    received.remoteConfig?.configHash.fill(0);
    harness.feed({ type: "handled", kind: "remoteConfig", id: 1 });
    expect(statuses(harness).at(-1)).toEqual(configStatus(1, "applied"));
  });
});

verifies(["STATUS-02", "CFG-06"], "before the first offer the status is UNSET, reported once", () => {
  const harness = started(CAN);
  expect(statuses(harness)).toEqual([{ hash: new Uint8Array(), status: "unset", error: "" }]);
  harness.lose();
  harness.advanceUntil("online");
  expect(statuses(harness).slice(1)).toEqual([undefined]);
});

describe("the stored state", () => {
  test("has the outcome of an offer, not its start", () => {
    const harness = online(CAN);
    harness.receive(offer(1));
    expect(harness.persisting).toEqual([]);
    harness.feed({ type: "handled", kind: "remoteConfig", id: 1, error: "x" });
    expect(harness.persisting).toEqual([
      { what: "offer", kind: "remoteConfig", status: configStatus(1, "failed", "x") },
    ]);
  });

  test("keeps the same offer from being applied again, but not another one", () => {
    for (const state of [configStatus(1, "applied"), configStatus(1, "failed", "x")]) {
      const harness = new Harness(CAN);
      harness.feed({ type: "start", offers: { remoteConfig: state } });
      expect(statuses(harness)).toEqual([state]);
      harness.receive(offer(1));
      expect(harness.all("apply")).toEqual([]);
      harness.receive(offer(2));
      expect(harness.all("apply")).toHaveLength(1);
    }
  });
});

describe("the effective config", () => {
  function configured(body: () => string): Agent {
    return online({
      can: ["acceptsRemoteConfig", "reportsRemoteConfig", "reportsEffectiveConfig"],
      effectiveConfig: () => effectiveConfig(body()),
      answers: acknowledges,
    });
  }

  verifies(["CFG-03", "CFG-04"], "is reported with the outcome of an offer, as it is then, if it changed", () => {
    let body = "local";
    const harness = configured(() => body);
    harness.receive(offer(1));
    body = "local and remote";
    harness.feed({ type: "handled", kind: "remoteConfig", id: 1 });
    expect(harness.sent.map(partsOf)).toEqual([["remoteConfigStatus"], ["effectiveConfig", "remoteConfigStatus"]]);
    expect(harness.last.effectiveConfig).toEqual(effectiveConfig("local and remote"));
  });

  verifies("CFG-03", "is not reported with an offer that failed, if it did not change", () => {
    const harness = configured(() => "local");
    harness.receive(offer(1));
    harness.feed({ type: "handled", kind: "remoteConfig", id: 1, error: "x" });
    expect(harness.sent.map(partsOf)).toEqual([["remoteConfigStatus"], ["remoteConfigStatus"]]);
  });

  verifies("CFG-02", "is fetched and reported with the first report only if it can be reported", () => {
    const first = new Harness({ can: ["reportsEffectiveConfig"], effectiveConfig: () => effectiveConfig("one") });
    first.feed({ type: "start" });
    expect(partsOf(first.last)).toEqual(["effectiveConfig"]);
    const none = new Harness({ effectiveConfig: () => effectiveConfig("one") });
    none.feed({ type: "start" }, { type: "refresh" });
    expect([none.all("fetchEffectiveConfig"), partsOf(none.last)]).toEqual([[], []]);
  });

  test("is reported after a refresh only if it changed", () => {
    let body = "one";
    const harness = configured(() => body);
    harness.feed({ type: "refresh" });
    expect(harness.sent).toEqual([]);
    body = "two";
    harness.feed({ type: "refresh" });
    expect(harness.sent.map(partsOf)).toEqual([["effectiveConfig"]]);
  });

  test("that arrives while disconnected is reported on the next connection", () => {
    const harness = online({ can: ["reportsEffectiveConfig"], answers: acknowledges });
    harness.feed({ type: "refresh" });
    harness.lose();
    harness.feed({ type: "effectiveConfig", value: effectiveConfig("late") });
    harness.advanceUntil("online");
    expect(harness.last.effectiveConfig).toEqual(effectiveConfig("late"));
  });
});
