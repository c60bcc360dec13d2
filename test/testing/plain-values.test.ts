import { deepStrictEqual } from "node:assert";
import { expect, test } from "vitest";
import type { Health } from "../../src/index.js";
import { full, UID_TEXT, uid } from "../server/bare-peers.js";
import { dial, startServer } from "../server/server-fixture.js";
import { meetInMemory } from "./failing-waits.js";

test("the remote config of an agent is told in words, and undefined before the first report", async () => {
  const rejects: string[] = [];
  const apply = () => (rejects.length === 0 ? undefined : Promise.reject(new Error(rejects[0])));
  const { agent, server } = await meetInMemory({ remoteConfig: { apply } });
  expect(server.agent(uid()).remoteConfig).toBeUndefined();
  await agent.until((seen) => seen.remoteConfig !== undefined);
  expect(agent.remoteConfig).toEqual({ status: "unset", hash: new Uint8Array(), error: "" });
  expect([agent.hasApplied(), agent.hasFailed()]).toEqual([false, false]);

  const good = agent.offerConfig({ "a.yaml": "a: 1" });
  await agent.until((seen) => seen.hasApplied());
  expect(agent.remoteConfig).toEqual({ status: "applied", hash: good, error: "" });

  rejects.push("no disk");
  const bad = agent.offerConfig({ "a.yaml": { body: Uint8Array.of(1), contentType: "text/yaml" } });
  await agent.until((seen) => seen.hasFailed());
  expect(agent.remoteConfig).toEqual({ status: "failed", hash: bad, error: "no disk" });
  expect([agent.hasApplied(), agent.hasFailed(good), agent.hasFailed(bad)]).toEqual([false, false, true]);
  expect(agent.reported.remoteConfigStatus).toMatchObject({ status: 3, lastRemoteConfigHash: bad });
  expect(agent.remoteConfigStatus).toBe(agent.reported.remoteConfigStatus);
});

test("each status has its word", async () => {
  const server = await startServer();
  const peer = await dial(server);
  const words: (string | undefined)[] = [];
  for (const status of [0, 1, 2, 3]) {
    await peer.exchange(full(status + 1, { remoteConfigStatus: { status, lastRemoteConfigHash: uid() } }));
    words.push(server.agent(uid()).remoteConfig?.status);
  }
  expect(words).toEqual(["unset", "applied", "applying", "failed"]);
});

test("health is what the client set, with no member that it did not report", async () => {
  const { agent, client } = await meetInMemory({ health: { healthy: true } });
  const health: Health = {
    healthy: false,
    status: "StatusPermanentError",
    lastError: "no disk",
    startTime: 1_700_000_000_123_456_789n,
    statusTime: 1_700_000_001_000_000_000n,
    attributes: { retries: 3, path: "/var" },
    components: {
      exporter: { healthy: true, statusTime: 5n, components: { queue: { healthy: true, statusTime: 6n } } },
    },
  };
  client.setHealth(health);
  await agent.until((seen) => seen.health?.healthy === false);
  expect(agent.health).toStrictEqual(health);
  deepStrictEqual(agent.health, health);
  client.setHealth(agent.health ?? health);
});

test("health without times or words has just the member that is always there", async () => {
  const server = await startServer();
  const peer = await dial(server);
  await peer.exchange(full(1, { health: { healthy: true } }));
  const agent = server.agent(UID_TEXT);
  expect(agent.health).toStrictEqual({ healthy: true });
  expect(agent.reported.health).toMatchObject({ healthy: true, lastError: "" });
});

test("attributes and capabilities compare with plain values", async () => {
  const { agent, client } = await meetInMemory({ health: { healthy: true } });
  deepStrictEqual(agent.attributes.identifying, { "service.name": "my-agent" });
  expect(agent.capabilities).toEqual(new Set(["reportsStatus", "reportsHealth", "reportsHeartbeat"]));
  expect(agent.capabilities.has("acceptsRemoteConfig")).toBe(false);
  expect(agent.capabilityMask).toBe(client.capabilityMask);
});

test("custom messages come with their text, and are announced by sending or waiting for them", async () => {
  const { agent, client } = await meetInMemory();
  const pong = client.customCapability("com.example.pong");
  const ping = client.customCapability("com.example.ping");
  ping.onMessage(({ type, data }) => void ping.send(`${type} back`, data));
  void pong.send("early", "é");

  const early = await agent.receiveCustom("com.example.pong", "early");
  expect(early).toMatchObject({ capability: "com.example.pong", type: "early", data: Uint8Array.of(0xc3, 0xa9) });
  expect(early.text()).toBe("é");

  agent.sendCustom("com.example.ping", "ping", "text");
  const back = await agent.receiveCustom("com.example.ping", "ping back");
  expect(back.text()).toBe("text");
  expect(agent.customMessages.map(({ type }) => type)).toEqual(["early", "ping back"]);
  expect(await agent.receiveCustom("com.example.pong", "early")).toEqual({ ...early, text: expect.any(Function) });
});
