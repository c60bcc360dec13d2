import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { OpAMPClient } from "../../../src/index.js";
import { OpAMPServer } from "../../../src/testing/index.js";
import { verifies } from "../../conformance/verifies.js";
import { escapes, hosted, running } from "../hosted.js";
import { acknowledge, makeClient, startPostOffice } from "../wire-fixture.js";

const never = (): Promise<never> => new Promise(() => undefined);
const STOPPED = expect.objectContaining({ code: "ERR_OPAMP_STOPPED" });

describe("stop", () => {
  test("returns the same promise for every call, which never rejects", async () => {
    const { client, clock } = await running();
    const first = client.stop();
    expect(client.stop({ timeoutMs: 1 })).toBe(first);
    expect(client[Symbol.asyncDispose]()).toBe(first);
    await clock.advance(0);
    await first;
    expect(client.stop()).toBe(first);
    expect(client.phase).toBe("stopped");
  });

  test("resolves at once before the start, and prevents a start", async () => {
    const { client, clock, transport } = await hosted();
    await client.stop();
    expect(() => client.start()).toThrow(STOPPED);
    expect([client.phase, clock.pending, transport.dials]).toEqual(["stopped", 0, 0]);
  });

  test("resolves while the store is still loading, whose state then starts nothing", async () => {
    let loaded: (state: undefined) => void = () => undefined;
    const load = () => new Promise<undefined>((resolve) => (loaded = resolve));
    const saved: unknown[] = [];
    const { client, clock, transport } = await running({ store: { load, save: (state) => void saved.push(state) } });
    const stopped = client.stop();
    await clock.advance(0);
    await stopped;
    expect([client.phase, clock.pending]).toEqual(["stopped", 0]);
    loaded(undefined);
    await clock.advance(60_000);
    expect([transport.dials, saved]).toEqual([0, []]);
  });

  test.each(["connecting", "reporting", "waiting"])("resolves without waiting in the phase %s", async (phase) => {
    const { client, clock, transport } = await hosted({}, { onMessage: () => null });
    if (phase === "connecting") transport.hang();
    if (phase === "waiting") transport.refuse();
    client.start();
    await clock.advance(0);
    expect(client.phase).toBe(phase);
    const stopped = client.stop();
    await clock.advance(0);
    await stopped;
    expect([client.phase, clock.pending]).toEqual(["stopped", 0]);
  });

  test("with no time at all does not wait for the server", async () => {
    const { client, clock, transport } = await running();
    transport.hang();
    const stopped = client.stop({ timeoutMs: 0 });
    await clock.advance(0);
    await stopped;
    expect([client.phase, clock.pending]).toEqual(["stopped", 0]);
  });

  test("waits for a server that ignores agent_disconnect only as long as its limit", async () => {
    const { client, clock, transport } = await running();
    transport.hang();
    let isStopped = false;
    const stopped = client.stop({ timeoutMs: 300 }).then(() => {
      isStopped = true;
    });
    await clock.advance(299);
    expect(isStopped).toBe(false);
    await clock.advance(1);
    await stopped;
    expect(clock.pending).toBe(0);
  });

  test("resolves inside a handler, provider or listener, awaited or not", async () => {
    const inside = {
      remoteConfig: (stop: () => Promise<void>) => ({ remoteConfig: { apply: stop } }),
      effectiveConfig: (stop: () => Promise<void>) => ({
        effectiveConfig: async () => {
          await stop();
          return { a: { body: "1" } };
        },
      }),
      restart: (stop: () => Promise<void>) => ({ restart: stop }),
    };
    for (const make of Object.values(inside)) {
      const host = await hosted(make(() => host.client.stop()));
      host.client.start();
      host.agent.offerConfig({ a: "1" });
      host.agent.restart();
      await host.clock.advance(0);
      await host.client.stop();
      expect([host.client.phase, host.clock.pending, host.escaped]).toEqual(["stopped", 0, []]);
    }
  });

  test("resolves inside a listener in every phase", async () => {
    for (const when of ["connecting", "reporting", "online", "closing", "stopped"]) {
      const { client, clock, escaped } = await hosted();
      let fromInside: Promise<void> | undefined;
      client.on("phase", ({ phase }) => {
        if (phase === when) fromInside = client.stop();
      });
      client.start();
      await clock.advance(0);
      const outside = client.stop();
      await outside;
      expect(fromInside).toBe(outside);
      expect([client.phase, clock.pending, escaped]).toEqual(["stopped", 0, []]);
    }
  });

  test("resolves inside a custom message handler", async () => {
    const { agent, client, clock } = await running();
    const channel = client.customCapability("com.example.a");
    channel.onMessage(() => client.stop());
    agent.sendCustom("com.example.a", "1");
    await clock.advance(0);
    await client.stop();
    expect(client.phase).toBe("stopped");
  });

  test("aborts a running handler and ignores its outcome", async () => {
    const signals: AbortSignal[] = [];
    let end: () => void = () => undefined;
    const { agent, client, clock, errors } = await running({
      remoteConfig: {
        apply(_, { signal }) {
          signals.push(signal);
          return new Promise<void>((resolve) => (end = resolve));
        },
      },
    });
    agent.offerConfig({ a: "1" });
    await clock.advance(0);
    await client.stop();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    expect(signals[0]?.reason).toMatchObject({ code: "ERR_OPAMP_HANDLER" });
    const heard = agent.received.length;
    end();
    await clock.advance(3_600_000);
    expect(agent.received).toHaveLength(heard);
    expect([agent.remoteConfig?.status, errors]).toEqual(["applying", []]);
  });

  test("rejects pending sends and waits, and ends iterations", async () => {
    const { client, clock, escaped } = await running();
    const channel = client.customCapability("com.example.a");
    const sent = expect(channel.send("never announced")).rejects.toThrow(STOPPED);
    const read = (async () => {
      for await (const _ of channel) throw new Error("nothing was sent");
      return "ended";
    })();
    const late = await hosted();
    const connected = expect(late.client.connected()).rejects.toThrow(STOPPED);
    await clock.advance(0);
    await Promise.all([client.stop(), late.client.stop()]);
    await Promise.all([sent, connected]);
    expect(await read).toBe("ended");
    await expect(channel.send("after the end")).rejects.toThrow(STOPPED);
    await expect(client.connected()).rejects.toThrow(STOPPED);
    expect(escaped).toEqual([]);
  });

  test("rejects no promise unhandled if nobody waits for a message", async () => {
    const { client, clock, escaped } = await running({ customMessages: { max: 1 } });
    const channel = client.customCapability("com.example.a");
    void channel.send("never announced");
    void channel.send("one too many");
    await clock.advance(0);
    await client.stop();
    void channel.send("after the end");
    await nextTurn();
    await nextTurn();
    expect(escaped).toEqual([]);
  });

  test("makes every later setter throw", async () => {
    const { client } = await running({ remoteConfig: { apply: never } });
    await client.stop();
    const setters = {
      start: () => client.start(),
      reconnect: () => client.reconnect(),
      setDescription: () => client.setDescription({ identifying: { a: 1 } }),
      setHealth: () => client.setHealth({ healthy: true }),
      setHandlers: () => client.setHandlers({}),
      refreshEffectiveConfig: () => client.refreshEffectiveConfig(),
      retryRemoteConfig: () => client.retryRemoteConfig(),
      customCapability: () => client.customCapability("com.example.a"),
    };
    for (const [name, set] of Object.entries(setters)) expect(set, name).toThrow(STOPPED);
    expect(client.on("phase", () => undefined).off("phase", () => undefined)).toBe(client);
  });
});

/** What a client may have left behind, by kind. */
function resources(): string[] {
  return process.getActiveResourcesInfo().filter((name) => /Timeout|Immediate|TCPSocketWrap|TCPConnectWrap/.test(name));
}

/** Lets closed handles go: within some turns there are no more resources than that. */
async function shrinksTo(count: number): Promise<void> {
  for (let turns = 0; turns < 100 && resources().length > count; turns++) await nextTurn();
  expect(resources().length, resources().join()).toBeLessThanOrEqual(count);
}

test.each(["url", "httpUrl"] as const)("a stopped client leaves no timer and no socket: %s", async (url) => {
  const server = await OpAMPServer.start();
  onTestFinished(() => server.close());
  const escaped = escapes();
  const live = async () => {
    const client = new OpAMPClient({
      url: server[url],
      description: { identifying: { a: 1 } },
      heartbeat: { intervalMs: 5 },
      // What holds a process is what shows.
      keepAlive: true,
    });
    client.start();
    await client.connected({ timeoutMs: 60_000 });
    await client.stop();
    await server.until(({ sockets }) => sockets.open === 0);
  };
  await live();
  const before = resources().length;
  for (let i = 0; i < 5; i++) await live();
  await shrinksTo(before);
  expect(escaped).toEqual([]);
});

test.each(["url", "httpUrl"] as const)(
  "a client that never reached its server leaves no timer and no socket: %s",
  async (url) => {
    const server = await OpAMPServer.start();
    const address = server[url];
    await server.close();
    const live = async () => {
      const client = new OpAMPClient({ url: address, description: { identifying: { a: 1 } }, keepAlive: true });
      const failed = new Promise((resolve) => client.once("error", resolve));
      const rejected = expect(client.connected({ timeoutMs: 60_000 })).rejects.toThrow(STOPPED);
      client.start();
      await failed;
      await client.stop();
      await rejected;
    };
    await live();
    const before = resources().length;
    for (let i = 0; i < 5; i++) await live();
    await shrinksTo(before);
  },
);

describe("stop over HTTP after a failed request", () => {
  /** A client whose second request is answered with this status. */
  async function refused(status: number, headers: Record<string, string> = {}) {
    const office = await startPostOffice();
    const client = makeClient({ url: office.url, backoff: { minMs: 60_000 }, timeouts: { closeMs: 30_000 } });
    client.start();
    acknowledge(await office.posts.next());
    await client.connected();
    const waiting = new Promise<void>((resolve) => client.on("phase", ({ phase }) => phase === "waiting" && resolve()));
    client.setHealth({ healthy: true });
    (await office.posts.next()).response.writeHead(status, headers).end();
    await waiting;
    return { client, office };
  }

  verifies("CLOSE-04", "sends one last request with agent_disconnect alone, and resolves with its answer", async () => {
    const { client, office } = await refused(500);
    const stopped = client.stop();
    const last = await office.posts.next();
    expect([last.message.agentDisconnect !== undefined, last.message.health]).toEqual([true, undefined]);
    acknowledge(last);
    await stopped;
    expect(client.phase).toBe("stopped");
  });

  test("sends nothing in a pause that the server asked for", async () => {
    const { client, office } = await refused(503, { "retry-after": "60" });
    await client.stop();
    expect([client.phase, office.posts.all.length]).toEqual(["stopped", 2]);
  });
});
