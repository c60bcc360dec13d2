import { describe, expect } from "vitest";
import { OpAMPClient } from "../../../src/index.js";
import type { ServerToAgentFields } from "../../../src/testing/index.js";
import { verifies } from "../../conformance/verifies.js";
import { collect, heardMore, meet, next, offerOf, partsOf } from "./meeting.js";
import { transports } from "./transports.js";

const ACCEPTS_STATUS = 0x1n;
const ACCEPTS_EFFECTIVE_CONFIG = 0x4n;

const handlers = {
  effectiveConfig: () => ({ "a.yaml": { body: "a" } }),
  remoteConfig: { apply: () => undefined },
  restart: () => undefined,
};

describe.each(transports)("over $name", (transport) => {
  verifies(["CAP-02", "CAP-03", "CAP-06"], "the mask follows from what is supplied, with no other bit", async () => {
    const plain = await meet(transport);
    expect(plain.agent.capabilityMask).toBe(0x2001n);
    const able = await meet(transport, { client: { ...handlers, health: { healthy: true } } });
    expect(able.agent.capabilityMask).toBe(0x3c07n);
    const narrowed = await meet(transport, {
      client: { ...handlers, withhold: ["reportsHeartbeat", "acceptsRestartCommand"] },
    });
    expect(narrowed.agent.capabilityMask).toBe(0x1007n);
    for (const { client, agent } of [plain, able, narrowed]) expect(client.capabilityMask).toBe(agent.capabilityMask);
    for (const { client, agent } of [plain, able, narrowed]) expect(agent.capabilities).toEqual(client.capabilities);
  });

  verifies(
    ["CAP-04", "STATUS-04"],
    "a handler that is set or removed at run time changes the mask at once",
    async () => {
      const { client, agent } = await meet(transport, {
        client: { heartbeat: { intervalMs: transport.duplex ? 3_600_000 : 5 } },
      });
      client.setHandlers({ remoteConfig: handlers.remoteConfig });
      await agent.until(({ capabilityMask }) => capabilityMask === 0x3003n);
      client.setHandlers({ effectiveConfig: handlers.effectiveConfig, restart: handlers.restart });
      await agent.until(({ capabilityMask }) => capabilityMask === 0x3407n);
      expect(agent.effectiveFiles["a.yaml"]?.text()).toBe("a");
      client.setHealth({ healthy: true });
      await agent.until(({ capabilityMask }) => capabilityMask === 0x3c07n);
      client.setHandlers({ remoteConfig: undefined, effectiveConfig: undefined });
      await agent.until(({ capabilityMask }) => capabilityMask === 0x2c01n);
      const { capabilityMask } = client;
      expect(capabilityMask).toBe(0x2c01n);
    },
  );

  verifies(
    ["CAP-05", "CFG-01", "CMD-03"],
    "offers that were not declared have no effect, and flags in the same message do",
    async () => {
      const { agent, client, server } = await meet(transport);
      const offers: ServerToAgentFields[] = [
        offerOf("h1", { "a.yaml": "a" }),
        { packagesAvailable: { allPackagesHash: Uint8Array.of(1), packages: { p: { version: "1" } } } },
        { connectionSettings: { hash: Uint8Array.of(2), ownMetrics: { destinationEndpoint: "http://127.0.0.1:1" } } },
        { command: {} },
      ];
      const events = [collect(client, "error"), collect(client, "offer"), collect(client, "heartbeatInterval")];
      for (const offer of offers) agent.send(offer);
      agent.send({ ...offerOf("h2", { "a.yaml": "b" }), flags: 1n });
      const heard = agent.received.length;
      await agent.until(({ received }) => received.slice(heard).some((message) => partsOf(message).length > 0));
      const reports = agent.received.slice(heard).filter((message) => partsOf(message).length > 0);
      expect(reports.map(partsOf)).toEqual([["agentDescription"]]);
      expect(events).toEqual([[], [], []]);
      expect(client.phase).toBe("online");
      expect(server.connections.total).toBe(transport.duplex ? 1 : 0);
    },
  );

  verifies("CAP-06", "a part whose capability is off is never reported", async () => {
    const { agent, client } = await meet(transport, {
      client: {
        ...handlers,
        health: { healthy: true },
        withhold: ["reportsHealth", "reportsRemoteConfig", "reportsEffectiveConfig"],
      },
    });
    agent.offerConfig({ "a.yaml": "a" });
    const done = next(client, "offer");
    await done;
    client.setHealth({ healthy: false });
    client.refreshEffectiveConfig();
    agent.requestFullState();
    const heard = agent.received.length;
    await agent.until(({ received }) => received.slice(heard).some((message) => partsOf(message).length > 0));
    const reported = new Set(agent.received.flatMap(partsOf));
    expect([...reported]).toEqual(["agentDescription"]);
  });

  verifies("CAP-06", "a part appears and disappears with its capability", async () => {
    const { agent, client } = await meet(transport, { client: handlers });
    agent.offerConfig({ "a.yaml": "a" });
    await agent.until(() => agent.hasApplied());
    client.setHandlers({ remoteConfig: undefined });
    await agent.until(({ capabilityMask }) => (capabilityMask & 0x1002n) === 0n);
    const heard = agent.received.length;
    agent.requestFullState();
    await agent.until(({ received }) => received.slice(heard).some((message) => partsOf(message).length > 0));
    expect(agent.received.slice(heard).flatMap(partsOf)).toEqual(["agentDescription", "effectiveConfig"]);
  });

  verifies("CAP-07", "the server's last mask other than zero stays in force", async () => {
    let body = "one";
    const { agent, client } = await meet(transport, {
      client: { effectiveConfig: () => ({ "": { body } }) },
      server: { capabilities: ACCEPTS_STATUS | 0x2n | ACCEPTS_EFFECTIVE_CONFIG },
    });
    client.setHealth({ healthy: true });
    await agent.until(({ health }) => health !== undefined);
    await agent.until(({ sent }) => sent.length > 1);
    expect(agent.sent.map(({ capabilities }) => capabilities).slice(0, 2)).toEqual([7n, 0n]);
    expect(client.serverCapabilityMask).toBe(7n);
    body = "two";
    client.refreshEffectiveConfig();
    await agent.until(({ effectiveFiles }) => effectiveFiles[""]?.text() === "two");
    agent.send({ capabilities: 0x1n });
    expect(await next(client, "serverCapabilities")).toEqual(new Set(["acceptsStatus"]));
    expect(client.serverCapabilities).toEqual(new Set(["acceptsStatus"]));
    expect(client.serverCapabilityMask).toBe(1n);
  });

  verifies("CAP-08", "what the server did not declare is no longer used once it has declared", async () => {
    let body = "one";
    const { agent, client } = await meet(transport, {
      client: { effectiveConfig: () => ({ "": { body } }) },
      server: { capabilities: ACCEPTS_STATUS },
    });
    expect(agent.effectiveFiles[""]?.text()).toBe("one");
    const heard = agent.received.length;
    body = "two";
    client.refreshEffectiveConfig();
    agent.requestFullState();
    await agent.until(({ received }) => received.slice(heard).some((message) => partsOf(message).length > 0));
    client.setHealth({ healthy: true });
    await agent.until(({ health }) => health !== undefined);
    await heardMore(agent, transport.duplex ? 0 : 2);
    expect(agent.received.slice(heard).flatMap(partsOf)).toEqual(["agentDescription", "health"]);
    agent.send({ capabilities: ACCEPTS_STATUS | ACCEPTS_EFFECTIVE_CONFIG });
    await agent.until(({ effectiveFiles }) => effectiveFiles[""]?.text() === "two");
  });
});

verifies("CAP-03", "ReportsStatus cannot be turned off", () => {
  const make = () =>
    new OpAMPClient({
      url: "ws://127.0.0.1",
      description: { identifying: { a: 1 } },
      withhold: ["reportsStatus"],
    });
  expect(make).toThrow(expect.objectContaining({ code: "ERR_OPAMP_OPTION" }));
});
