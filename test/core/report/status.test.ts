import { describe, expect, test } from "vitest";
import { capabilityNames, maskOf } from "../../../src/core/capabilities.js";
import type { Input } from "../../../src/core/io.js";
import { partNames } from "../../../src/core/parts.js";
import { verifies } from "../../conformance/verifies.js";
import { acknowledges, Harness, OWN_UID, online, partsOf, polling, type Script } from "../harness.js";
import { configStatus, description, effectiveConfig, everyPart, hash, health } from "../values.js";

/** An agent that can do and has told everything. */
function complete(script: Script = {}): Harness {
  const config = { ...script.config, capabilities: maskOf(capabilityNames) };
  const harness = new Harness({ effectiveConfig: () => effectiveConfig("one"), ...script, config });
  harness.feed({ type: "set", parts: everyPart() }, { type: "start" });
  harness.receive({});
  harness.clear();
  return harness;
}

describe.each([
  ["on a duplex link", {}],
  ["over HTTP", polling()],
] as const)("a status %s", (_name, script) => {
  verifies(["STATUS-04", "STATUS-05"], "that changes is reported at once, and alone", () => {
    const harness = complete({ ...script, answers: acknowledges });
    const changes = {
      agentDescription: description("two"),
      health: health(false),
      effectiveConfig: effectiveConfig("two"),
      remoteConfigStatus: configStatus(9),
      packageStatuses: { ...everyPart().packageStatuses, errorMessage: "x" },
      customCapabilities: { ...everyPart().customCapabilities, capabilities: [] },
      availableComponents: { ...everyPart().availableComponents, hash: hash(9) },
      connectionSettingsStatus: configStatus(9, "failed", "x"),
    };
    for (const name of partNames) {
      harness.clear();
      harness.feed({ type: "set", parts: { [name]: changes[name] } });
      expect(harness.sent.map(partsOf)).toEqual([[name]]);
      expect(harness.last[name]).toEqual(changes[name]);
    }
  });

  verifies(["STATUS-04", "CAP-04"], "is reported at once if only the capabilities changed", () => {
    const harness = complete(script);
    harness.feed({ type: "declare", capabilities: 0x801n });
    expect(harness.sent).toMatchObject([{ capabilities: 0x801n }]);
    expect(partsOf(harness.last)).toEqual([]);
  });

  verifies("STATUS-06", "that changes in one place is sent whole", () => {
    const harness = complete({ ...script, answers: acknowledges });
    harness.feed({ type: "set", parts: { agentDescription: description("one", "two", "three", "four", "five") } });
    const changed = description("one", "two", "three", "four", "changed");
    harness.feed({ type: "set", parts: { agentDescription: changed } });
    expect(harness.last.agentDescription).toEqual(changed);
  });

  verifies("STATUS-05", "that is set to its current value sends nothing", () => {
    const harness = complete(script);
    harness.feed({ type: "set", parts: everyPart() }, { type: "declare", capabilities: 0xffffn });
    expect(harness.sent).toEqual([]);
  });

  test("that changes in several parts within a turn is one message", () => {
    const harness = complete(script);
    harness.feed(
      { type: "set", parts: { health: health(false) } },
      { type: "set", parts: { agentDescription: description("two") } },
      { type: "set", parts: { health: health(false, "again") } },
    );
    expect(harness.sent).toMatchObject([{ health: health(false, "again"), agentDescription: description("two") }]);
  });

  verifies("STATUS-03", "that did not change since the last connection is left out, but one that did is sent", () => {
    const harness = complete(script);
    harness.lose();
    harness.feed({ type: "set", parts: { health: health(false) } });
    harness.advanceUntil("reporting");
    expect(harness.sent.map(partsOf)).toEqual([["health"]]);
    expect(harness.last).toMatchObject({ instanceUid: OWN_UID, sequenceNum: 2n, capabilities: 0xffffn });
  });

  const full: Script = { ...script, config: { ...(script as Script).config, reconnectReport: "full" } };

  verifies("STATUS-03", "is told whole after each connection whose last answer was lost with it", () => {
    const harness = complete(full);
    for (let link = 0; link < 3; link++) {
      harness.feed({ type: "set", parts: { health: health(false, String(link)) } });
      harness.clear();
      harness.lose();
      harness.advanceUntil("reporting");
      expect(harness.sent.map(partsOf)).toEqual([partNames]);
      harness.receive({});
      expect(harness.sent).toHaveLength(1);
    }
  });

  verifies("MSG-03", "that the server refused is left out of a whole report, until it changes or is asked for", () => {
    const harness = complete(full);
    const report = (...inputs: readonly Input[]): readonly string[] => {
      harness.clear();
      harness.feed(...inputs);
      harness.lose();
      harness.advanceUntil("reporting");
      const parts = partsOf(harness.last);
      harness.receive({});
      return parts;
    };
    harness.feed({ type: "set", parts: { health: health(false, "refused") } });
    harness.receive({ errorResponse: { type: 1 } });
    harness.feed({ type: "set", parts: { agentDescription: description("two") } });
    expect(report()).toEqual(partNames.filter((name) => name !== "health"));
    expect(report({ type: "set", parts: { health: health(false, "other") } })).toEqual(partNames);
    harness.feed({ type: "set", parts: { health: health(false, "refused again") } });
    harness.receive({ errorResponse: { type: 1 } });
    harness.receive({ flags: 1n });
    expect(partsOf(harness.last)).toEqual(partNames);
  });

  verifies("STATUS-07", "requested in full is sent in full, once, with the effective config fetched again", () => {
    let body = "one";
    const harness = complete({ ...script, effectiveConfig: () => effectiveConfig(body) });
    body = "two";
    harness.receive({ flags: 1n });
    expect(harness.sent.map(partsOf)).toEqual([partNames]);
    expect(harness.last.effectiveConfig).toEqual(effectiveConfig("two"));
    harness.receive({});
    expect(harness.sent).toHaveLength(1);
  });

  verifies("STATUS-07", "requested in full after a lean report on a new connection is sent in full, once", () => {
    const harness = complete(script);
    harness.lose();
    harness.advanceUntil("reporting");
    expect(harness.sent.map(partsOf)).toEqual([[]]);
    harness.receive({ flags: 1n });
    harness.receive({});
    expect(harness.sent.map(partsOf)).toEqual([[], partNames]);
  });

  verifies(["MSG-02", "STATUS-08"], "is not reported because of messages that change nothing", () => {
    const harness = complete({ ...script, can: [] });
    harness.receive({ capabilities: 0x7fn });
    harness.receive({ remoteConfig: { config: { configMap: {} }, configHash: hash(5) } });
    harness.feed({ type: "handled", kind: "remoteConfig", id: 1 });
    for (let n = 0; n < 3; n++) harness.receive({});
    harness.clear();
    for (let n = 0; n < 100; n++) {
      harness.receive({
        instanceUid: n % 2 === 0 ? OWN_UID : new Uint8Array(),
        capabilities: n % 3 === 0 ? 0x7fn : 0n,
        ...(n % 4 === 0 ? { remoteConfig: { config: { configMap: {} }, configHash: hash(5) } } : {}),
        ...(n % 5 === 0 ? { connectionSettings: { hash: hash(6), opamp: { heartbeatIntervalSeconds: 30n } } } : {}),
        ...(n % 7 === 0 ? { agentIdentification: { newInstanceUid: OWN_UID } } : {}),
        ...(n % 9 === 0 ? { packagesAvailable: { allPackagesHash: hash(7) } } : {}),
      });
    }
    expect(harness.sent).toEqual([]);
  });
});

verifies("STATUS-08", "a hundred acknowledged heartbeats are a hundred messages and nothing more", () => {
  const harness = complete({ answers: acknowledges });
  harness.receive({});
  harness.clear();
  harness.advance(100 * 30_000);
  expect(harness.sent).toHaveLength(100);
  expect(harness.sent.flatMap(partsOf)).toEqual([]);
});

verifies("MSG-01", "the same offer with every answer is applied once, another hash is applied too", () => {
  const can = ["acceptsRemoteConfig", "reportsRemoteConfig"] as const;
  let first = 1;
  const harness = online({ can });
  const offer = () => ({ remoteConfig: { config: { configMap: {} }, configHash: hash(first) } });
  for (let answers = 0; answers < 10; answers++) {
    harness.receive(offer());
    if (answers === 0) harness.feed({ type: "handled", kind: "remoteConfig", id: 1 });
  }
  expect(harness.all("apply")).toHaveLength(1);
  expect(harness.sent.map((message) => message.remoteConfigStatus?.status)).toEqual(["applying", "applied"]);
  first = 2;
  harness.receive(offer());
  expect(harness.all("apply")).toHaveLength(2);
});

test("a full report does not wait for a slow provider", () => {
  const harness = complete({ effectiveConfig: () => effectiveConfig("one") });
  const slow = online({ can: ["reportsEffectiveConfig"], effectiveConfig: () => undefined });
  for (const each of [harness, slow]) each.receive({ flags: 1n });
  expect(partsOf(slow.last)).toEqual(["agentDescription", "health"]);
});

describe("a status over HTTP", () => {
  test.each(["answered", "unsent"] as const)("is not told again after an exchange that was %s", (fate) => {
    const harness = complete(polling({ config: { reconnectReport: "full" } }));
    harness.feed({ type: "set", parts: { health: health(false) } });
    harness.clear();
    harness.lose({ fate });
    harness.advanceUntil("reporting");
    expect(harness.sent.map(partsOf)).toEqual([["health"]]);
  });

  test("is not told again after an agent_disconnect for which no connection was made", () => {
    const harness = complete(polling({ config: { reconnectReport: "full" } }));
    harness.feed({ type: "reconnect" });
    harness.feed({ type: "dialing" });
    expect(harness.last.agentDisconnect).toBeDefined();
    harness.clear();
    harness.advanceUntil("reporting");
    expect(harness.sent.map(partsOf)).toEqual([[]]);
  });

  test("is told whole after an answer that did not come in time, and not again after a pause", () => {
    const harness = complete(polling({ config: { reconnectReport: "full" } }));
    harness.feed({ type: "set", parts: { health: health(false) } });
    harness.clear();
    harness.advanceUntil("waiting");
    harness.advanceUntil("reporting");
    expect(harness.sent.map(partsOf)).toEqual([partNames]);
    harness.clear();
    harness.receive({ errorResponse: { type: 2 } });
    harness.advanceUntil("reporting");
    expect(harness.sent.map(partsOf)).toEqual([partNames]);
    harness.receive({});
    harness.feed({ type: "set", parts: { health: health(true) } });
    harness.clear();
    harness.receive({ errorResponse: { type: 2 } });
    harness.advanceUntil("reporting");
    expect(harness.sent.map(partsOf)).toEqual([["health"]]);
  });
});
