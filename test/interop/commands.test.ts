import { describe, expect } from "vitest";
import type { CustomMessageReceived, InstanceUidEvent } from "../../src/index.js";
import { virtualClock } from "../../src/testing/virtual-clock.js";
import { verifies } from "../conformance/verifies.js";
import {
  APPLIED,
  configHost,
  deferred,
  effectiveText,
  expectNoGap,
  FAILED,
  isBare,
  mark,
  messages,
  NEVER_MS,
  offer,
  received,
  startAgent,
  startServer,
  type TransportName,
  tell,
  tellInTurn,
  transports,
  untilMessage,
  untilNumber,
  untilStatus,
} from "./fixture.js";
import type { ServerToAgentInit } from "./go-server.js";

const EVERY_BYTE = Uint8Array.from({ length: 256 }, (_, value) => value);
const OTHER_UID = Uint8Array.from({ length: 16 }, (_, index) => 0xa0 + index);
const OTHER_UID_HEX = Buffer.from(OTHER_UID).toString("hex");
const OTHER_UID_TEXT = "a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf";

function interval(seconds: bigint): ServerToAgentInit {
  return { connectionSettings: { opamp: { heartbeatIntervalSeconds: seconds } } };
}

describe.each(transports)("what the reference server asks for over %s", (transport) => {
  verifies(["STATUS-07", "MSG-02"], "the full state is reported again, once, with the current config", async () => {
    const server = await startServer();
    const { handlers } = configHost();
    let fetched = 0;
    const { client } = startAgent(server, transport, {
      ...handlers,
      effectiveConfig: () => {
        fetched += 1;
        return { "a.yaml": { body: `fetched: ${fetched}` } };
      },
      health: { healthy: true },
    });
    client.customCapability("com.example.a");
    await client.connected({ timeoutMs: 5_000 });
    await tell(server, transport, offer("h1", { "a.yaml": "a: 1" }));
    await untilStatus(server, APPLIED, "h1");
    const since = await mark(server);
    await tell(server, transport, { flags: 1n });
    const full = await untilMessage(server, (message) => !isBare(message), since);
    expect(full).toMatchObject({
      agentDescription: { identifyingAttributes: [{ key: "service.name" }] },
      health: { healthy: true },
      remoteConfigStatus: { status: APPLIED },
      customCapabilities: { capabilities: ["com.example.a"] },
    });
    expect(effectiveText(full)).toBe("fetched: 3");
    client.setHealth({ healthy: false });
    await untilMessage(server, ({ health }) => health?.healthy === false, since);
    const told = (await received(server, since)).filter(({ message }) => !isBare(message));
    expect(told).toHaveLength(2);
    expect(told[1]?.message.agentDescription).toBeUndefined();
    expectNoGap(server);
  });

  verifies(
    ["CUSTOM-04", "CUSTOM-05", "CUSTOM-06", "CUSTOM-07"],
    "custom messages pass both ways, in order and unchanged, if both sides know their capability",
    async () => {
      const server = await startServer("-custom", "com.example.a,com.example.b");
      const { client, errors } = startAgent(server, transport);
      const [a, b] = [client.customCapability("com.example.a"), client.customCapability("com.example.b")];
      const [forA, forB]: CustomMessageReceived[][] = [[], []];
      const last = deferred();
      const announced: (readonly string[])[] = [];
      client.on("serverCustomCapabilities", (names) => announced.push(names));
      a.onMessage((message) => void forA?.push(message));
      b.onMessage((message) => {
        forB?.push(message);
        last.resolve();
      });
      const unheard = client.customCapability("com.example.unheard").send("never");
      unheard.catch(() => undefined);
      await Promise.all([a.send("ping", "1"), a.send("ping", EVERY_BYTE), b.send("ping", "2"), a.send("pong")]);
      const sent = (await received(server)).flatMap(({ message }) => message.customMessage ?? []);
      expect(sent.map(({ capability, type }) => `${capability} ${type}`)).toEqual([
        "com.example.a ping",
        "com.example.a ping",
        "com.example.b ping",
        "com.example.a pong",
      ]);
      expect(Buffer.from(EVERY_BYTE).equals(sent[1]?.data ?? new Uint8Array())).toBe(true);
      await tellInTurn(server, transport, [
        { customMessage: { capability: "com.example.a", type: "t", data: EVERY_BYTE } },
        { customMessage: { capability: "com.example.c", type: "t", data: EVERY_BYTE } },
        { customMessage: { capability: "com.example.b", type: "t", data: Uint8Array.of(1) } },
      ]);
      await last.promise;
      expect(forA).toEqual([{ type: "t", data: EVERY_BYTE }]);
      expect(forB).toEqual([{ type: "t", data: Uint8Array.of(1) }]);
      expect(errors).toEqual([]);
      // Over HTTP the library announces them with every answer.
      expect(announced).toEqual([["com.example.a", "com.example.b"]]);
      await client.stop();
      await expect(unheard).rejects.toMatchObject({ code: "ERR_OPAMP_STOPPED" });
      expectNoGap(server);
    },
  );

  verifies(
    ["UID-05", "HTTP-08", "SEQ-01", "UID-06"],
    "another instance uid is used in every message and header from then on, and after a reconnect",
    async () => {
      const server = await startServer();
      const { client, errors } = startAgent(server, transport, { health: { healthy: true } });
      const names: InstanceUidEvent[] = [];
      client.on("instanceUid", (event) => names.push(event));
      await client.connected({ timeoutMs: 5_000 });
      const before = client.instanceUid;
      await tellInTurn(server, transport, [
        { agentIdentification: { newInstanceUid: Uint8Array.of(1, 2, 3) } },
        { agentIdentification: { newInstanceUid: OTHER_UID } },
      ]);
      const adopted = (await server.until("message", ({ uid }) => uid === OTHER_UID_HEX)).message;
      expect(adopted).toMatchObject({ agentDescription: {}, health: { healthy: true } });
      expect(client.instanceUid).toBe(OTHER_UID_TEXT);
      expect(names).toEqual([{ instanceUid: OTHER_UID_TEXT, previous: before }]);
      expect(errors.map(({ code }) => code)).toEqual(["ERR_OPAMP_MALFORMED"]);
      client.reconnect();
      await server.until("message", ({ message }) => message.agentDisconnect !== undefined);
      const since = await mark(server);
      const first = await server.until("message", () => true, { since });
      const uids = (await received(server)).map(({ uid }) => uid);
      expect(new Set(uids)).toEqual(new Set([before.replaceAll("-", ""), OTHER_UID_HEX]));
      expect(uids.slice(uids.indexOf(OTHER_UID_HEX)).every((uid) => uid === OTHER_UID_HEX)).toBe(true);
      const { headers } = await server.until("connecting", ({ conn }) => conn === first.conn);
      expect(headers["Opamp-Instance-Uid"]).toBe(transport === "http" ? OTHER_UID_TEXT : undefined);
      expectNoGap(server);
    },
  );

  verifies(["UID-04"], "an instance uid made by the server is used by an agent that asked for one", async () => {
    const server = await startServer();
    await server.reply({ agentIdentification: { newInstanceUid: OTHER_UID } });
    const { client } = startAgent(server, transport, { requestInstanceUid: true });
    const adopted = await server.until("message", ({ uid }) => uid === OTHER_UID_HEX);
    const [first] = await received(server);
    expect(first?.message.flags).toBe(1n);
    expect(first?.message.instanceUid).toHaveLength(16);
    expect(adopted.message.flags).toBe(0n);
    expect(client.instanceUid).toBe(OTHER_UID_TEXT);
  });

  verifies(["CMD-01", "CMD-02"], "a restart is run once, and everything beside it is ignored", async () => {
    const server = await startServer();
    const { handlers, applied } = configHost();
    const ran = deferred();
    let restarts = 0;
    const { client } = startAgent(server, transport, {
      ...handlers,
      restart() {
        restarts += 1;
        ran.resolve();
      },
    });
    await client.connected({ timeoutMs: 5_000 });
    const since = await mark(server);
    await tell(server, transport, offer("h1", { "a.yaml": "a: 1" }, { flags: 1n, command: {} }));
    await ran.promise;
    client.setHealth({ healthy: true });
    const told = await untilMessage(server, (message) => !isBare(message), since);
    expect(told.health).toMatchObject({ healthy: true });
    expect(told.agentDescription).toBeUndefined();
    expect(applied).toEqual([]);
    expect(restarts).toBe(1);
    expectNoGap(server);
  });

  verifies(["CAP-04", "CAP-05", "CMD-03"], "offers are ignored until the agent declares them", async () => {
    const server = await startServer();
    const { client, errors } = startAgent(server, transport);
    await client.connected({ timeoutMs: 5_000 });
    await tellInTurn(server, transport, [offer("h1", { "a.yaml": "a: 1" }), { command: {} }]);
    const since = await mark(server);
    const { handlers, applied } = configHost();
    client.setHandlers(handlers);
    const declared = await server.until("message", ({ message }) => message.capabilities === 0x3007n, { since });
    expect(effectiveText(declared.message)).toBe("initial: true");
    await tell(server, transport, offer("h2", { "a.yaml": "a: 2" }));
    await untilStatus(server, APPLIED, "h2");
    expect(applied).toHaveLength(1);
    expect(messages(server).filter(({ message }) => message.remoteConfigStatus?.status === FAILED)).toEqual([]);
    expect(errors).toEqual([]);
    expectNoGap(server);
  });

  verifies(
    ["HB-02", "HB-05", "HB-06", "STATUS-08"],
    "another heartbeat interval is used, counted from the last message of any kind",
    async () => {
      const { server, clock, client, told } = await onVirtualTime(transport, 7n);
      expect(told).toEqual([7_000]);
      await clock.advance(6_999);
      expect(await received(server)).toHaveLength(1);
      await clock.advance(1);
      expect(isBare(await untilNumber(server, 2n))).toBe(true);
      await clock.advance(4_000);
      client.setHealth({ healthy: true });
      expect((await untilNumber(server, 3n)).health).toBeDefined();
      await clock.advance(6_999);
      expect(await received(server)).toHaveLength(3);
      await clock.advance(1);
      expect(isBare(await untilNumber(server, 4n))).toBe(true);
      expectNoGap(server);
    },
  );
});

/** A client on a clock that stands still, with the intervals that it was told. */
async function onVirtualTime(transport: TransportName, seconds: bigint) {
  const server = await startServer();
  const clock = virtualClock();
  await server.reply(interval(seconds));
  // No pings: an hour passes in less time than a pong from another process takes.
  const { client } = startAgent(server, transport, { clock, heartbeat: { intervalMs: 30_000 }, ping: false });
  const told: number[] = [];
  let heard = deferred<number>();
  client.on("heartbeatInterval", (intervalMs) => {
    told.push(intervalMs);
    heard.resolve(intervalMs);
    heard = deferred();
  });
  await heard.promise;
  return { server, clock, client, told, nextInterval: () => heard.promise };
}

describe("an interval of 0 from the reference server", () => {
  verifies(["HB-03"], "stops heartbeats over WebSocket, and nothing else, until another one is offered", async () => {
    const { server, clock, client, nextInterval } = await onVirtualTime("ws", 7n);
    const off = nextInterval();
    await server.push(interval(0n));
    expect(await off).toBe(Number.POSITIVE_INFINITY);
    await clock.advance(NEVER_MS);
    expect(await received(server)).toHaveLength(1);
    client.setHealth({ healthy: true });
    expect((await untilNumber(server, 2n)).health).toBeDefined();
    const on = nextInterval();
    await server.push(interval(2n));
    expect(await on).toBe(2_000);
    await clock.advance(2_000);
    expect(isBare(await untilNumber(server, 3n))).toBe(true);
  });

  verifies(["HB-04"], "leaves polls as they are over HTTP, until another one is offered", async () => {
    const { server, clock, told, nextInterval } = await onVirtualTime("http", 7n);
    await server.reply(interval(0n));
    await clock.advance(7_000);
    await untilNumber(server, 2n);
    await clock.advance(6_999);
    expect(await received(server)).toHaveLength(2);
    await server.reply(interval(2n));
    const other = nextInterval();
    await clock.advance(1);
    expect(await other).toBe(2_000);
    await clock.advance(1_999);
    expect(await received(server)).toHaveLength(3);
    await clock.advance(1);
    expect(isBare(await untilNumber(server, 4n))).toBe(true);
    expect(told).toEqual([7_000, 2_000]);
  });
});
