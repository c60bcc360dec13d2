import { describe, expect } from "vitest";
import type { Components } from "../../../src/index.js";
import { verifies } from "../../conformance/verifies.js";
import { another, collect, heardMore, meet, partsOf } from "./meeting.js";
import { transports } from "./transports.js";

const COMPONENTS: Components = {
  receivers: { components: { otlp: { metadata: { "code.namespace": "example.com/otlp" }, components: { grpc: {} } } } },
  exporters: {},
};

describe.each(transports)("over $name", (transport) => {
  verifies(
    ["COMP-01", "COMP-02", "COMP-03"],
    "the first report has the hash alone, and heartbeats have nothing",
    async () => {
      const { agent, client } = await meet(transport, {
        client: { availableComponents: COMPONENTS, heartbeat: { intervalMs: 5, minMs: 1 } },
      });
      expect(client.capabilityMask).toBe(0x6001n);
      expect(agent.availableComponents?.hash).toHaveLength(32);
      await heardMore(agent, 5);
      const told = agent.received.map(({ availableComponents }) => availableComponents);
      expect(told[0]?.components).toEqual({});
      expect(told.slice(1).filter((each) => each !== undefined)).toEqual([]);
    },
  );

  verifies(["COMP-05", "COMP-06"], "the server gets the whole tree at once when it asks, but only once", async () => {
    const { agent, client } = await meet(transport, { client: { availableComponents: COMPONENTS } });
    const hash = agent.availableComponents?.hash;
    agent.requestComponents();
    await agent.until(({ availableComponents: told }) => Object.keys(told?.components ?? {}).length > 0);
    expect(agent.availableComponents?.hash).toEqual(hash);
    const otlp = agent.availableComponents?.components["receivers"]?.subComponentMap["otlp"];
    expect(otlp?.metadata).toMatchObject([{ key: "code.namespace", value: { value: { value: "example.com/otlp" } } }]);
    expect(Object.keys(otlp?.subComponentMap ?? {})).toEqual(["grpc"]);
    client.setHealth({ healthy: true });
    await agent.until(({ health }) => health !== undefined);
    expect(agent.received.filter(({ availableComponents }) => availableComponents !== undefined)).toHaveLength(2);
  });

  verifies(
    ["COMP-03", "CAP-04"],
    "components given later turn the capability on, and changes are reported as a hash",
    async () => {
      const { agent, client } = await meet(transport);
      expect(agent.capabilityMask & 0x4000n).toBe(0n);
      client.setAvailableComponents(COMPONENTS);
      await agent.until(({ availableComponents }) => availableComponents !== undefined);
      expect(agent.capabilityMask & 0x4000n).toBe(0x4000n);
      const before = agent.availableComponents?.hash ?? new Uint8Array();
      client.setAvailableComponents({ exporters: {}, receivers: COMPONENTS["receivers"] ?? {} });
      client.setAvailableComponents({ exporters: {} });
      await agent.until(({ availableComponents: told }) => Buffer.compare(told?.hash ?? before, before) !== 0);
      const told = agent.received.flatMap(({ availableComponents }) => availableComponents ?? []);
      expect(told).toMatchObject([{ components: {} }, { components: {} }]);
    },
  );

  verifies("COMP-01", "an agent without components, or that withholds them, never mentions them", async () => {
    const plain = await meet(transport);
    const shy = await meet(transport, {
      client: { availableComponents: COMPONENTS, withhold: ["reportsAvailableComponents"] },
    });
    for (const { agent, client } of [plain, shy]) {
      agent.requestComponents();
      client.setHealth({ healthy: true });
      await agent.until(({ health }) => health !== undefined);
      await heardMore(agent, transport.duplex ? 0 : 2);
      expect(agent.capabilityMask & 0x4000n).toBe(0n);
      expect(agent.received.flatMap(partsOf)).not.toContain("availableComponents");
    }
  });
});

// A memory transport serves one client, and has limits of its own.
describe.each(transports.filter(({ way }) => way !== undefined))("over $name", (transport) => {
  verifies("COMP-04", "two agents with the same components have the same hash", async () => {
    const { agent, server, options } = await meet(transport, { client: { availableComponents: COMPONENTS } });
    const { exporters = {}, receivers = {} } = COMPONENTS;
    const other = another({ options }, { availableComponents: { exporters, receivers } });
    other.start();
    await other.connected();
    expect(server.agent(other.instanceUid).availableComponents?.hash).toEqual(agent.availableComponents?.hash);
  });

  verifies("SIZE-04", "a tree over the size limit is dropped, and its hash is reported", async () => {
    const metadata = { text: "x".repeat(4_000) };
    const { agent, client } = await meet(transport, {
      client: { availableComponents: { large: { metadata } }, maxMessageBytes: { send: 4_000 } },
    });
    const errors = collect(client, "error");
    client.setAvailableComponents({ larger: { metadata } });
    agent.requestComponents();
    await expect.poll(() => errors).toMatchObject([{ code: "ERR_OPAMP_TOO_LARGE" }]);
    expect(errors[0]?.message).toContain("availableComponents");
    await agent.until(
      ({ received }) => received.filter((each) => partsOf(each).includes("availableComponents")).length >= 2,
    );
    client.setHealth({ healthy: true });
    await agent.until(({ health }) => health !== undefined);
    expect(client.phase).toBe("online");
    expect(agent.availableComponents?.components).toEqual({});
  });
});
