import { describe, expect } from "vitest";
import { memoryStore, OpAMPClient } from "../../../src/index.js";
import { verifies } from "../../conformance/verifies.js";
import { another, collect, heardMore, meet, next, offerOf, partsOf, prepare } from "./meeting.js";
import { transports } from "./transports.js";

const NEW_UID = Uint8Array.from({ length: 16 }, (_, index) => 0xa0 + index);
const NEW_UID_TEXT = "a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf";
const FOREIGN_UID = new Uint8Array(16).fill(7);

describe.each(transports)("over $name", (transport) => {
  verifies(
    ["UID-01", "UID-02", "CAP-01", "SEQ-01"],
    "every message has instance uid, sequence number and capabilities",
    async () => {
      const { client, agent } = await meet(transport, {
        client: { heartbeat: { intervalMs: 5 } },
        server: { customCapabilities: ["com.example.a"] },
      });
      client.setHealth({ healthy: true });
      await agent.until(({ health }) => health !== undefined);
      await client.customCapability("com.example.a").send("hello");
      await agent.until(({ lastMessage }) => partsOf(lastMessage).length === 0);
      await client.stop();
      const { received } = agent;
      expect(received.at(-1)?.agentDisconnect).toBeDefined();
      expect(received.some(({ customMessage }) => customMessage !== undefined)).toBe(true);
      for (const [index, { instanceUid, sequenceNum, capabilities }] of received.entries()) {
        expect(instanceUid).toEqual(agent.uid);
        expect(sequenceNum).toBe(BigInt(index + 1));
        expect(capabilities & 1n).toBe(1n);
      }
      expect(agent.uid).toHaveLength(16);
      expect(Number(agent.uid[6]) >> 4).toBe(7);
      expect(Number(agent.uid[8]) >> 6).toBe(0b10);
    },
  );

  verifies(["UID-03", "SEQ-02"], "instance uid and sequence numbers continue over reconnects", async () => {
    const { agent, server, client } = await meet(transport);
    const uid = agent.uid;
    for (let drops = 0; drops < 5; drops++) {
      const again = next(client, "phase");
      if (transport.duplex) agent.drop();
      else client.reconnect();
      await again;
      await client.connected();
    }
    await agent.until(({ received }) => received.length >= 6);
    expect(server.agents.size).toBe(1);
    expect(agent.uid).toEqual(uid);
    expect(agent.gaps).toBe(0);
    expect(agent.received.map(({ sequenceNum }) => Number(sequenceNum))).toEqual(agent.received.map((_, i) => i + 1));
  });

  verifies(["UID-04", "UID-05"], "a uid requested from the server replaces the temporary one", async () => {
    const { client, agent } = await prepare(transport, {
      client: { requestInstanceUid: true, health: { healthy: true }, store: memoryStore() },
      server: {
        onMessage(asking, { flags }) {
          if ((flags & 1n) !== 0n) asking.assignUid(NEW_UID);
          return undefined;
        },
      },
    });
    const renamed = next(client, "instanceUid");
    const temporary = client.instanceUid;
    client.start();
    await agent.until(({ uidText, lastMessage }) => uidText === NEW_UID_TEXT && partsOf(lastMessage).length > 0);
    expect(await renamed).toEqual({ instanceUid: NEW_UID_TEXT, previous: temporary });
    expect(client.instanceUid).toBe(NEW_UID_TEXT);
    const [first, ...rest] = agent.received;
    expect(first?.flags).toBe(1n);
    expect(first?.instanceUid).toHaveLength(16);
    expect(rest.filter(({ flags }) => flags !== 0n)).toEqual([]);
    expect(partsOf(agent.lastMessage)).toEqual(["agentDescription", "health"]);
  });

  verifies("UID-04", "a configured uid is kept and not requested again", async () => {
    const store = memoryStore({ instanceUid: NEW_UID });
    const { client, server } = await prepare(transport, { client: { requestInstanceUid: true, store } });
    client.start();
    const agent = await server.firstAgent();
    expect(agent.uidText).toBe(NEW_UID_TEXT);
    expect(agent.received[0]?.flags).toBe(0n);
  });

  verifies("UID-05", "a new uid is used for everything after it, reconnects and restarts included", async () => {
    const store = memoryStore();
    const meeting = await meet(transport, { client: { store, heartbeat: { intervalMs: 5 } } });
    const { client, agent } = meeting;
    agent.assignUid(NEW_UID);
    await agent.until(({ uidText }) => uidText === NEW_UID_TEXT);
    const renamedAt = agent.received.findIndex(({ instanceUid }) => instanceUid[0] === NEW_UID[0]);
    expect(partsOf(agent.received[renamedAt])).toEqual(["agentDescription"]);
    client.reconnect();
    await heardMore(agent, 3);
    await client.stop();
    for (const { instanceUid } of agent.received.slice(renamedAt)) expect(instanceUid).toEqual(NEW_UID);
    expect(agent.gaps).toBe(0);
    const restarted = another(meeting, { store });
    restarted.start();
    await restarted.connected();
    expect(restarted.instanceUid).toBe(NEW_UID_TEXT);
  });

  verifies("UID-05", "a message under the uid that was just replaced is accepted", async () => {
    const { agent } = await meet(transport);
    const oldUid = agent.uid;
    agent.assignUid(NEW_UID);
    await agent.until(({ uidText }) => uidText === NEW_UID_TEXT);
    const heard = agent.received.length;
    agent.send({ instanceUid: oldUid, flags: 1n });
    await agent.until(({ received }) => received.slice(heard).some((message) => partsOf(message).length > 0));
    expect(agent.uidText).toBe(NEW_UID_TEXT);
  });

  verifies("UID-06", "a new uid of another length than 16 bytes is ignored", async () => {
    const { client, agent } = await meet(transport);
    const before = client.instanceUid;
    const errors = collect(client, "error");
    for (const newInstanceUid of [NEW_UID.slice(1), new Uint8Array(17), new Uint8Array()]) {
      const refused = next(client, "error");
      agent.send({ agentIdentification: { newInstanceUid } });
      await refused;
    }
    client.setHealth({ healthy: true });
    await agent.until(({ health }) => health !== undefined);
    expect(errors.map(({ code }) => code)).toEqual(Array(3).fill("ERR_OPAMP_MALFORMED"));
    expect([client.instanceUid, agent.uidText]).toEqual([before, before]);
  });

  verifies("UID-07", "a message for another agent is dropped, and one without a uid is not", async () => {
    const applied: string[] = [];
    const { client, agent } = await meet(transport, {
      client: { remoteConfig: { apply: (config) => void applied.push(Object.keys(config.files).join()) } },
    });
    const dropped = next(client, "error");
    agent.send({ instanceUid: FOREIGN_UID, ...offerOf("theirs", { theirs: "" }) });
    expect(await dropped).toMatchObject({ code: "ERR_OPAMP_FOREIGN_UID" });
    agent.send({ instanceUid: new Uint8Array(), ...offerOf("ours", { ours: "" }) });
    await agent.until(() => agent.hasApplied(Buffer.from("ours")));
    expect(applied).toEqual(["ours"]);
  });
});

verifies("UID-02", "a thousand clients make a thousand uids of version 7 from the time of day", () => {
  const before = Date.now();
  const uids = Array.from({ length: 1_000 }, () => {
    return new OpAMPClient({ url: "ws://127.0.0.1", description: { identifying: { a: 1 } } }).instanceUid;
  });
  expect(new Set(uids).size).toBe(1_000);
  for (const uid of uids) {
    expect(uid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const madeAt = Number.parseInt(uid.slice(0, 13).replace("-", ""), 16);
    expect(madeAt).toBeGreaterThanOrEqual(before);
    expect(madeAt).toBeLessThanOrEqual(Date.now());
  }
});
