import { describe, expect, test } from "vitest";
import { type CapabilityName, capabilityNames, capabilityTable, maskOf } from "../../../src/core/capabilities.js";
import type { Output } from "../../../src/core/io.js";
import { verifies } from "../../conformance/verifies.js";
import { type Answer, type Harness, message, OWN_UID, online, partsOf } from "../harness.js";
import { configStatus, effectiveConfig, hash, uid } from "../values.js";

const ALL = maskOf(capabilityNames);
const NEW = uid(0xb);

const everything = {
  customMessage: { capability: "com.example.one", type: "t", data: hash(1) },
  customCapabilities: { capabilities: ["com.example.one"] },
  packagesAvailable: { allPackagesHash: hash(1) },
  remoteConfig: { config: { configMap: {} }, configHash: hash(1) },
  connectionSettings: { hash: hash(1), opamp: { heartbeatIntervalSeconds: 7n } },
  flags: 3n,
  agentIdentification: { newInstanceUid: NEW },
  capabilities: 7n,
} satisfies Answer;

/** An agent that declares this much, online. */
function declaring(capabilities: bigint): Harness {
  return online({ config: { capabilities }, effectiveConfig: () => effectiveConfig("one") });
}

/** What an agent does about a message within its step. */
function outputsFor(answer: Answer, capabilities = ALL): readonly Output[] {
  return declaring(capabilities).core.step({ type: "received", message: message(answer) }, 0);
}

/** The same in short: types, and what notices say. */
function typesFor(answer: Answer, capabilities = ALL): readonly string[] {
  return outputsFor(answer, capabilities).map((output) =>
    output.type === "notice" && output.notice.kind === "ignored" ? `ignored: ${output.notice.what}` : output.type,
  );
}

describe("the reaction to a message", () => {
  test("happens in one fixed order", () => {
    const { remoteConfig, customMessage } = message(everything);
    expect(outputsFor(everything)).toEqual([
      { type: "serverCapabilities", mask: 7n },
      { type: "persist", id: 1, change: { what: "instanceUid", uid: NEW } },
      { type: "instanceUid", uid: NEW, previous: OWN_UID },
      { type: "fetchEffectiveConfig" },
      { type: "offer", kind: "remoteConfig", status: configStatus(1, "applying") },
      { type: "apply", id: 1, kind: "remoteConfig", hash: hash(1), offer: remoteConfig },
      { type: "notice", notice: { kind: "ignored", what: "packages" } },
      { type: "serverCustomCapabilities", names: ["com.example.one"] },
      { type: "customMessage", message: customMessage },
      { type: "persist", id: 2, change: { what: "heartbeat", requestedMs: 7_000 } },
      { type: "heartbeatInterval", intervalMs: 7_000 },
    ]);
  });

  test("is reported in one message, under the new uid", () => {
    const harness = declaring(ALL);
    harness.receive(everything);
    expect(harness.sent).toMatchObject([{ instanceUid: NEW, remoteConfigStatus: configStatus(1, "applying") }]);
    expect(partsOf(harness.last)).toEqual(["agentDescription", "health", "effectiveConfig", "remoteConfigStatus"]);
  });

  test("is nothing if no field is set", () => {
    expect(typesFor({})).toEqual([]);
    expect(typesFor({ instanceUid: OWN_UID })).toEqual([]);
  });

  verifies("CAP-05", "ignores offers that were not declared, and keeps the rest", () => {
    const rest = ["persist", "instanceUid"];
    const offers = ["ignored: connection settings", "ignored: remote config", "ignored: packages"];
    const custom = ["serverCustomCapabilities", "customMessage"];
    expect(typesFor(everything, 1n)).toEqual(["serverCapabilities", ...rest, ...offers, ...custom]);
    expect(typesFor({ ...everything, command: {} }, 1n)).toEqual([
      "serverCapabilities",
      "ignored: the restart command",
      ...rest,
      ...offers,
      ...custom,
    ]);
    const harness = declaring(1n);
    harness.receive(everything);
    expect(harness.sent.map(partsOf)).toEqual([["agentDescription"]]);
  });

  const needs: readonly [CapabilityName, Answer, readonly string[]][] = [
    ["acceptsRemoteConfig", { remoteConfig: everything.remoteConfig }, ["offer", "apply"]],
    ["reportsHeartbeat", { connectionSettings: everything.connectionSettings }, ["persist", "heartbeatInterval"]],
    ["acceptsRestartCommand", { command: {} }, ["restart"]],
  ];
  test.each(needs)("depends on %s", (name, answer, types) => {
    expect(typesFor(answer, maskOf([name]))).toEqual(types);
    expect(typesFor(answer, ALL & ~capabilityTable[name].bit)).toEqual([expect.stringMatching(/^ignored: /)]);
  });

  test("excludes components for an agent that has none", () => {
    const harness = declaring(1n);
    harness.receive({ flags: 2n });
    expect(harness.outputs).toEqual([]);
  });

  verifies("CAP-07", "keeps the server's capabilities when a message does not repeat them", () => {
    const harness = declaring(ALL);
    harness.receive({ capabilities: 7n });
    harness.receive({ capabilities: 0n });
    expect(harness.all("serverCapabilities")).toHaveLength(1);
    expect(harness.core.serverCapabilities).toBe(7n);
  });

  test("ignores connection settings that are not about OpAMP itself", () => {
    const connectionSettings = { hash: hash(1), ownMetrics: { destinationEndpoint: "http://a" } };
    expect(typesFor({ connectionSettings })).toEqual(["ignored: connection settings"]);
  });

  verifies("INTEROP-02", "ignores unknown flags", () => {
    const harness = declaring(ALL);
    harness.receive({ flags: 0xffff_ffff_ffff_fffcn });
    expect(harness.outputs).toEqual([]);
  });
});

describe("a command", () => {
  verifies("CMD-02", "excludes everything else in the message but the capabilities", () => {
    expect(typesFor({ ...everything, command: {} })).toEqual(["serverCapabilities", "restart"]);
  });

  verifies(["CMD-03", "INTEROP-02"], "of an unknown type is ignored, and the rest of the message is not", () => {
    const received = message({ command: {}, flags: 1n });
    if (received.command !== undefined) Object.assign(received.command, { type: 99 });
    const harness = declaring(ALL);
    harness.feed({ type: "received", message: received });
    expect(harness.notices).toEqual([{ kind: "ignored", what: "a command of unknown type 99" }]);
    expect(harness.all("fetchEffectiveConfig")).toHaveLength(1);
    expect(harness.sent.map(partsOf)).toEqual([
      ["agentDescription", "health", "effectiveConfig", "remoteConfigStatus"],
    ]);
  });
});
