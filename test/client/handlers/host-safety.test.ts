import { getEventListeners } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { ApplyContext, ConfigFiles, RemoteConfig, Store } from "../../../src/index.js";
import { hosted, running, throwables } from "../hosted.js";

const _FAILED = 3;
const never = (): Promise<never> => new Promise(() => undefined);

describe.each(throwables)("when the host throws %s", (_, thrown, text) => {
  const fails = {
    "at once": () => {
      throw thrown();
    },
    later: async () => {
      await nextTurn();
      throw thrown();
    },
  };

  test.each(Object.entries(fails))(
    "a remote config handler that throws it %s fails the offer",
    async (_when, apply) => {
      const { agent, client, clock, escaped, errors } = await running({ remoteConfig: { apply } });
      agent.offerConfig({ a: "1" });
      await clock.advance(0);
      expect(agent.remoteConfig?.status).toBe("failed");
      expect(agent.remoteConfig?.error).toContain(text);
      expect(errors).toEqual(["ERR_OPAMP_HANDLER"]);
      expect([client.phase, escaped]).toEqual(["online", []]);
    },
  );

  test.each(Object.entries(fails))(
    "a provider of the effective config that throws it %s is left out",
    async (_when, provide) => {
      const { agent, clock, client, escaped, errors } = await running({ effectiveConfig: provide });
      await clock.advance(0);
      expect(agent.reported.description).toBeDefined();
      expect(errors).toEqual(["ERR_OPAMP_HANDLER"]);
      expect([client.phase, escaped]).toEqual(["online", []]);
    },
  );

  test.each(Object.entries(fails))("a restart handler that throws it %s is reported", async (_when, restart) => {
    const { agent, clock, client, escaped, errors } = await running({ restart, health: { healthy: true } });
    agent.restart();
    await clock.advance(0);
    expect(agent.health?.lastError).toContain(text);
    expect(errors).toEqual(["ERR_OPAMP_HANDLER"]);
    expect([client.phase, escaped]).toEqual(["online", []]);
  });

  test.each(Object.entries(fails))(
    "a custom message handler that throws it %s gets the next message",
    async (_when, fail) => {
      const { agent, clock, client, escaped, errors } = await running();
      const seen: string[] = [];
      client.customCapability("com.example.a").onMessage(({ type }) => {
        seen.push(type);
        return fail();
      });
      agent.sendCustom("com.example.a", "1");
      agent.sendCustom("com.example.a", "2");
      await clock.advance(0);
      expect(seen).toEqual(["1", "2"]);
      expect(errors).toEqual(["ERR_OPAMP_HANDLER", "ERR_OPAMP_HANDLER"]);
      expect([client.phase, escaped]).toEqual(["online", []]);
    },
  );

  test.each(Object.entries(fails))(
    "listeners and loggers that throw it %s affect nothing else",
    async (_when, fail) => {
      const phases: string[] = [];
      const { agent, client, clock, escaped } = await hosted({
        logger: { debug: fail, info: fail, warn: fail, error: fail },
        remoteConfig: { apply: () => undefined },
      });
      for (const name of ["phase", "error", "offer", "serverCapabilities"] as const) client.on(name, fail);
      client.once("phase", fail);
      client.on("phase", ({ phase }) => phases.push(phase));
      client.start();
      agent.offerConfig({ a: "1" });
      await clock.advance(0);
      agent.sendText("no message");
      await clock.advance(0);
      expect(agent.hasApplied()).toBe(true);
      expect(phases).toEqual(["connecting", "reporting", "online"]);
      expect(escaped).toEqual([]);
    },
  );

  test.each(Object.entries(fails))(
    "a store that throws it %s leaves the client running without it",
    async (_when, fail) => {
      const store: Store = { load: () => fail(), save: () => fail() };
      const { agent, client, clock, escaped, errors } = await running({
        store,
        remoteConfig: { apply: () => undefined },
      });
      await clock.advance(0);
      agent.offerConfig({ a: "1" });
      await clock.advance(0);
      expect(agent.hasApplied()).toBe(true);
      expect(new Set(errors)).toEqual(new Set(["ERR_OPAMP_STORE"]));
      expect([client.phase, escaped]).toEqual(["online", []]);
    },
  );

  test("a transport that throws it loses its connection and is dialled again", async () => {
    const broken: string[] = [];
    let call = "open";
    const { client, clock, transport, escaped } = await hosted();
    const fickle = {
      duplex: true,
      name: "fickle",
      open: (sink: Parameters<typeof transport.open>[0]) => (call === "open" ? fail() : transport.open(sink)),
      send: (payload: Uint8Array) => (call === "send" ? fail() : transport.send(payload)),
      ping: () => transport.ping(),
      close: (code: number, reason: string) => (call === "close" ? fail() : transport.close(code, reason)),
    };
    function fail(): never {
      broken.push(call);
      throw thrown();
    }
    await client.stop();
    const second = await hosted({ transport: fickle, clock });
    second.client.start();
    await clock.advance(0);
    expect(second.client.phase).toBe("waiting");
    call = "send";
    await clock.advance(60_000);
    call = "close";
    await clock.advance(60_000);
    expect(second.client.phase).toBe("online");
    const stopped = second.client.stop();
    await clock.advance(60_000);
    await stopped;
    expect(new Set(broken)).toEqual(new Set(["open", "send", "close"]));
    expect(escaped).toEqual([]);
  });
});

describe("what never ends", () => {
  test("an effective config that never comes is requested again at the next refresh", async () => {
    const answers: (() => Promise<ConfigFiles>)[] = [never, never, async () => ({ a: { body: "at last" } })];
    const { agent, client, clock, errors } = await running({ effectiveConfig: () => (answers.shift() ?? never)() });
    expect(agent.received).toEqual([]);
    await clock.advance(5_000);
    expect(agent.reported.description).toBeDefined();
    expect(errors).toEqual(["ERR_OPAMP_HANDLER"]);
    client.refreshEffectiveConfig();
    await clock.advance(5_000);
    client.refreshEffectiveConfig();
    await clock.advance(0);
    expect(agent.effectiveFiles["a"]?.text()).toBe("at last");
  });

  test("an effective config that comes too late is reported when it comes, unless there is a newer one", async () => {
    const answers: ((files: ConfigFiles) => void)[] = [];
    const { agent, client, clock } = await running({
      effectiveConfig: () => new Promise<ConfigFiles>((resolve) => answers.push(resolve)),
    });
    await clock.advance(5_000);
    answers[0]?.({ a: { body: "late" } });
    await clock.advance(0);
    expect(agent.effectiveFiles["a"]?.text()).toBe("late");

    client.refreshEffectiveConfig();
    await clock.advance(5_000);
    client.refreshEffectiveConfig();
    await clock.advance(0);
    answers[2]?.({ a: { body: "newer" } });
    await clock.advance(0);
    answers[1]?.({ a: { body: "older" } });
    await clock.advance(0);
    expect(agent.effectiveFiles["a"]?.text()).toBe("newer");
  });

  test("an effective config that is refreshed faster than it comes neither silences the agent nor goes missing", async () => {
    const { agent, client, clock } = await hosted({
      effectiveConfig: () => {
        return new Promise<ConfigFiles>((resolve) => {
          clock.after(1_000, () => resolve({ a: { body: `at ${clock.now()}` } }));
        });
      },
    });
    client.start();
    for (let i = 0; i < 40; i++) {
      client.setHealth({ healthy: true, status: `${i}` });
      client.refreshEffectiveConfig();
      await clock.advance(500);
    }
    expect(agent.received.filter(({ health }) => health !== undefined).length).toBeGreaterThan(2);
    expect(agent.reported.effectiveConfig).toBeDefined();
    await clock.advance(10_000);
    expect(agent.effectiveFiles["a"]?.text()).toMatch(/^at (195|2\d\d)\d\d$/);
  });

  test("a provider that refreshes itself starves nothing else", async () => {
    const { client, clock } = await hosted({ effectiveConfig: () => ({ a: { body: "1" } }) });
    let calls = 0;
    client.setHandlers({
      effectiveConfig: async () => {
        calls += 1;
        if (calls < 10_000) client.refreshEffectiveConfig();
        return { a: { body: `${calls}` } };
      },
    });
    client.start();
    await nextTurn();
    await nextTurn();
    expect(calls).toBeLessThan(10);
    client.setHandlers({ effectiveConfig: undefined });
    await clock.advance(10_000);
    expect(client.phase).toBe("online");
  });

  test("a listener that retries at once starves nothing else", async () => {
    let calls = 0;
    const { agent, client } = await running({
      remoteConfig: {
        apply() {
          calls += 1;
          if (calls < 10_000) throw new Error("not yet");
        },
      },
    });
    client.on("offer", ({ status }) => {
      if (status === "failed" && client.phase === "online") client.retryRemoteConfig();
    });
    agent.offerConfig({ a: "1" });
    await nextTurn();
    await nextTurn();
    expect(calls).toBeLessThan(10);
    await client.stop();
  });

  test("a remote config handler that never ends times out, and so does the next", async () => {
    const { agent, clock, client } = await running({ remoteConfig: { apply: never }, timeouts: { applyMs: 1_000 } });
    for (const body of ["1", "2"]) {
      agent.offerConfig({ a: body });
      await clock.advance(1_000);
      expect(agent.remoteConfig?.status).toBe("failed");
    }
    await client.stop();
    expect(clock.pending).toBe(0);
  });

  test("a store that never loads holds the client up for thirty seconds only", async () => {
    const { agent, client, clock, errors } = await running({ store: { load: never, save: () => undefined } });
    await clock.advance(29_999);
    expect(client.phase).toBe("idle");
    await clock.advance(1);
    expect(agent.reported.description).toBeDefined();
    expect(errors).toEqual(["ERR_OPAMP_STORE"]);
  });

  test("a store that never saves does not hold up the end", async () => {
    const { client, clock } = await running({ store: { load: () => undefined, save: never } });
    const stopped = client.stop({ timeoutMs: 500 });
    await clock.advance(500);
    await stopped;
    expect(client.phase).toBe("stopped");
  });

  test("a custom message handler that never ends only makes messages drop, which are counted", async () => {
    const { agent, client, clock } = await running();
    const channel = client.customCapability("com.example.a");
    channel.onMessage(never);
    for (let i = 0; i < 20; i++) agent.sendCustom("com.example.a", `${i}`);
    await clock.advance(0);
    expect(channel.dropped).toBe(9);
    client.setHealth({ healthy: true });
    await clock.advance(0);
    expect(agent.health?.healthy).toBe(true);
  });

  test("a restart handler that never ends blocks nothing", async () => {
    const { agent, client, clock } = await running({ restart: never });
    agent.restart();
    client.setHealth({ healthy: true });
    await clock.advance(0);
    expect(agent.health?.healthy).toBe(true);
  });
});

test("a copy of a handler's context has its signal, which aborts for a newer offer", async () => {
  const contexts: ApplyContext[] = [];
  const apply = (_config: RemoteConfig, context: ApplyContext): Promise<void> => {
    contexts.push({ ...context });
    return never();
  };
  const { agent, clock } = await running({ remoteConfig: { apply } });
  for (const text of ["1", "2"]) {
    agent.offerConfig({ a: text });
    await clock.advance(0);
  }
  expect(contexts).toEqual([{ previous: undefined, signal: expect.any(AbortSignal) }]);
  expect(contexts[0]?.signal.aborted).toBe(true);
});

describe("what is left behind", () => {
  test("a wait for a connection that is over leaves nothing on its signal", async () => {
    const { client, clock, transport } = await hosted();
    transport.refuse();
    client.start();
    const { signal } = new AbortController();
    const waits = Array.from({ length: 20 }, () => client.connected({ signal, timeoutMs: 10 }));
    expect(getEventListeners(signal, "abort")).toHaveLength(20);
    const outcomes = Promise.allSettled(waits);
    const pending = clock.pending;
    await clock.advance(10);
    expect(new Set((await outcomes).map(({ status }) => status))).toEqual(new Set(["rejected"]));
    expect(getEventListeners(signal, "abort")).toEqual([]);
    expect(clock.pending).toBe(pending - 20);
    await expect(client.connected({ signal: AbortSignal.abort("gone") })).rejects.toBe("gone");
  });

  test("a listener that was removed gets no more events, even one that listens once", async () => {
    const { client, clock } = await hosted();
    let heard = 0;
    const listener = (): void => {
      heard += 1;
    };
    client.on("phase", listener).once("phase", listener).off("phase", listener);
    client.once("error", listener).off("error", listener);
    client.start();
    await clock.advance(0);
    expect(heard).toBe(0);
  });

  test("a client with many reconnects has one timer and one connection", async () => {
    const { agent, client, clock, transport } = await running({ remoteConfig: { apply: never } });
    for (let i = 0; i < 50; i++) {
      agent.offerConfig({ a: `${i}` });
      await clock.advance(1_000);
      transport.drop();
      await clock.advance(60_000);
      expect(clock.pending).toBe(1);
    }
    expect(client.phase).toBe("online");
    expect(agent.connections).toMatchObject({ open: 1, maxOpen: 1 });
  });
});
