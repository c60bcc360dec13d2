import { describe, expect } from "vitest";
import { verifies } from "../../conformance/verifies.js";
import { collect, heardMore, meet, next, partsOf } from "./meeting.js";
import { everyTransport } from "./transports.js";

describe.each(everyTransport)("over $name", (transport) => {
  verifies(
    ["HB-01", "HB-05", "UID-01", "CAP-01"],
    "a heartbeat has instance uid, sequence number and capabilities, and nothing else",
    async () => {
      const { agent, client } = await meet(transport, {
        client: {
          heartbeat: { intervalMs: 5 },
          health: { healthy: true },
          effectiveConfig: () => ({ a: { body: "1" } }),
        },
      });
      client.customCapability("com.example.a");
      await agent.until(({ customCapabilities }) => customCapabilities.length === 1);
      const heard = agent.received.length;
      await heardMore(agent, 3);
      expect(agent.capabilityMask & 0x2000n).toBe(0x2000n);
      for (const message of agent.received.slice(heard)) {
        const { $typeName, instanceUid, sequenceNum, capabilities, flags, ...rest } = message;
        expect(instanceUid).toHaveLength(16);
        expect([sequenceNum > 0n, capabilities, flags]).toEqual([true, 0x2805n, 0n]);
        expect(Object.values(rest).filter((value) => value !== undefined)).toEqual([]);
      }
    },
  );

  verifies(["CLOSE-01", "CLOSE-04"], "the last message has agent_disconnect and unsent changes", async () => {
    const { agent, client, server } = await meet(transport);
    client.setHealth({ healthy: false, lastError: "shutting down" });
    await client.stop();
    await agent.until(({ disconnected }) => disconnected);
    expect(agent.lastMessage?.agentDisconnect).toBeDefined();
    expect(agent.health?.lastError).toBe("shutting down");
    expect(agent.received.filter(({ agentDisconnect }) => agentDisconnect !== undefined)).toHaveLength(1);
    expect(agent.gaps).toBe(0);
    await server.until(({ connections, requests }) => connections.open + requests.open === 0);
    expect(client.phase).toBe("stopped");
  });

  verifies(
    "CLOSE-01",
    "a client that stops while the server is away does not dial to send agent_disconnect",
    async () => {
      const { agent, client, server, outage } = await meet(transport);
      outage(true);
      const away = next(client, "phase");
      server.drop();
      await away;
      const heard = agent.received.length;
      await client.stop();
      expect(client.phase).toBe("stopped");
      expect(agent.received).toHaveLength(heard);
    },
  );

  verifies(["DUP-01", "SEQ-01"], "through many reconnects there is never a second connection", async () => {
    const { agent, client, server } = await meet(transport);
    const count = () => (transport.duplex ? agent.connections : agent.requests);
    for (let i = 0; i < 20; i++) {
      client.reconnect();
      // A second request while the first is under way is the same request.
      client.reconnect();
      const heard = agent.received.length;
      await agent.until(({ received }) => received.slice(heard).some(({ agentDisconnect }) => agentDisconnect));
      await heardMore(agent);
    }
    expect(count().maxOpen).toBe(1);
    expect(agent.gaps).toBe(0);
    expect(agent.received.filter(({ agentDisconnect }) => agentDisconnect !== undefined)).toHaveLength(20);
    if (transport.duplex) expect(server.connections).toMatchObject({ total: 21, maxOpenPerAgent: 1 });
  });

  verifies(
    ["DUP-02", "CLOSE-04", "STATUS-03"],
    "a deliberate reconnect sends agent_disconnect, then closes, then dials",
    async () => {
      const { agent, client, server } = await meet(transport, { client: { health: { healthy: true } } });
      const phases = collect(client, "phase");
      const heard = agent.received.length;
      const openAtDial: number[] = [];
      client.on("phase", ({ phase }) => {
        if (phase === "connecting") openAtDial.push(agent.connections.open + agent.requests.open);
      });
      client.setDescription({ identifying: { "service.name": "renamed" } });
      client.reconnect();
      await agent.until(({ received }) => received.length >= heard + 2 && !received.at(-1)?.agentDisconnect);
      const said = agent.received
        .slice(heard)
        .filter((message) => partsOf(message).length > 0 || message.agentDisconnect);
      expect(said[0]?.agentDisconnect).toBeDefined();
      expect(partsOf(said[0])).toEqual(["agentDescription"]);
      expect(openAtDial).toEqual([0]);
      await client.connected();
      expect(phases.map(({ phase }) => phase)).toEqual(["closing", "waiting", "connecting", "reporting", "online"]);
      expect(phases[0]?.reason).toBe("reconnect");
      expect(server.agents.size).toBe(1);
      expect(agent.gaps).toBe(0);
    },
  );

  verifies("DUP-02", "a reconnect while disconnected has no effect", async () => {
    const { client, agent, server, outage } = await meet(transport);
    outage(true);
    const away = next(client, "phase");
    server.drop();
    await away;
    const phases = collect(client, "phase");
    const heard = agent.received.length;
    client.reconnect();
    expect(phases).toEqual([]);
    outage(false);
    await client.connected();
    await agent.until(({ received }) => received.length > heard);
    expect(agent.disconnected).toBe(false);
  });
});
