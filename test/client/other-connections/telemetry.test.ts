import { describe, expect, test } from "vitest";
import type { CapabilityName, ConnectionSettingsOptions, TelemetrySettings } from "../../../src/index.js";
import { verifies } from "../../conformance/verifies.js";
import { known, offers } from "../connection-settings/moved.js";
import { headers } from "../connection-settings/offers.js";
import { noting, taking } from "./taking.js";

const [APPLIED, FAILED] = [1, 3];
const METRICS = { destinationEndpoint: "https://otlp.example.com/v1/metrics" };
const CLASSES = [
  ["ownMetrics", "reportsOwnMetrics", 0x40n],
  ["ownTraces", "reportsOwnTraces", 0x20n],
  ["ownLogs", "reportsOwnLogs", 0x80n],
  ["other", "acceptsOtherConnectionSettings", 0x200n],
  ["opamp", "acceptsOpAMPConnectionSettings", 0x100n],
] as const;
const EVERYTHING = {
  opamp: { destinationEndpoint: "wss://old.example.com/v1/opamp" },
  ownMetrics: METRICS,
  ownTraces: METRICS,
  ownLogs: METRICS,
  otherConnections: { x: { destinationEndpoint: "anywhere" } },
};

function handling(kind: (typeof CLASSES)[number][0]) {
  const noted = noting<unknown>();
  const settings: ConnectionSettingsOptions = kind === "opamp" ? { opamp: true } : { [kind]: noted.handler };
  return { settings, calls: noted.calls };
}

describe("an agent that takes one class of connection settings", () => {
  test.each(CLASSES)("%s declares that alone, and that it reports how it went", async (kind, name, bit) => {
    const { client } = await taking(handling(kind).settings);
    expect(client.capabilityMask & 0x83e0n).toBe(bit | 0x8000n);
    expect(client.capabilities).toContain(name);
  });

  verifies("CONN-01", "is given what is offered of it, and nothing else", async () => {
    for (const [kind] of CLASSES.slice(0, 4)) {
      const { settings, calls } = handling(kind);
      const agent = await taking(settings);
      await offers(agent, EVERYTHING);
      expect(calls).toHaveLength(1);
      expect(known(agent.servers.old, agent)).toEqual([APPLIED, 1, ""]);
    }
  });

  verifies(["CONN-01", "CAP-05"], "does nothing at all about an offer of the others", async () => {
    for (const [kind] of CLASSES) {
      const { settings, calls } = handling(kind);
      const agent = await taking(settings);
      const { otherConnections, ...rest } = EVERYTHING;
      const others = kind === "other" ? rest : { ...rest, otherConnections, [kind]: undefined };
      await offers(agent, others);
      expect([calls, agent.statuses, agent.dialled]).toEqual([[], [], ["old"]]);
      expect(known(agent.servers.old, agent)?.[0]).toBe(0);
    }
  });

  verifies("CAP-05", "does not call a handler whose capability it withholds", async () => {
    const [metrics, traces] = [noting<TelemetrySettings>(), noting<TelemetrySettings>()];
    const withhold: readonly CapabilityName[] = ["reportsOwnMetrics"];
    const settings = { ownMetrics: metrics.handler, ownTraces: traces.handler };
    const agent = await taking(settings, { options: { withhold } });
    await offers(agent, { ownMetrics: METRICS, ownTraces: METRICS });
    expect([metrics.calls.length, traces.calls.length]).toEqual([0, 1]);
  });

  verifies(["CONN-10", "CAP-05"], "withholds the status alone where its host says so", async () => {
    const { handler, calls } = noting<TelemetrySettings>();
    const agent = await taking({ ownMetrics: handler }, { options: { withhold: ["reportsConnectionSettingsStatus"] } });
    await offers(agent, { ownMetrics: METRICS });
    expect(calls).toHaveLength(1);
    expect(known(agent.servers.old, agent)).toBeUndefined();
  });
});

describe("settings for telemetry", () => {
  verifies(["OWN-06", "CONN-13"], "are plain values, as they were offered", async () => {
    const { handler, calls } = noting<TelemetrySettings>();
    const agent = await taking({ ownMetrics: handler });
    await offers(agent, {
      ownMetrics: {
        ...METRICS,
        headers: headers(["X-Token", "t0ken"]),
        tls: { minVersion: "1.3" },
        proxy: { url: "http://proxy:1", connectHeaders: headers(["Proxy-Authorization", "p"]) },
      },
    });
    expect(calls[0]?.settings).toEqual({
      endpoint: "https://otlp.example.com/v1/metrics",
      headers: { "x-token": "t0ken" },
      tls: { minVersion: "1.3", includeSystemCa: false, insecureSkipVerify: false },
      proxy: { url: "http://proxy:1", headers: { "proxy-authorization": "p" } },
    });
    const { signal, ...context } = calls[0]?.context ?? {};
    expect(signal?.aborted).toBe(false);
    const changed = ["endpoint", "headers", "tls", "proxy"];
    expect(context).toEqual({ previous: undefined, reason: "offer", changed });
    expect(agent.dialled).toEqual(["old"]);
  });

  verifies(["TLS-01", "CONN-13", "OWN-02"], "replace those before, but for TLS and the proxy, which stay", async () => {
    const { handler, calls } = noting<TelemetrySettings>();
    const agent = await taking({ ownMetrics: handler });
    const proxy = { url: "http://proxy:1" };
    await offers(agent, { ownMetrics: { ...METRICS, headers: headers(["x-token", "1"]), proxy } });
    await offers(agent, { ownMetrics: { destinationEndpoint: "http://127.0.0.1:4318/v1/metrics" } }, 2);
    const [first, second] = calls;
    expect(second?.settings).toEqual({
      endpoint: "http://127.0.0.1:4318/v1/metrics",
      headers: {},
      proxy: { url: "http://proxy:1", headers: {} },
    });
    expect(second?.context.previous).toEqual(first?.settings);
    expect(second?.context.changed).toEqual(["endpoint", "headers"]);
  });

  verifies(["CONN-03", "OWN-02"], "of one class leave the others, and the connection, as they are", async () => {
    const [metrics, traces] = [noting<TelemetrySettings>(), noting<TelemetrySettings>()];
    const agent = await taking({ opamp: true, ownMetrics: metrics.handler, ownTraces: traces.handler });
    await offers(agent, { ownMetrics: METRICS, ownTraces: METRICS });
    await offers(agent, { ownTraces: { destinationEndpoint: "https://two.example.com/v1/traces" } }, 2);
    expect([metrics.calls.length, traces.calls.length]).toEqual([1, 2]);
    expect(known(agent.servers.old, agent)).toEqual([APPLIED, 2, ""]);
    expect(agent.dialled).toEqual(["old"]);
  });

  test("cannot be changed by what a handler does to them", async () => {
    const { handler, calls } = noting<TelemetrySettings>(({ settings }) => Object.assign(settings.headers, { x: "y" }));
    const agent = await taking({ ownMetrics: handler });
    await offers(agent, { ownMetrics: METRICS });
    await offers(agent, { ownMetrics: { destinationEndpoint: "https://two.example.com/" } }, 2);
    expect(calls[1]?.context.previous?.headers).toEqual({});
  });

  verifies(["OWN-03", "CONN-04"], "that are in force are not given again, whatever the hash", async () => {
    const { handler, calls } = noting<TelemetrySettings>();
    const agent = await taking({ ownMetrics: handler });
    for (const hash of [1, 1, 2]) await offers(agent, { ownMetrics: METRICS }, hash);
    expect(calls).toHaveLength(1);
    expect(agent.statuses).toEqual(["applying", "applied", "applying", "applied"]);
    expect(known(agent.servers.old, agent)).toEqual([APPLIED, 2, ""]);
  });

  verifies(["OWN-03", "CONN-11"], "with a certificate are refused where a restart would lose it", async () => {
    const { handler, calls } = noting<TelemetrySettings>();
    const agent = await taking({ ownMetrics: handler }, { options: { store: undefined } });
    await offers(agent, { ownMetrics: { ...METRICS, certificate: { cert: Uint8Array.of(1) } } });
    expect(calls).toEqual([]);
    const [status, hash, text] = known(agent.servers.old, agent) ?? [];
    expect([status, hash]).toEqual([FAILED, 1]);
    expect(text).toMatch(/^own_metrics: certificate would be lost with a restart/);
  });

  test("do not show the secrets of those before in what a handler says", async () => {
    const { handler } = noting<TelemetrySettings>(({ context: { previous } }) => {
      if (previous) throw new Error(`cannot log out with ${previous.headers["x-key"]}`);
    });
    const agent = await taking({ ownMetrics: handler });
    await offers(agent, { ownMetrics: { ...METRICS, headers: headers(["x-key", "hunter2-hunter2"]) } });
    await offers(agent, { ownMetrics: { ...METRICS, headers: headers(["x-key", "other-other-other"]) } }, 2);
    expect(known(agent.servers.old, agent)).toEqual([FAILED, 2, "own_metrics: cannot log out with [REDACTED]"]);
    expect(String(agent.errors)).not.toContain("hunter2");
  });
});
