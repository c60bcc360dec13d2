import { describe, expect, test } from "vitest";
import { capabilityNames, maskOf } from "../../../src/core/capabilities.js";
import { verifies } from "../../conformance/verifies.js";
import { type Harness as Agent, acknowledges, Harness, online, partsOf, polling, type Script } from "../harness.js";
import { effectiveConfig, everyPart, hash, health } from "../values.js";

const transports = [
  ["on a duplex link", {}],
  ["over HTTP", polling()],
] as const;

function statuses(harness: Agent): readonly (readonly string[])[] {
  return harness.sent.map(partsOf);
}

describe.each(transports)("an agent %s", (_name, script: Script) => {
  verifies(
    ["CAP-05", "CAP-01"],
    "ignores an offer that it did not declare, and handles the rest of the message",
    () => {
      const harness = online({ ...script, config: { ...script.config, capabilities: 1n } });
      const offers = [
        { remoteConfig: { config: { configMap: {} }, configHash: hash(1) } },
        { packagesAvailable: { allPackagesHash: hash(1) } },
        { connectionSettings: { hash: hash(1), opamp: { destinationEndpoint: "wss://a" } } },
        { command: {} },
      ];
      for (const offer of offers) harness.receive(offer);
      expect(harness.notices.map(({ kind }) => kind)).toEqual(offers.map(() => "ignored"));
      expect([harness.outputs.length, harness.core.phase]).toEqual([offers.length, "online"]);
      harness.receive({ ...offers[0], ...offers[3], flags: 1n });
      expect(statuses(harness)).toEqual([["agentDescription"]]);
      expect(harness.last.capabilities).toBe(1n);
    },
  );

  verifies("CAP-06", "reports a part only with its bit", () => {
    for (const name of capabilityNames) {
      const harness = new Harness({
        config: { ...script.config, capabilities: maskOf([name]) },
        effectiveConfig: () => undefined,
      });
      harness.feed({ type: "set", parts: everyPart() }, { type: "start" });
      const own = {
        reportsHealth: "health",
        reportsEffectiveConfig: "effectiveConfig",
        reportsRemoteConfig: "remoteConfigStatus",
        reportsPackageStatuses: "packageStatuses",
        reportsAvailableComponents: "availableComponents",
        reportsConnectionSettingsStatus: "connectionSettingsStatus",
      } as Readonly<Record<string, string>>;
      expect([...partsOf(harness.last)].sort()).toEqual(
        ["agentDescription", "customCapabilities", own[name]].filter((part) => part !== undefined).sort(),
      );
    }
  });

  verifies("CAP-01", "reports a change of capabilities in whatever message comes next, and once", () => {
    const harness = online({
      ...script,
      can: ["reportsEffectiveConfig"],
      config: { ...script.config, effectiveConfigMs: 60_000 },
    });
    const capabilities = harness.core.capabilities | 0x8000n;
    harness.feed({ type: "refresh" }, { type: "declare", capabilities });
    expect(harness.sent).toEqual([]);
    harness.advance(30_000);
    expect(harness.sent).toMatchObject([{ capabilities }]);
    harness.receive({});
    harness.feed({ type: "effectiveConfig" });
    expect(harness.sent).toHaveLength(1);
  });

  verifies(
    ["CAP-04", "STATUS-04"],
    "with more capabilities reports them at once, with the parts that they allow",
    () => {
      const harness = online({ ...script, config: { ...script.config, capabilities: 1n }, answers: acknowledges });
      harness.feed({ type: "declare", capabilities: 0x801n });
      expect(harness.sent).toMatchObject([{ capabilities: 0x801n }]);
      expect(statuses(harness)).toEqual([["health"]]);
    },
  );

  test("with fewer capabilities reports only what they allow", () => {
    const harness = online({ ...script, answers: acknowledges });
    harness.feed({ type: "set", parts: { health: health(false) } }, { type: "declare", capabilities: 1n });
    expect(statuses(harness)).toEqual([[]]);
    harness.feed({ type: "declare", capabilities: 0x801n });
    expect(harness.last.health).toEqual(health(false));
  });

  test("with a restored capability reports its part again", () => {
    const harness = online({ ...script, answers: acknowledges });
    harness.feed({ type: "declare", capabilities: 1n });
    harness.feed({ type: "declare", capabilities: 0x801n });
    expect(statuses(harness)).toEqual([[], ["health"]]);
  });

  verifies("CFG-02", "that can report its effective config from now on has it fetched", () => {
    const harness = online({ ...script, effectiveConfig: () => effectiveConfig("one"), answers: acknowledges });
    harness.feed({ type: "declare", capabilities: 0x2805n });
    expect(statuses(harness)).toEqual([["effectiveConfig"]]);
    expect(harness.last.capabilities).toBe(0x2805n);
  });

  test("that changes capabilities while a report waits sends both when the wait is over", () => {
    const harness = online({ ...script, can: ["reportsEffectiveConfig"] });
    expect(harness.core.phase).toBe("online");
    harness.feed({ type: "refresh" }, { type: "declare", capabilities: 0x2c05n });
    harness.advance(4_999);
    expect(harness.sent).toEqual([]);
    harness.advance(1);
    expect(harness.sent).toMatchObject([{ capabilities: 0x2c05n }]);
  });
});

describe("a server", () => {
  const script: Script = { can: ["reportsEffectiveConfig", "reportsPackageStatuses"] };
  const changed = { effectiveConfig: effectiveConfig("two"), packageStatuses: everyPart().packageStatuses };

  function reporting(): Agent {
    return online({ ...script, effectiveConfig: () => effectiveConfig("one"), answers: acknowledges });
  }

  verifies("CAP-08", "that accepts only status gets no config and no packages, but still the health", () => {
    const harness = reporting();
    harness.receive({ capabilities: 1n });
    harness.feed({ type: "set", parts: changed });
    expect(harness.sent).toEqual([]);
    harness.feed({ type: "set", parts: { health: health(false) } });
    expect(statuses(harness)).toEqual([["health"]]);
  });

  verifies("CAP-07", "that declares its capabilities only once keeps them", () => {
    const harness = reporting();
    harness.receive({ capabilities: 0x7n });
    for (let n = 0; n < 5; n++) harness.receive({ capabilities: 0n });
    harness.feed({ type: "set", parts: changed });
    expect(statuses(harness)).toEqual([["effectiveConfig"]]);
    expect(harness.all("serverCapabilities").map(({ output }) => output.mask)).toEqual([7n]);
    expect(harness.core.serverCapabilities).toBe(7n);
  });

  test("that starts to accept a part gets what it missed", () => {
    const harness = reporting();
    harness.receive({ capabilities: 1n });
    harness.feed({ type: "set", parts: changed });
    harness.receive({ capabilities: 0x15n });
    expect(statuses(harness)).toEqual([["effectiveConfig", "packageStatuses"]]);
  });

  test("that requests the full state gets no more than it accepts", () => {
    const harness = reporting();
    harness.receive({ capabilities: 1n, flags: 1n });
    expect(statuses(harness)).toEqual([["agentDescription", "health"]]);
  });

  verifies("CAP-08", "that accepts a part intermittently gets its latest value once", () => {
    const harness = reporting();
    harness.receive({ capabilities: 1n });
    harness.feed({ type: "set", parts: { effectiveConfig: effectiveConfig("two") } });
    harness.feed({ type: "set", parts: { effectiveConfig: effectiveConfig("three") } });
    for (const capabilities of [5n, 1n, 5n, 1n, 5n]) harness.receive({ capabilities });
    expect(harness.sent.map((message) => message.effectiveConfig)).toEqual([effectiveConfig("three")]);
  });

  test("that accepts no config is not made to wait for one", () => {
    const harness = online({ ...script, answers: acknowledges });
    harness.receive({ capabilities: 1n });
    harness.feed({ type: "refresh" }, { type: "set", parts: { health: health(false) } });
    expect([statuses(harness), harness.all("fetchEffectiveConfig").length]).toEqual([[["health"]], 1]);
    harness.feed({ type: "effectiveConfig", value: effectiveConfig("two") });
    harness.receive({ capabilities: 5n });
    expect(statuses(harness)).toEqual([["health"], ["effectiveConfig"]]);
  });

  test("that makes an offer without declaring it gets its status anyway", () => {
    const harness = online({
      ...script,
      can: ["acceptsRemoteConfig", "reportsRemoteConfig", "acceptsRestartCommand"],
      answers: acknowledges,
    });
    harness.receive({ capabilities: 1n });
    harness.receive({ remoteConfig: { config: { configMap: {} }, configHash: hash(1) } });
    const [apply] = harness.all("apply");
    harness.feed({ type: "handled", kind: "remoteConfig", id: apply?.output.id ?? 0 });
    expect(harness.sent.map(({ remoteConfigStatus: told }) => told?.status)).toEqual(["applying", "applied"]);
    harness.receive({ command: {} });
    expect(harness.all("restart")).toHaveLength(1);
  });

  verifies("INTEROP-02", "with unknown capability bits is served according to the known ones", () => {
    const harness = reporting();
    harness.receive({ capabilities: 0xffff_fff3n, flags: 0x8000_0000_8000_0003n });
    expect(statuses(harness)).toEqual([["agentDescription", "health"]]);
    harness.receive({ flags: 0xffff_ffff_ffff_fffcn });
    expect([harness.sent.length, harness.notices]).toEqual([1, []]);
  });
});
