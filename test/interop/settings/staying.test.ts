import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { type VirtualClock, virtualClock } from "../../../src/testing/virtual-clock.js";
import { verifies } from "../../conformance/verifies.js";
import { lastingStore } from "../../store/store-fixture.js";
import {
  mark,
  messages,
  startAgent,
  startServer,
  type TransportName,
  tell,
  transports,
  untilCount,
} from "../fixture.js";
import type { GoServer } from "../go-server.js";
import { connections, moved, offerSettings, settingsStatuses, token, untilSettings } from "./moving.js";

const HOUR_MS = 3_600_000;

/** How often an agent came with other settings than its own, and over WebSocket how often it came. */
async function moves(server: GoServer, transport: TransportName): Promise<number> {
  const seen = await connections(server);
  return transport === "ws" ? seen.length - 1 : new Set(seen.map(({ headers }) => headers["Authorization"])).size - 1;
}

/** Lets what real sockets bring be taken up, without letting time pass. */
async function settled<T>(clock: VirtualClock, promise: Promise<T>): Promise<T> {
  let isSettled = false;
  void promise.finally(() => {
    isSettled = true;
  });
  while (!isSettled) {
    await clock.advance(0);
    await setImmediate();
  }
  return promise;
}

describe.each(transports)("an agent that a Go server offers settings over %s", (transport) => {
  verifies(["CONN-04", "HB-03"], "takes an interval alone without another connection", async () => {
    const server = await startServer();
    const { client } = await moved(server, transport);
    const intervals: number[] = [];
    client.on("heartbeatInterval", (intervalMs) => intervals.push(intervalMs));
    await offerSettings(server, transport, "h1", { heartbeatIntervalSeconds: 2n });
    await untilSettings(server, "APPLIED", "h1");
    expect(intervals).toEqual([2_000]);
    expect(await moves(server, transport)).toBe(0);
    expect(messages(server).some(({ message }) => message.agentDisconnect !== undefined)).toBe(false);
    expect(client.connection).toMatchObject({ source: "options" });
  });

  verifies("CONN-12", "has no use for an interval of 0 and nothing else, and stays", async () => {
    const server = await startServer();
    await moved(server, transport);
    await offerSettings(server, transport, "h1", { heartbeatIntervalSeconds: 0n });
    const { connectionSettingsStatus } = await untilSettings(server, "FAILED", "h1");
    expect(connectionSettingsStatus?.errorMessage).toMatch(/names nothing/);
    expect(await moves(server, transport)).toBe(0);
  });

  test("takes the same interval of 0 as the end of heartbeats where its host says so", async () => {
    const server = await startServer();
    const heartbeat = { zero: "off", intervalMs: transport === "ws" ? HOUR_MS : 20 } as const;
    const { client } = await moved(server, transport, true, { heartbeat });
    const intervals: number[] = [];
    client.on("heartbeatInterval", (intervalMs) => intervals.push(intervalMs));
    await offerSettings(server, transport, "h1", { heartbeatIntervalSeconds: 0n });
    await untilSettings(server, "APPLIED", "h1");
    // An agent that polls would be lost without.
    expect(intervals).toEqual(transport === "ws" ? [Number.POSITIVE_INFINITY] : []);
    expect(await moves(server, transport)).toBe(0);
  });

  verifies("CONN-04", "is moved once by an offer that comes with every answer, and keeps its interval", async () => {
    const server = await startServer();
    const intervals: number[] = [];
    const { client } = await moved(server, transport, true, { heartbeat: { intervalMs: 20 } });
    client.on("heartbeatInterval", (intervalMs) => intervals.push(intervalMs));
    await server.reply(
      { connectionSettings: { hash: Buffer.from("h1"), opamp: { ...token("rotated"), destinationEndpoint: "" } } },
      { times: 0 },
    );
    await untilSettings(server, "APPLIED", "h1");
    await untilCount(server, 10, await mark(server));
    expect(await settingsStatuses(server)).toEqual(["UNSET ", "APPLYING h1", "APPLIED h1"]);
    expect(await moves(server, transport)).toBe(1);
    expect(intervals).toEqual([]);
  });

  verifies("CONN-10", "tries what failed once, however often it is offered, until its host asks for it", async () => {
    const server = await startServer();
    const next = await startServer();
    await next.require({ Authorization: "Bearer right" });
    const { client } = await moved(server, transport, true, { heartbeat: { intervalMs: 20 } });
    const opamp = { destinationEndpoint: next.url(transport), headers: token("right").headers };
    const wrong = { ...opamp, headers: token("wrong").headers };
    await server.reply({ connectionSettings: { hash: Buffer.from("h1"), opamp: wrong } }, { times: 0 });
    await untilSettings(server, "FAILED", "h1");
    await untilCount(server, 10, await mark(server));
    expect(await connections(next)).toHaveLength(1);
    await next.require({ Authorization: "Bearer wrong" });
    client.retryConnectionSettings();
    await untilSettings(next, "APPLIED", "h1");
    expect((await settingsStatuses(server)).at(-1)).toBe("APPLYING h1");
  });

  test("goes on without what it does not take of an offer", async () => {
    const server = await startServer();
    const { client } = await moved(server, transport);
    await tell(server, transport, {
      connectionSettings: {
        hash: Buffer.from("h1"),
        ownMetrics: { destinationEndpoint: "http://192.0.2.1" },
        otherConnections: { x: { destinationEndpoint: "http://192.0.2.1" } },
      },
    });
    await offerSettings(server, transport, "h2", { heartbeatIntervalSeconds: 2n });
    await untilSettings(server, "APPLIED", "h2");
    expect((await settingsStatuses(server)).filter((status) => status.startsWith("FAILED"))).toEqual([]);
    expect(await moves(server, transport)).toBe(0);
    expect(client.connection).toMatchObject({ state: undefined, source: "options" });
  });

  test("waits where it was moved often enough in an hour, and says so", async () => {
    const server = await startServer();
    const { client } = await moved(server, transport, { maxPerHour: 1 }, { heartbeat: { intervalMs: 20 } });
    const warnings: string[] = [];
    client.on("warning", ({ code }) => warnings.push(code));
    await offerSettings(server, transport, "h1", token("first"));
    await untilSettings(server, "APPLIED", "h1");
    for (const hash of ["h2", "h3"]) {
      await offerSettings(server, transport, hash, token(hash));
      await untilSettings(server, "APPLYING", hash);
    }
    await untilCount(server, 5, await mark(server));
    expect(await settingsStatuses(server)).toEqual([
      "UNSET ",
      "APPLYING h1",
      "APPLIED h1",
      "APPLYING h2",
      "APPLYING h3",
    ]);
    expect(await moves(server, transport)).toBe(1);
    expect(warnings).toEqual(["settings-wait", "settings-wait"]);
  });

  verifies("CONN-09", "waits for a new server that is busy for less time than there is", async () => {
    const [server, next] = await Promise.all([startServer(), startServer()]);
    await next.reject(503);
    await next.reject(429);
    const retryInfo = { retryAfterNanoseconds: 50_000_000n };
    await next.reply({
      errorResponse: { type: 2, errorMessage: "", Details: { case: "retryInfo", value: retryInfo } },
    });
    await moved(server, transport, { verifyMs: 20_000 });
    await offerSettings(server, transport, "h1", { destinationEndpoint: next.url(transport) });
    await untilSettings(next, "APPLIED", "h1");
    expect((await settingsStatuses(server)).at(-1)).toBe("APPLYING h1");
    expect((await connections(next)).length).toBeGreaterThanOrEqual(4);
  });

  test("goes back to its options when its host wants it to, and may be offered the same again", async () => {
    const [server, next] = await Promise.all([startServer(), startServer()]);
    const { client } = await moved(server, transport);
    await offerSettings(server, transport, "h1", { destinationEndpoint: next.url(transport), ...token("offered") });
    await untilSettings(next, "APPLIED", "h1");
    const since = await mark(server);
    client.forgetConnectionSettings();
    await untilSettings(server, "UNSET", "", since);
    for (const { headers } of await connections(server, since))
      expect(headers["Authorization"]).toBe("Bearer bootstrap");
    const again = await mark(next);
    await offerSettings(server, transport, "h1", { destinationEndpoint: next.url(transport), ...token("offered") });
    await untilSettings(next, "APPLIED", "h1", again);
  });

  verifies("CONN-05", "that stops in the middle goes on with the new server when it starts again", async () => {
    const [server, next] = await Promise.all([startServer(), startServer()]);
    const store = lastingStore();
    await next.silent({ how: "hold" });
    const { client } = await moved(server, transport, true, { store });
    await offerSettings(server, transport, "h1", { destinationEndpoint: next.url(transport), ...token("offered") });
    await next.until("message");
    await client.stop();
    const since = await mark(server);
    startAgent(server, transport, { store, connectionSettings: { opamp: true } });
    await untilSettings(next, "APPLIED", "h1");
    expect(await mark(server)).toBe(since);
    for (const { headers } of await connections(next)) expect(headers["Authorization"]).toBe("Bearer offered");
  });
});

test("of what had to wait for an hour the newest offer alone is taken up", async () => {
  const server = await startServer();
  const clock = virtualClock();
  const { client } = startAgent(server, "ws", {
    clock,
    heartbeat: { intervalMs: 10 * HOUR_MS },
    store: lastingStore(),
    connectionSettings: { opamp: { maxPerHour: 1 } },
  });
  await settled(clock, client.connected());
  await offerSettings(server, "ws", "h1", token("first"));
  await settled(clock, untilSettings(server, "APPLIED", "h1"));
  for (const hash of ["h2", "h3"]) {
    await offerSettings(server, "ws", hash, token(hash));
    await settled(clock, untilSettings(server, "APPLYING", hash));
  }
  await clock.advance(HOUR_MS - 1_000);
  expect(await moves(server, "ws")).toBe(1);
  await clock.advance(1_000);
  await settled(clock, untilSettings(server, "APPLIED", "h3"));
  const tokens = (await connections(server)).map(({ headers }) => headers["Authorization"]);
  expect(tokens).toEqual([undefined, "Bearer first", "Bearer h3"]);
});
