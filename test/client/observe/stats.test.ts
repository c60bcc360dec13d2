import { describe, expect, test } from "vitest";
import { countEvents, newCounters } from "../../../src/client/observe/counters.js";
import type { OfferKind } from "../../../src/core/io.js";
import { OpAMPError } from "../../../src/index.js";
import { type MemoryTransport, virtualClock } from "../../../src/testing/index.js";
import { ended, hosted, running } from "../hosted.js";

/** The sizes of all that passes over a transport, in bytes. */
function weighed(transport: MemoryTransport) {
  const bytes = { sent: 0, received: 0 };
  const send = transport.send.bind(transport);
  const open = transport.open.bind(transport);
  transport.send = (payload) => {
    bytes.sent += payload.length;
    send(payload);
  };
  transport.open = (sink) => {
    open({
      opened: () => sink.opened(),
      dialing: () => sink.dialing(),
      dialed: () => sink.dialed(),
      progress: () => sink.progress(),
      stale: () => sink.stale(),
      payload(received) {
        bytes.received += received.length;
        sink.payload(received);
      },
      pong: () => sink.pong(),
      alive: () => sink.alive(),
      malformed: (error) => sink.malformed(error),
      lost: (loss) => sink.lost(loss),
    });
  };
  return bytes;
}

const START = Date.UTC(2026, 0, 1);
const at = (ms: number): Date => new Date(START + ms);

describe("the counts of a client", () => {
  test("keep offers of different kinds apart", () => {
    const counters = newCounters();
    const count = countEvents(counters, virtualClock());
    const offer = (kind: string, status: "applying" | "applied") =>
      count({
        type: "offer",
        kind: kind as OfferKind,
        title: "",
        hash: new Uint8Array(),
        status,
        error: "",
        durationMs: 1,
      });
    offer("remoteConfig", "applying");
    offer("another", "applying");
    offer("remoteConfig", "applied");
    offer("another", "applying");
    expect(counters.seldom?.offers).toEqual({ applied: 1, failed: 0, superseded: 1 });
  });

  test("are all zero before it starts", async () => {
    const { client } = await hosted();
    expect(client.stats()).toEqual({
      phase: "idle",
      transport: undefined,
      connectedSince: undefined,
      nextAttemptAt: undefined,
      lastSentAt: undefined,
      lastReceivedAt: undefined,
      dials: 0,
      connections: 0,
      reconnects: 0,
      messagesSent: 0,
      messagesReceived: 0,
      bytesSent: 0,
      bytesReceived: 0,
      heartbeatsSent: 0,
      pingsSent: 0,
      pongsReceived: 0,
      failures: {},
      throttled: 0,
      malformed: 0,
      dropped: 0,
      offers: { applied: 0, failed: 0, superseded: 0 },
      customMessages: { sent: 0, received: 0, dropped: 0, expired: 0, waiting: 0 },
    });
  });

  test("include messages, their sizes and times, and heartbeats", async () => {
    const { client, clock, transport } = await hosted({ heartbeat: { intervalMs: 10_000 }, ping: false });
    const bytes = weighed(transport);
    client.start();
    await clock.advance(0);
    const first = client.stats();
    expect(first).toMatchObject({ phase: "online", transport: "memory", dials: 1, connections: 1, reconnects: 0 });
    expect(first).toMatchObject({ messagesSent: 1, messagesReceived: 1, heartbeatsSent: 0, connectedSince: at(0) });
    await clock.advance(25_000);
    const later = client.stats();
    expect(later).toMatchObject({ messagesSent: 3, messagesReceived: 3, heartbeatsSent: 2, connectedSince: at(0) });
    expect([later.lastSentAt, later.lastReceivedAt]).toEqual([at(20_000), at(20_000)]);
    expect([later.bytesSent, later.bytesReceived]).toEqual([bytes.sent, bytes.received]);
    expect(later.bytesSent).toBeGreaterThan(first.bytesSent);
    // What was handed out does not change.
    expect(first.messagesSent).toBe(1);
  });

  test("include pings and pongs", async () => {
    const { client, clock } = await running({ heartbeat: { intervalMs: 3_600_000 }, ping: { intervalMs: 1_000 } });
    await clock.advance(3_500);
    const { pingsSent, pongsReceived, messagesSent } = client.stats();
    expect(pingsSent).toBeGreaterThanOrEqual(2);
    expect(pongsReceived).toBe(pingsSent);
    expect(messagesSent).toBe(1);
  });

  test("include attempts, failures by code, and the time of the next attempt", async () => {
    const { client, clock, transport } = await hosted();
    transport.refuse(3);
    client.start();
    await clock.advance(0);
    const waiting = client.stats();
    expect(waiting).toMatchObject({ phase: "waiting", dials: 1, connections: 0, failures: { ERR_OPAMP_CONNECT: 1 } });
    expect(waiting.nextAttemptAt?.getTime()).toBeGreaterThan(START);
    await clock.advance(120_000);
    const online = client.stats();
    expect(online).toMatchObject({ phase: "online", dials: 4, connections: 1, failures: { ERR_OPAMP_CONNECT: 3 } });
    expect(online.nextAttemptAt).toBeUndefined();
    transport.drop();
    await clock.advance(0);
    expect(client.stats().connectedSince).toBeUndefined();
    await clock.advance(60_000);
    expect(client.stats()).toMatchObject({ connections: 2, reconnects: 1 });
    await ended(client, clock);
    expect(client.stats()).toMatchObject({ phase: "stopped", transport: "memory", connectedSince: undefined });
  });

  test("include pauses, bad messages, and messages that were given up", async () => {
    const { client, clock, transport, agent } = await running({ health: { healthy: false } });
    agent.send({ instanceUid: new Uint8Array(16).fill(9) });
    agent.send({ agentIdentification: { newInstanceUid: new Uint8Array(3) } });
    await clock.advance(0);
    const failures = { ERR_OPAMP_FOREIGN_UID: 1, ERR_OPAMP_MALFORMED: 1 };
    expect(client.stats()).toMatchObject({ malformed: 2, dropped: 0, failures });
    const { messagesSent } = client.stats();
    const send = transport.send.bind(transport);
    transport.send = () => {
      transport.send = send;
      throw new OpAMPError("ERR_OPAMP_TOO_LARGE", "too large");
    };
    client.setHealth({ healthy: true });
    await clock.advance(100);
    expect(client.stats()).toMatchObject({ dropped: 1, failures: { ERR_OPAMP_TOO_LARGE: 1 } });
    // What never left is not counted.
    expect(client.stats().messagesSent).toBe(messagesSent);
    agent.respondWithError(2, "busy", 5_000_000_000n);
    client.setHealth({ healthy: false, status: "busy" });
    await clock.advance(100);
    expect(client.stats()).toMatchObject({ phase: "waiting", throttled: 1 });
  });

  test("include offers by outcome", async () => {
    let finish: (outcome?: Error) => void = () => undefined;
    const apply = (): Promise<void> =>
      new Promise((resolve, reject) => {
        finish = (outcome) => (outcome === undefined ? resolve() : reject(outcome));
      });
    const { client, clock, agent } = await running({ remoteConfig: { apply } });
    const offer = async (byte: number) => {
      agent.offerConfig({}, { hash: Uint8Array.of(byte) });
      await clock.advance(0);
    };
    await offer(1);
    finish();
    await clock.advance(0);
    await offer(2);
    await offer(3);
    finish(new Error("aborted"));
    await clock.advance(0);
    finish(new Error("no"));
    await clock.advance(0);
    expect(client.stats().offers).toEqual({ applied: 1, failed: 1, superseded: 1 });
  });

  test("include custom messages by outcome", async () => {
    const { client, clock, agent } = await running(
      { customMessages: { max: 2 } },
      { customCapabilities: ["com.example.a"] },
    );
    const channel = client.customCapability("com.example.a");
    const unheard = client.customCapability("com.example.b");
    await clock.advance(0);
    await Promise.all([channel.send("x"), clock.advance(0)]);
    agent.sendCustom("com.example.a", "y");
    agent.sendCustom("com.example.a", "z");
    for (const expiresInMs of [50, 3_600_000, 3_600_000]) void unheard.send("x", "", { expiresInMs });
    await clock.advance(100);
    expect(client.stats().customMessages).toEqual({ sent: 1, received: 2, dropped: 1, expired: 1, waiting: 1 });
  });
});
