import { describe, expect } from "vitest";
import { memoryStore } from "../../../src/index.js";
import { verifies } from "../../conformance/verifies.js";
import { heardMore, IDENTIFYING, meet, next, partsOf, prepare } from "./meeting.js";
import { transports } from "./transports.js";

const everything = () => {
  let body = "one";
  return {
    change: () => {
      body = "two";
    },
    client: {
      health: { healthy: true, status: "StatusOK" },
      effectiveConfig: () => ({ "a.yaml": { body, contentType: "text/yaml" } }),
      remoteConfig: { apply: () => undefined },
      store: memoryStore({ remoteConfig: { hash: Uint8Array.of(1), status: "applied" as const, error: "" } }),
    },
  };
};

const lean = () => ({ ...everything().client, reconnectReport: "changed" as const });

const ALL_PARTS = ["agentDescription", "health", "effectiveConfig", "remoteConfigStatus", "customCapabilities"];

describe.each(transports)("over $name", (transport) => {
  verifies("STATUS-01", "the agent reports first after connecting, even if the server is silent", async () => {
    const { client, agent } = await prepare(transport, {
      client: { heartbeat: { intervalMs: 3_600_000 }, timeouts: { closeMs: 10 } },
      server: { onMessage: () => null },
    });
    client.start();
    await agent.until(({ received }) => received.length === 1);
    expect(partsOf(agent.lastMessage)).toEqual(["agentDescription"]);
    expect(agent.sent).toEqual([]);
    expect(client.phase).toBe("reporting");
  });

  verifies(["STATUS-02", "CFG-02"], "the very first report has every part", async () => {
    const { client, agent } = await prepare(transport, { client: everything().client });
    client.customCapability("com.example.a");
    client.start();
    await client.connected();
    const [first] = agent.received;
    expect(partsOf(first)).toEqual(ALL_PARTS);
    expect(first).toMatchObject({ sequenceNum: 1n, capabilities: 0x3807n });
    expect(agent.attributes.identifying).toEqual(IDENTIFYING);
    expect(agent.health).toMatchObject({ healthy: true, status: "StatusOK" });
    expect(agent.effectiveFiles["a.yaml"]).toMatchObject({ contentType: "text/yaml" });
    expect(agent.remoteConfig).toMatchObject({ hash: Uint8Array.of(1), status: "applied" });
    expect(agent.customCapabilities).toEqual(["com.example.a"]);
  });

  verifies(
    ["STATUS-02", "STATUS-05"],
    "the remote config status before any offer is UNSET, reported once",
    async () => {
      const { agent, client } = await meet(transport, { client: { remoteConfig: { apply: () => undefined } } });
      client.setHealth({ healthy: true });
      await agent.until(({ health }) => health !== undefined);
      const [first, ...others] = agent.received;
      expect(first?.remoteConfigStatus).toMatchObject({
        lastRemoteConfigHash: new Uint8Array(),
        status: 0,
        errorMessage: "",
      });
      expect(others.flatMap(partsOf)).toEqual(["health"]);
    },
  );

  verifies(["STATUS-04", "STATUS-05"], "each change is sent once, without unchanged parts", async () => {
    const { change, client: options } = everything();
    const { client, agent } = await meet(transport, { client: options });
    const reports = () => agent.received.map(partsOf).filter((parts) => parts.length > 0);
    const reported = (count: number) => agent.until(() => reports().length === count);

    client.setHealth({ healthy: false });
    await reported(2);
    client.setDescription({ identifying: { "service.name": "renamed" } });
    await reported(3);
    change();
    client.refreshEffectiveConfig();
    await reported(4);
    client.customCapability("com.example.a");
    await reported(5);
    expect(reports().slice(1)).toEqual([["health"], ["agentDescription"], ["effectiveConfig"], ["customCapabilities"]]);

    client.setHealth({ healthy: false });
    client.setDescription({ identifying: { "service.name": "renamed" } });
    client.refreshEffectiveConfig();
    client.customCapability("com.example.a");
    client.setHealth({ healthy: true });
    await reported(6);
    expect(reports().at(-1)).toEqual(["health"]);
  });

  verifies("STATUS-06", "a changed part is sent whole", async () => {
    const identifying = { a: 1, b: "two", c: true, d: 1.5, e: ["x"] };
    const { client, agent } = await meet(transport, {
      client: { description: { identifying, nonIdentifying: { f: 6n } } },
    });
    const heard = agent.received.length;
    client.setDescription({ identifying: { ...identifying, b: "changed" }, nonIdentifying: { f: 6n } });
    await agent.until(({ received }) =>
      received.slice(heard).some(({ agentDescription }) => agentDescription !== undefined),
    );
    const { identifyingAttributes, nonIdentifyingAttributes } = agent.reported.description ?? {};
    expect(identifyingAttributes?.map(({ key }) => key)).toEqual(["a", "b", "c", "d", "e"]);
    expect(nonIdentifyingAttributes?.map(({ key }) => key)).toEqual(["f"]);
    expect(agent.attributes.identifying["b"]).toBe("changed");
  });

  verifies(
    "STATUS-07",
    "a request for the full state is answered once, with the effective config fetched again",
    async () => {
      const { change, client: options } = everything();
      const { client, agent } = await meet(transport, { client: options });
      client.customCapability("com.example.a");
      await agent.until(({ customCapabilities }) => customCapabilities.length === 1);
      const heard = agent.received.length;
      change();
      agent.requestFullState();
      await agent.until(({ received }) => received.slice(heard).some((message) => partsOf(message).length > 0));
      client.setHealth({ healthy: false });
      await agent.until(({ health }) => health?.healthy === false);
      const reports = agent.received.slice(heard).map(partsOf);
      expect(reports.filter((parts) => parts.length > 0)).toEqual([ALL_PARTS, ["health"]]);
      // D13: what is in use now, although nobody said that it had changed.
      expect(agent.effectiveFiles["a.yaml"]?.text()).toBe("two");
    },
  );

  verifies("STATUS-07", "a server that forgot the agent gets everything again", async () => {
    const { client, agent } = await meet(transport, { client: everything().client });
    agent.forget();
    expect(agent.reported.description).toBeUndefined();
    if (transport.duplex) client.setHealth({ healthy: false });
    await agent.until(({ reported: { description } }) => description !== undefined);
    expect(partsOf(agent.lastMessage)).toEqual(ALL_PARTS.slice(0, 4));
    expect(agent.effectiveFiles["a.yaml"]?.text()).toBe("one");
  });
});

describe.each(transports.filter(({ duplex }) => duplex))("over $name", (transport) => {
  verifies("STATUS-03", "after a reconnect only what changed meanwhile is reported", async () => {
    const { client, agent, outage } = await meet(transport, { client: lean() });
    const heard = agent.received.length;
    agent.drop();
    await heardMore(agent);
    expect(partsOf(agent.received[heard])).toEqual([]);

    outage(true);
    const lost = next(client, "phase");
    agent.drop();
    await lost;
    client.setHealth({ healthy: false });
    outage(false);
    await heardMore(agent);
    expect(partsOf(agent.received[heard + 1])).toEqual(["health"]);
    expect(agent.connections).toMatchObject({ total: 3, maxOpen: 1 });
  });

  verifies(["STATUS-03", "STATUS-07"], "the full state can be requested after a lean first report", async () => {
    const { agent } = await meet(transport, { client: lean() });
    agent.drop();
    agent.forget();
    await agent.until(({ reported: { description } }) => description !== undefined);
    expect(agent.received.slice(-2).map(partsOf)).toEqual([[], ALL_PARTS.slice(0, 4)]);
  });

  verifies("STATUS-03", "everything is reported after each reconnect", async () => {
    const { agent } = await meet(transport, { client: everything().client });
    agent.drop();
    await heardMore(agent);
    expect(partsOf(agent.lastMessage)).toEqual(ALL_PARTS.slice(0, 4));
  });
});
