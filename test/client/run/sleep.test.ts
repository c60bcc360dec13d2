import { describe, expect, test } from "vitest";
import type { OpAMPClientOptions } from "../../../src/index.js";
import { type OpAMPServerOptions, virtualClock } from "../../../src/testing/index.js";
import { running } from "../hosted.js";

const HOURS_MS = 8 * 3_600_000;

/** A machine that can sleep, or whose wall clock can be set. `now` goes on meanwhile on some systems, not on others. */
async function machine(options: Partial<OpAMPClientOptions> = {}, serverOptions: OpAMPServerOptions = {}) {
  const inner = virtualClock();
  let [aheadMs, wallAheadMs] = [0, 0];
  /** What is read from the network between a timer and the end of its turn. */
  const unread: (() => void)[] = [];
  const clock = {
    ...inner,
    now: () => inner.now() + aheadMs,
    wallNow: () => inner.wallNow() + wallAheadMs,
    soon(callback: () => void) {
      for (const read of unread.splice(0)) read();
      inner.soon(callback);
    },
  };
  const host = await running({ ...options, clock }, serverOptions);
  const pings: number[] = [];
  const { transport } = host;
  const ping = transport.ping.bind(transport);
  transport.ping = () => {
    pings.push(inner.now());
    ping();
  };
  return {
    ...host,
    clock: inner,
    pings,
    unread,
    /** Sleeps on a system whose monotonic clock counts that. */
    sleepCounted(ms: number): void {
      aheadMs += ms;
      wallAheadMs += ms;
    },
    /** Sleeps on a system whose monotonic clock does not, or has somebody set the wall clock. */
    setWall(ms: number): void {
      wallAheadMs += ms;
    },
  };
}

describe("after a sleep that the monotonic clock counts", () => {
  test("a live connection gets one heartbeat for all that are overdue, and the next an interval later", async () => {
    const { client, clock, agent, transport, sleepCounted } = await machine();
    await clock.advance(10_000);
    sleepCounted(HOURS_MS);
    await clock.advance(20_000);
    expect([client.phase, agent.received.length]).toEqual(["online", 2]);
    await clock.advance(29_999);
    expect(agent.received.length).toBe(2);
    await clock.advance(1);
    expect([agent.received.length, transport.dials]).toEqual([3, 1]);
  });

  test("a dead connection is detected within half an interval", async () => {
    const { clock, transport, errors, pings, sleepCounted } = await machine();
    transport.hang();
    sleepCounted(HOURS_MS);
    await clock.advance(30_000);
    expect([pings, errors]).toEqual([[30_000], []]);
    await clock.advance(15_000);
    expect(errors).toEqual(["ERR_OPAMP_TIMEOUT"]);
    await clock.advance(500);
    expect([errors, transport.dials]).toEqual([["ERR_OPAMP_TIMEOUT"], 2]);
  });

  test("unread data is read before the connection is given up", async () => {
    const host = await machine({}, { onMessage: () => null });
    const { client, clock, agent, transport, errors, unread, sleepCounted } = host;
    await clock.advance(44_000);
    transport.hang();
    await clock.advance(2_000);
    agent.send({});
    sleepCounted(HOURS_MS);
    unread.push(() => transport.resume());
    await clock.advance(60_000);
    expect([client.phase, errors, transport.dials]).toEqual(["online", [], 1]);
  });

  test("a connection whose ping was unanswered before is given up at once", async () => {
    const { clock, transport, errors, sleepCounted } = await machine();
    transport.hang();
    await clock.advance(50_000);
    sleepCounted(HOURS_MS);
    await clock.advance(10_500);
    expect([errors, transport.dials]).toEqual([["ERR_OPAMP_TIMEOUT"], 2]);
  });

  test("a short sleep before anything is due changes nothing", async () => {
    const { client, clock, agent, sleepCounted } = await machine();
    await clock.advance(10_000);
    client.setHealth({ healthy: true });
    await clock.advance(0);
    sleepCounted(1_000);
    await clock.advance(28_999);
    expect(agent.received.length).toBe(2);
    await clock.advance(1);
    expect(agent.received.length).toBe(3);
  });

  test("a wait that is over ends in one dial", async () => {
    const { client, clock, transport, sleepCounted } = await machine();
    transport.refuse();
    transport.drop();
    await clock.advance(500);
    expect(client.phase).toBe("waiting");
    const { dials } = transport;
    transport.refuse(0);
    sleepCounted(HOURS_MS);
    await clock.advance(60_000);
    expect([client.phase, transport.dials]).toEqual(["online", dials + 1]);
  });
});

describe("after a jump of the wall clock alone", () => {
  test.each([
    ["forward", HOURS_MS],
    ["back", -HOURS_MS],
  ])("a live connection is pinged once after a jump %s, and nothing else changes", async (_way, ms) => {
    const { client, clock, agent, transport, errors, pings, setWall } = await machine();
    await clock.advance(10_000);
    setWall(ms);
    await clock.advance(110_000);
    expect([client.phase, transport.dials, errors, pings]).toEqual(["online", 1, [], [30_000]]);
    expect(agent.received.length).toBe(5);
  });

  test("a dead connection is detected within 10 s", async () => {
    const { clock, transport, errors, pings, setWall } = await machine();
    transport.hang();
    setWall(HOURS_MS);
    await clock.advance(39_999);
    expect([pings, errors]).toEqual([[30_000], []]);
    await clock.advance(1);
    expect(errors).toEqual(["ERR_OPAMP_TIMEOUT"]);
    await clock.advance(500);
    expect([errors, transport.dials]).toEqual([["ERR_OPAMP_TIMEOUT"], 2]);
  });

  test("a connection that was pinged before gets 10 s more for its pong", async () => {
    const { clock, transport, errors, pings, setWall } = await machine();
    transport.hang();
    await clock.advance(50_000);
    setWall(HOURS_MS);
    await clock.advance(10_000);
    expect([pings, errors]).toEqual([[45_000, 60_000], []]);
    await clock.advance(10_000);
    expect(errors).toEqual(["ERR_OPAMP_TIMEOUT"]);
  });

  test("a wait is neither shortened nor extended", async () => {
    const { client, clock, transport, setWall } = await machine({ backoff: { minMs: 600_000, maxMs: 600_000 } });
    transport.refuse();
    transport.drop();
    await clock.advance(500);
    expect(client.phase).toBe("waiting");
    const { dials } = transport;
    transport.refuse(0);
    for (const ms of [86_400_000, -2 * 86_400_000]) {
      setWall(ms);
      await clock.advance(250_000);
    }
    expect(transport.dials).toBe(dials);
    await clock.advance(100_000);
    expect(transport.dials).toBe(dials + 1);
  });

  test("small corrections have no effect, however many there are", async () => {
    const { clock, pings, setWall } = await machine();
    for (let beats = 0; beats < 20; beats++) {
      setWall(5_000);
      await clock.advance(30_000);
    }
    expect(pings).toEqual([]);
  });

  test("no ping is sent where pings are off, and heartbeats continue as before", async () => {
    const { client, clock, agent, setWall } = await machine({ ping: false });
    setWall(HOURS_MS);
    await clock.advance(90_000);
    expect([client.phase, agent.received.length]).toEqual(["online", 4]);
  });
});
