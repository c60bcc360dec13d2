import { describe, expect } from "vitest";
import { verifies } from "../conformance/verifies.js";
import {
  APPLIED,
  configHost,
  expectNoGap,
  expectNoGapInConnections,
  isBare,
  mark,
  messages,
  NEVER_MS,
  offer,
  received,
  startAgent,
  startServer,
  transports,
  untilCount,
  untilMessage,
  untilStatus,
} from "./fixture.js";

describe.each(transports)("when the link to the reference server breaks, over %s", (transport) => {
  verifies(
    ["STATUS-03", "SEQ-02", "UID-03", "MSG-01", "HTTP-10"],
    "the agent comes back as the same one, reports everything, and applies nothing again",
    async () => {
      const server = await startServer();
      const { handlers, applied } = configHost();
      await server.reply(offer("h1", { "a.yaml": "a: 1" }), { times: 0 });
      const { client, errors } = startAgent(server, transport, {
        ...handlers,
        health: { healthy: true },
        heartbeat: { intervalMs: 10 },
      });
      await untilStatus(server, APPLIED, "h1");
      for (let times = 1; times <= 5; times++) {
        const since = await mark(server);
        await server.silent({ how: "cut" });
        const cut = await server.until("cut", () => true, { since });
        const next = await server.until("message", () => true, { since: server.events.indexOf(cut) });
        expect(next.conn).toBeGreaterThan(cut.conn);
        expect(next.message).toMatchObject({ agentDescription: {}, health: { healthy: true } });
        expect(next.uid).toBe(client.instanceUid.replaceAll("-", ""));
        await client.connected({ timeoutMs: 5_000 });
      }
      expect(applied).toHaveLength(1);
      expect(errors.map(({ code }) => code)).toEqual(errors.map(() => "ERR_OPAMP_CLOSED"));
      // A poll that meets a kept connection which is cut is repeated without an error.
      expect(errors).toHaveLength(transport === "ws" ? 5 : 0);
      expectNoGapInConnections(server);
    },
  );

  verifies(
    ["RETRY-02", "SEQ-01", "STATUS-05"],
    "a report whose answer was lost with the link is sent again",
    async () => {
      const server = await startServer();
      const { client } = startAgent(server, transport, {
        health: { healthy: true },
        heartbeat: { intervalMs: NEVER_MS },
      });
      await client.connected({ timeoutMs: 5_000 });
      const since = await mark(server);
      await server.silent({ how: "cut" });
      client.setHealth({ healthy: false, status: "lost" });
      const [first, second] = await untilCount(server, 2, since);
      await client.connected({ timeoutMs: 5_000 });
      expect(first?.message).toMatchObject({ sequenceNum: 2n, health: { status: "lost" } });
      expect(second?.message).toMatchObject({ sequenceNum: 3n, health: { status: "lost" } });
      expect(second?.message.agentDescription).toBeDefined();
      expect(second?.conn).not.toBe(first?.conn);
      client.setDescription({ identifying: { "service.name": "other" } });
      const [, , third] = await untilCount(server, 3, since);
      expect(third?.message.agentDescription).toBeDefined();
      expect(third?.message.health).toBeUndefined();
      expectNoGap(server);
    },
  );

  verifies(["STATUS-07", "RETRY-03"], "a restarted server gets everything, over HTTP if it asks", async () => {
    const server = await startServer();
    const { handlers, applied } = configHost();
    const { client, errors } = startAgent(server, transport, {
      ...handlers,
      health: { healthy: true },
      heartbeat: { intervalMs: 20 },
    });
    await server.reply(offer("h1", { "a.yaml": "a: 1" }));
    await untilStatus(server, APPLIED, "h1");
    // What was not answered would be told again.
    await untilMessage(server, isBare, server.events.length);
    await server.stop();
    await expect.poll(() => errors.map(({ code }) => code)).toContain("ERR_OPAMP_CONNECT");
    for (let number = 1; number <= 1_000; number++) client.setHealth({ healthy: false, status: `down ${number}` });
    const again = await startServer("-listen", `127.0.0.1:${server.port}`);
    await again.reply({ flags: 1n });
    const first = await untilMessage(again, () => true);
    expect(first.health?.status).toBe("down 1000");
    // Over HTTP that depends on whether an exchange was under way when the server stopped.
    if (transport === "ws") expect(first.agentDescription).toBeDefined();
    const full = await untilMessage(again, ({ effectiveConfig }) => effectiveConfig !== undefined);
    expect(full).toMatchObject({ health: { status: "down 1000" }, remoteConfigStatus: { status: APPLIED } });
    expect(applied).toHaveLength(1);
  });

  verifies(
    ["CLOSE-01", "CLOSE-02", "CLOSE-04", "SEQ-01"],
    "a stop sends agent_disconnect last, with unsent changes, and closes in an orderly way",
    async () => {
      const server = await startServer();
      const { client } = startAgent(server, transport, { heartbeat: { intervalMs: 5 } });
      await client.connected({ timeoutMs: 5_000 });
      client.setHealth({ healthy: false, status: "leaving" });
      await client.stop();
      const all = await received(server);
      expect(all.filter(({ message }) => message.agentDisconnect !== undefined)).toHaveLength(1);
      expect(all.at(-1)?.message.agentDisconnect).toBeDefined();
      expect(all.filter(({ message }) => message.health?.status === "leaving")).toHaveLength(1);
      await server.until("closed", ({ conn }) => conn === all.at(-1)?.conn);
      expect(server.events.filter(({ event }) => event === "readError")).toEqual([]);
      expect(client.phase).toBe("stopped");
      expectNoGap(server);
    },
  );

  verifies(["CLOSE-01", "CLOSE-04"], "stop does not wait for long for a server that does not answer", async () => {
    const server = await startServer();
    const { client } = startAgent(server, transport, { heartbeat: { intervalMs: NEVER_MS } });
    await client.connected({ timeoutMs: 5_000 });
    await server.silent({ how: "hold", times: 0 });
    const began = performance.now();
    await client.stop({ timeoutMs: 100 });
    expect(performance.now() - began).toBeLessThan(2_000);
    expect((await received(server)).at(-1)?.message.agentDisconnect).toBeDefined();
  });

  verifies(
    ["DUP-02", "SEQ-02", "STATUS-03"],
    "a deliberate reconnect starts with agent_disconnect and a close",
    async () => {
      const server = await startServer();
      const { client, errors } = startAgent(server, transport, { health: { healthy: true } });
      await client.connected({ timeoutMs: 5_000 });
      client.reconnect();
      const goodbye = await server.until("message", ({ message }) => message.agentDisconnect !== undefined);
      const since = server.events.indexOf(goodbye) + 1;
      const next = await server.until("message", () => true, { since });
      const between = server.events.slice(since, server.events.indexOf(next)).map((event) => {
        return [event.event, "conn" in event ? event.conn : 0];
      });
      expect(between).toEqual([
        ["closed", goodbye.conn],
        ["connecting", next.conn],
        ["connected", next.conn],
      ]);
      expect(isBare(next.message)).toBe(transport === "http");
      expect(errors).toEqual([]);
      expectNoGap(server);
    },
  );
});

describe("when the reference server is silent", () => {
  verifies(["WS-06"], "a WebSocket stays open, and reports and heartbeats continue", async () => {
    const server = await startServer();
    await server.silent({ times: 0 });
    const { client, phases, errors } = startAgent(server, "ws", {
      heartbeat: { intervalMs: 10 },
      timeouts: { answerMs: 50 },
    });
    await client.connected({ timeoutMs: 5_000 });
    expect(phases.at(-1)).toMatchObject({ phase: "online", reason: "silent", answered: false });
    client.setHealth({ healthy: true });
    const since = await mark(server);
    await server.until("message", ({ message }) => message.health !== undefined);
    await untilCount(server, 10, since);
    await server.clear();
    await expect.poll(() => phases.at(-1)).toMatchObject({ phase: "online", reason: "answered", answered: true });
    expect(server.events.filter(({ event }) => event === "connecting")).toHaveLength(1);
    expect(errors).toEqual([]);
    expectNoGap(server);
  });

  verifies(["RETRY-02", "SEQ-01"], "a request times out, and its report is sent again", async () => {
    const server = await startServer();
    await server.silent({ how: "hold", times: 3 });
    const { client, phases, errors } = startAgent(server, "http", { timeouts: { answerMs: 50 } });
    await client.connected({ timeoutMs: 5_000 });
    const all = await received(server);
    expect(all.slice(0, 4).map(({ message }) => message.agentDescription !== undefined)).toEqual(Array(4).fill(true));
    expect(errors.map(({ code }) => code)).toEqual(Array(3).fill("ERR_OPAMP_TIMEOUT"));
    expect(phases.filter(({ phase }) => phase === "waiting").map(({ reason }) => reason)).toEqual(
      Array(3).fill("timeout"),
    );
    expectNoGap(server);
  });

  verifies(["HTTP-01"], "an empty answer is an answer", async () => {
    const server = await startServer();
    await server.silent({ times: 0 });
    const { client, phases, errors } = startAgent(server, "http");
    await client.connected({ timeoutMs: 5_000 });
    await untilCount(server, 5);
    expect(
      messages(server)
        .slice(1)
        .every(({ message }) => isBare(message)),
    ).toBe(true);
    expect(phases.map(({ phase }) => phase)).toEqual(["connecting", "reporting", "online"]);
    expect(errors).toEqual([]);
  });
});
