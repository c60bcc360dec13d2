import { describe, expect, test } from "vitest";
import { memoryStore, type RemoteConfig, type Store, type StoredState } from "../../../src/index.js";
import { verifies } from "../../conformance/verifies.js";
import { ended, hosted, running } from "../hosted.js";

/** A memory store that tells what was saved. */
function noted(initial?: StoredState): { store: Store; saved: StoredState[] } {
  const saved: StoredState[] = [];
  const inner = memoryStore(initial);
  return { saved, store: { load: inner.load, save: (state) => inner.save(saved[saved.push(state) - 1] ?? {}) } };
}

/** A handler that notes what it is given as `previous`, and may fail. */
function handler(fails: () => boolean = () => false) {
  const previous: (RemoteConfig | undefined)[] = [];
  return {
    previous,
    remoteConfig: {
      apply(_: RemoteConfig, context: { previous: RemoteConfig | undefined }) {
        previous.push(context.previous);
        if (fails()) throw new Error("cannot bind");
      },
    },
  };
}

describe("the config that was applied last", () => {
  test("is saved together with its outcome, in one save", async () => {
    const { store, saved } = noted();
    const { agent, clock } = await running({ store, remoteConfig: handler().remoteConfig });
    const hash = agent.offerConfig({ "a.yaml": { body: "a: 1", contentType: "text/yaml" } });
    await clock.advance(0);
    const config = { hash, files: { "a.yaml": { body: new TextEncoder().encode("a: 1"), contentType: "text/yaml" } } };
    expect(saved.filter(({ remoteConfig, lastGoodConfig }) => remoteConfig ?? lastGoodConfig)).toEqual([
      { instanceUid: agent.uid, remoteConfig: { hash, status: "applied", error: "" }, lastGoodConfig: config },
    ]);
  });

  verifies(
    ["CFG-03", "CFG-05"],
    "is what a handler gets as the previous one after a restart, whatever failed since",
    async () => {
      const store = memoryStore();
      let fails = false;
      const first = handler(() => fails);
      const { agent, clock, client } = await running({ store, remoteConfig: first.remoteConfig });
      const good = agent.offerConfig({ a: "1", "": "nameless" });
      await clock.advance(0);
      fails = true;
      agent.offerConfig({ a: "2" });
      await clock.advance(0);
      expect(first.previous.map((config) => config?.hash)).toEqual([undefined, good]);
      await ended(client, clock);

      const second = handler();
      const next = await running({ store, remoteConfig: second.remoteConfig });
      next.server.agent(next.client.instanceUid).offerConfig({ a: "3" });
      await next.clock.advance(0);
      const [previous] = second.previous;
      expect(previous?.hash).toEqual(good);
      expect(Object.keys(previous?.files ?? {})).toEqual(["a", ""]);
      expect([previous?.files["a"]?.text(), previous?.files[""]?.text(), previous?.isEmpty]).toEqual([
        "1",
        "nameless",
        false,
      ]);
      expect(() => previous?.files["a"]?.json()).not.toThrow();
    },
  );

  test.each<[string, (config: RemoteConfig) => void]>([
    ["has a body of text", (config) => void Object.assign(config.files["a"] ?? {}, { body: "text" })],
    ["is null", (config) => void Object.assign(config.files, { a: null })],
    ["is missing", (config) => void Object.assign(config, { files: null })],
  ])("is not stored when its handler changes it so that a file %s, but the outcome is", async (_, apply) => {
    const { store, saved } = noted();
    const { agent, clock, errors, escaped } = await running({ store, remoteConfig: { apply } });
    const hash = agent.offerConfig({ a: "1" });
    await clock.advance(0);
    expect(agent.hasApplied(hash)).toBe(true);
    expect(saved.at(-1)).toEqual({ instanceUid: agent.uid, remoteConfig: { hash, status: "applied", error: "" } });
    expect([errors, escaped]).toEqual([["ERR_OPAMP_STORE"], []]);
  });

  test("stays, where a config that failed before a restart is retried: the server sends it again, and it runs", async () => {
    const { store, saved } = noted();
    let fails = false;
    const { agent, clock, client } = await running({ store, remoteConfig: handler(() => fails).remoteConfig });
    const good = agent.offerConfig({ a: "1" });
    await clock.advance(0);
    fails = true;
    agent.offerConfig({ a: "2" });
    await clock.advance(0);
    await ended(client, clock);

    const later = handler();
    const next = await running({ store, remoteConfig: later.remoteConfig });
    const its = next.server.agent(next.client.instanceUid);
    expect(its.remoteConfigStatus?.status).toBe(3);
    next.client.retryRemoteConfig();
    await next.clock.advance(0);
    expect([its.remoteConfigStatus?.status, saved.at(-1)?.remoteConfig]).toEqual([0, undefined]);
    its.offerConfig({ a: "2" });
    await next.clock.advance(0);
    expect(later.previous.map((config) => config?.hash)).toEqual([good]);
    expect(its.hasApplied()).toBe(true);
  });

  verifies("MSG-01", "is never one that a newer offer has overtaken, even if its handler resolves", async () => {
    const { store, saved } = noted();
    const ends: (() => void)[] = [];
    const apply = () => new Promise<void>((resolve) => void ends.push(resolve));
    const { agent, clock } = await running({ store, remoteConfig: { apply } });
    agent.offerConfig({ a: "1" });
    await clock.advance(0);
    const newer = agent.offerConfig({ a: "2" });
    await clock.advance(0);
    ends[0]?.();
    await clock.advance(0);
    ends[1]?.();
    await clock.advance(0);
    expect(saved.flatMap(({ lastGoodConfig }) => lastGoodConfig?.hash ?? [])).toEqual([newer]);
  });

  test("is missing while nothing has been applied, and survives other saves", async () => {
    const { store, saved } = noted();
    const { agent, clock } = await running({ store, remoteConfig: handler(() => true).remoteConfig });
    agent.offerConfig({ a: "1" });
    await clock.advance(0);
    expect(saved.at(-1)).toMatchObject({ remoteConfig: { status: "failed", error: "cannot bind" } });
    expect(saved.at(-1)).not.toHaveProperty("lastGoodConfig");
    const lastGoodConfig = { hash: Uint8Array.of(5), files: {} };
    const kept = noted({ lastGoodConfig });
    const next = await running({ store: kept.store });
    expect(kept.saved).toEqual([{ instanceUid: next.agent.uid, lastGoodConfig }]);
  });
});

describe("the heartbeat interval that the server asked for", () => {
  const asks = (seconds: bigint) => ({ connectionSettings: { opamp: { heartbeatIntervalSeconds: seconds } } });

  verifies("HB-02", "survives a restart, within the current bounds, and is reported once", async () => {
    const { store, saved } = noted();
    const { agent, clock, client } = await running({ store });
    for (const seconds of [2n, 2n, 2n]) {
      agent.send(asks(seconds));
      await clock.advance(0);
    }
    await ended(client, clock);
    expect(saved).toEqual([{ instanceUid: agent.uid }, { instanceUid: agent.uid, heartbeatMs: 2_000 }]);

    const told: number[] = [];
    const next = await hosted({ store, heartbeat: { minMs: 5_000 } });
    next.client.on("heartbeatInterval", (intervalMs) => told.push(intervalMs));
    next.client.start();
    await next.clock.advance(0);
    const restarted = next.server.agent(next.client.instanceUid);
    restarted.send(asks(2n));
    await next.clock.advance(0);
    const sofar = restarted.received.length;
    await next.clock.advance(5_000);
    expect([restarted.uid, restarted.received.length - sofar, told]).toEqual([agent.uid, 1, [5_000]]);
  });

  verifies("HB-03", "keeps heartbeats off after a restart if it was 0", async () => {
    const { store } = noted({ heartbeatMs: Number.POSITIVE_INFINITY });
    const { server, client, clock } = await running({ store });
    const agent = server.agent(client.instanceUid);
    const sofar = agent.received.length;
    await clock.advance(3_600_000);
    expect(agent.received.length).toBe(sofar);
  });
});

describe("the end of a client", () => {
  test("closes its store after the last save, before stop resolves", async () => {
    const calls: string[] = [];
    const store: Store = {
      load: () => void calls.push("load"),
      save: async () => {
        calls.push("saving");
        await undefined;
        calls.push("saved");
      },
      close: async () => {
        calls.push("closing");
        await undefined;
        calls.push("closed");
      },
    };
    const { client, clock } = await running({ store });
    await ended(client, clock);
    expect(calls).toEqual(["load", "saving", "saved", "closing", "closed"]);
  });

  test("waits for a store that never closes only as long as the stop's limit", async () => {
    const store: Store = { load: () => undefined, save: () => undefined, close: () => new Promise(() => undefined) };
    const { client, clock } = await running({ store });
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

  test("closes no store that it never loaded", async () => {
    const calls: string[] = [];
    const store: Store = { load: () => undefined, save: () => undefined, close: () => void calls.push("close") };
    const { client, clock } = await running({ store });
    await ended(client, clock);
    const idle = await hosted({ store });
    await ended(idle.client, idle.clock);
    expect(calls).toEqual(["close"]);
  });
});
