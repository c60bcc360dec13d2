import { describe, expect } from "vitest";
import type { Health } from "../../../src/index.js";
import { verifies } from "../../conformance/verifies.js";
import { meet } from "./meeting.js";
import { transports } from "./transports.js";

const NS_PER_MS = 1_000_000n;

describe.each(transports)("over $name", (transport) => {
  verifies(["HEALTH-01", "HEALTH-03"], "an unhealthy agent is reported with its own status and error", async () => {
    const { client, agent } = await meet(transport, { client: { health: { healthy: true } } });
    expect(agent.health).toMatchObject({ healthy: true });
    client.setHealth({ healthy: false, status: "StatusPermanentError", lastError: "the disk is full: ä\\n" });
    await agent.until(({ health }) => health?.healthy === false);
    expect(agent.health).toMatchObject({ status: "StatusPermanentError", lastError: "the disk is full: ä\\n" });
  });

  verifies("HEALTH-01", "the agent's own health is reported independently of its components", async () => {
    const { client, agent } = await meet(transport);
    client.setHealth({ healthy: true, components: { exporter: { healthy: false, lastError: "refused" } } });
    await agent.until(({ health }) => health !== undefined);
    expect(agent.health?.healthy).toBe(true);
    expect(agent.health?.components?.["exporter"]).toMatchObject({ healthy: false, lastError: "refused" });
    expect(Object.keys(agent.health?.components ?? {})).toEqual(["exporter"]);
  });

  verifies("HEALTH-02", "times are reported to the nanosecond, beyond what a number can hold", async () => {
    const before = BigInt(Date.now()) * NS_PER_MS;
    const { client, agent } = await meet(transport, { client: { health: { healthy: true } } });
    const startTime = agent.reported.health?.startTimeUnixNano ?? 0n;
    expect(startTime).toBeGreaterThanOrEqual(before);
    expect(startTime).toBeLessThan(before + 1_000n * NS_PER_MS);
    const observed = agent.reported.health?.statusTimeUnixNano ?? 0n;
    expect(observed).toBeGreaterThanOrEqual(startTime);

    const exact = 1_780_000_000_123_456_789n;
    client.setHealth({ healthy: true, status: "a", startTime: exact, statusTime: new Date(1_780_000_001_000) });
    await agent.until(({ health }) => health?.status === "a");
    expect(agent.health).toMatchObject({ startTime: exact, statusTime: 1_780_000_001_000_000_000n });

    client.setHealth({ healthy: false, status: "b", startTime: 0n, components: { child: { healthy: false } } });
    await agent.until(({ health }) => health?.status === "b");
    expect(agent.reported.health?.startTimeUnixNano).toBe(0n);
    expect(agent.reported.health?.componentHealthMap["child"]?.startTimeUnixNano).toBe(0n);
  });

  verifies("HEALTH-04", "components nest with their attributes", async () => {
    const attributes = { "k.string": "v", "k.int": 5, "k.list": ["a", 1n, true], "k.bytes": Uint8Array.of(0, 255) };
    const names = ["pipeline:traces", "receiver", "__proto__", "constructor", ""];
    const tree = names.reduceRight<Health>(
      (inner, name, depth) => ({
        healthy: depth % 2 === 0,
        status: `level ${depth}`,
        attributes,
        components: Object.fromEntries([[name, inner]]),
      }),
      { healthy: true, status: "leaf" },
    );
    const { agent } = await meet(transport, { client: { health: tree } });
    let { health: level } = agent.reported;
    for (const [depth, name] of names.entries()) {
      expect(level).toMatchObject({ healthy: depth % 2 === 0, status: `level ${depth}` });
      expect(level?.attributes.map(({ key }) => key)).toEqual(Object.keys(attributes).sort());
      const components = Object.entries(level?.componentHealthMap ?? {});
      expect(components.map(([key]) => key)).toEqual([name]);
      level = components[0]?.[1];
    }
    expect(level).toMatchObject({ healthy: true, status: "leaf", attributes: [] });
  });

  verifies(
    "DESC-01",
    "the server reads exactly the attributes that were given, so that any consumer can compare them",
    async () => {
      // What an agent puts into the resource of its telemetry, value for value.
      const resource = {
        "service.name": "shop",
        "service.version": "1.4.0",
        "service.instance.id": "0190f3c5-8a5c-7c3e-9c61-1f5a3b1f7a10",
        "service.namespace": "store",
      };
      const nonIdentifying = {
        "os.type": "linux",
        "host.cpu.count": 4,
        "big.integer": 9_007_199_254_740_993n,
        ratio: 0.25,
        "is.primary": true,
        "process.command_args": ["node", "shop.js"],
        blob: Uint8Array.of(0, 128, 255),
        nested: { a: { b: 1 } },
      };
      const { client, agent } = await meet(transport, {
        client: { description: { identifying: resource, nonIdentifying } },
      });
      expect(agent.attributes).toEqual({ identifying: resource, nonIdentifying });
      const renamed = { ...resource, "service.version": "1.5.0" };
      client.setDescription({ identifying: renamed });
      await agent.until(({ attributes }) => attributes.identifying["service.version"] === "1.5.0");
      expect(agent.attributes).toEqual({ identifying: renamed, nonIdentifying: {} });
    },
  );
});
