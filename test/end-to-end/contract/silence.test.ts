import { describe, expect, onTestFinished } from "vitest";
import type { OpAMPClientOptions } from "../../../src/index.js";
import { memoryTransport, OpAMPServer, type OpAMPServerOptions, virtualClock } from "../../../src/testing/index.js";
import { verifies } from "../../conformance/verifies.js";
import { another, offerOf, partsOf } from "./meeting.js";

const HOUR_MS = 3_600_000;

/** A pair on virtual time whose first report has been answered: what is not sent in an hour is not sent. */
async function still(duplex: boolean, client: Partial<OpAMPClientOptions> = {}, options: OpAMPServerOptions = {}) {
  const server = await OpAMPServer.start(options);
  onTestFinished(() => server.close());
  const clock = virtualClock();
  const transport = memoryTransport(server, { duplex });
  const made = another({ options: { transport } }, { clock, ...client });
  made.start();
  await clock.advance(0);
  return { server, clock, transport, client: made, agent: await server.firstAgent() };
}

const busy = (): Partial<OpAMPClientOptions> => ({
  health: { healthy: true },
  effectiveConfig: () => ({ a: { body: "1" } }),
  remoteConfig: { apply: () => undefined },
  restart: () => undefined,
});

for (const duplex of [true, false]) {
  describe(duplex ? "on a duplex link" : "on a polling link", () => {
    verifies(
      ["STATUS-08", "STATUS-05", "HB-05"],
      "a hundred heartbeats that are acknowledged cause nothing more",
      async () => {
        const { agent, clock } = await still(duplex, busy());
        expect(agent.received).toHaveLength(1);
        await clock.advance(100 * 30_000);
        expect(agent.received).toHaveLength(101);
        expect(agent.received.slice(1).flatMap(partsOf)).toEqual([]);
        expect(agent.sent.slice(1).every((message) => message.flags === 0n && message.capabilities === 0n)).toBe(true);
      },
    );

    verifies(["MSG-02", "CFG-04", "CFG-09"], "a hundred messages that change nothing cause no report", async () => {
      const { agent, clock } = await still(duplex, { ...busy(), heartbeat: { intervalMs: HOUR_MS } });
      agent.offerConfig({ a: "1" }, { hash: Buffer.from("h1") });
      if (!duplex) await clock.advance(HOUR_MS);
      await clock.advance(0);
      expect(agent.hasApplied()).toBe(true);
      const heard = agent.received.length;
      const changesNothing = [
        {},
        { capabilities: 0x7fn },
        offerOf("h1", { a: "1" }),
        { remoteConfig: { configHash: Buffer.from("h1") } },
        { connectionSettings: { hash: Uint8Array.of(1), ownLogs: { destinationEndpoint: "http://127.0.0.1:1" } } },
        { customCapabilities: { capabilities: ["com.example.a"] } },
        { customMessage: { capability: "com.example.unknown", type: "x" } },
        { agentIdentification: { newInstanceUid: agent.uid } },
        { flags: 2n },
        { flags: 0x8000_0000n },
      ];
      for (let i = 0; i < 10; i++) for (const fields of changesNothing) agent.send(fields);
      await clock.advance(duplex ? HOUR_MS - 1 : 0);
      // On a polling link each message needs a poll, and each of those says nothing.
      if (!duplex) await clock.advance(100 * HOUR_MS);
      expect(agent.received.slice(heard).flatMap(partsOf)).toEqual([]);
      expect(agent.received).toHaveLength(heard + (duplex ? 0 : 100));
    });

    verifies("STATUS-05", "setting the current value sends nothing", async () => {
      const { agent, clock, client } = await still(duplex, { ...busy(), heartbeat: { intervalMs: HOUR_MS } });
      client.setHealth({ healthy: true });
      client.setDescription({ identifying: { "service.version": "1.2.3", "service.name": "contract" } });
      const { effectiveConfig, remoteConfig, restart } = busy();
      client.setHandlers({ effectiveConfig, remoteConfig, restart });
      client.refreshEffectiveConfig();
      client.retryRemoteConfig();
      await clock.advance(HOUR_MS - 1);
      expect(agent.received).toHaveLength(1);
    });

    verifies("CLOSE-01", "nothing follows agent_disconnect", async () => {
      const { agent, clock, client, transport } = await still(duplex, busy());
      await client.stop();
      const heard = agent.received.length;
      expect(agent.lastMessage?.agentDisconnect).toBeDefined();
      agent.send({ flags: 1n });
      await clock.advance(24 * HOUR_MS);
      expect(agent.received).toHaveLength(heard);
      expect([clock.pending, transport.dials]).toEqual([0, 1]);
    });

    verifies("MSG-03", "a refused report is not sent again, however long one waits", async () => {
      const { agent, clock, client } = await still(
        duplex,
        { heartbeat: { intervalMs: HOUR_MS } },
        { onMessage: (_, { health }) => (health ? { errorResponse: { type: 1, errorMessage: "no" } } : undefined) },
      );
      client.setHealth({ healthy: true });
      await clock.advance(10 * HOUR_MS);
      expect(agent.received.filter(({ health }) => health !== undefined)).toHaveLength(1);
      agent.drop();
      await clock.advance(HOUR_MS);
      expect(agent.received.filter(({ health }) => health !== undefined)).toHaveLength(1);
    });
  });
}

verifies(["HB-01", "CAP-06"], "an agent without heartbeats does not declare them and is silent when idle", async () => {
  const { agent, clock, client } = await still(true, { withhold: ["reportsHeartbeat"] });
  expect(agent.capabilityMask).toBe(1n);
  agent.offerHeartbeat(2);
  await clock.advance(24 * HOUR_MS);
  expect(agent.received).toHaveLength(1);
  expect(client.phase).toBe("online");
});

verifies("CUSTOM-04", "a custom message with an unannounced capability waits without traffic", async () => {
  const { agent, clock, client } = await still(true, { withhold: ["reportsHeartbeat"] });
  const channel = client.customCapability("com.example.a");
  const sent = channel.send("early");
  await clock.advance(24 * HOUR_MS);
  expect(agent.received).toHaveLength(2);
  expect(partsOf(agent.lastMessage)).toEqual(["customCapabilities"]);
  agent.send({ customCapabilities: { capabilities: ["com.example.a"] } });
  await clock.advance(0);
  await sent;
  expect(agent.received.map(({ customMessage }) => customMessage?.type)).toEqual([undefined, undefined, "early"]);
});
