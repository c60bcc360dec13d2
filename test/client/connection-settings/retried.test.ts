import { describe, expect, test } from "vitest";
import { recorded } from "./disk.js";
import { known, type Moved, moved, NEW, OLD, offer } from "./moved.js";
import { headers } from "./offers.js";

const [UNSET, APPLIED, FAILED] = [0, 1, 3];
const DIED =
  "the process ended 3 times while these settings were tried (find out why; retryConnectionSettings() on the agent tries them again, and so does an offer with another hash)";

/** The same disk, and another process on it. */
async function restarted(agent: Moved, disk: ReturnType<typeof recorded>, given: Parameters<typeof moved>[0] = {}) {
  const stopped = agent.client.stop();
  await agent.clock.advance(5_000);
  await stopped;
  const later = await moved({ store: disk.store, servers: agent.servers, ...given });
  await later.clock.advance(100);
  return later;
}

/** An agent whose server has not answered, told so, and the state on its disk. */
async function failed() {
  const disk = recorded();
  const agent = await moved({ store: disk.store });
  agent.servers.new.misbehave({ mode: "silence", times: 1_000 });
  await offer(agent, { destinationEndpoint: NEW, headers: headers(["x-token", "1"]) });
  await agent.clock.advance(70_000);
  expect(known(agent.servers.old, agent)?.[0]).toBe(FAILED);
  agent.servers.new.behave();
  return { agent, disk };
}

/** An agent whose process has died three times of what it was offered. */
async function died() {
  let disk = recorded();
  let agent = await moved({ store: disk.store });
  const { servers } = agent;
  servers.new.misbehave({ mode: "silence", times: 1_000 });
  await offer(agent, { destinationEndpoint: NEW });
  for (let deaths = 1; deaths <= 3; deaths++) {
    // What the process would do at its end is not on this disk.
    disk = recorded(disk.now());
    agent = await restarted(agent, disk);
    await agent.clock.advance(500);
  }
  servers.new.behave();
  return { agent, disk };
}

describe("settings that failed before a restart", () => {
  test("are forgotten when they are retried, so that the server sends them again under the same hash", async () => {
    const { agent, disk } = await failed();
    const later = await restarted(agent, disk);
    expect(known(later.servers.old, later)?.slice(0, 2)).toEqual([FAILED, 1]);
    later.client.retryConnectionSettings();
    await later.clock.advance(500);
    expect(known(later.servers.old, later)).toEqual([UNSET, undefined, ""]);
    await offer(later, { destinationEndpoint: NEW, headers: headers(["x-token", "1"]) });
    await later.clock.advance(2_000);
    expect(known(later.servers.new, later)).toEqual([APPLIED, 1, ""]);
  });

  test("stay forgotten over the next restart, and leave what is in force", async () => {
    const disk = recorded();
    const first = await moved({ store: disk.store });
    await offer(first, { destinationEndpoint: NEW, heartbeatIntervalSeconds: 17n });
    await first.clock.advance(2_000);
    first.servers.new.agent(first.client.instanceUid).send({
      connectionSettings: { hash: Uint8Array.of(2), opamp: { destinationEndpoint: "wss://elsewhere.example.org" } },
    });
    await first.clock.advance(500);
    const second = await restarted(first, disk);
    expect(known(second.servers.new, second)?.slice(0, 2)).toEqual([FAILED, 2]);
    second.client.retryConnectionSettings();
    await second.clock.advance(500);
    const third = await restarted(second, disk);
    expect(known(third.servers.new, third)).toEqual([UNSET, undefined, ""]);
    expect([third.dialled, third.intervals]).toEqual([["new"], [17_000]]);
    expect(third.client.connection).toMatchObject({ endpoint: NEW, source: "server" });
  });

  test("are left alone where they were applied, and where nothing was offered", async () => {
    const disk = recorded();
    const first = await moved({ store: disk.store });
    await offer(first, { destinationEndpoint: OLD, headers: headers(["a", "b"]) });
    await first.clock.advance(2_000);
    const second = await restarted(first, disk);
    second.client.retryConnectionSettings();
    await second.clock.advance(500);
    expect(known(second.servers.old, second)?.slice(0, 2)).toEqual([APPLIED, 1]);
  });
});

describe("settings that the process died of three times", () => {
  test("have failed where the agent starts, which its host is told", async () => {
    const { agent } = await died();
    expect(agent.statuses).toEqual([`failed: ${DIED}`]);
    expect(agent.client.connection).toMatchObject({ state: "rolledBack", endpoint: OLD, source: "options" });
    expect(known(agent.servers.old, agent)).toEqual([FAILED, 1, DIED]);
  });

  test("are tried again when they are retried, by the same process", async () => {
    const { agent } = await died();
    agent.client.retryConnectionSettings();
    await agent.clock.advance(2_000);
    expect(known(agent.servers.new, agent)).toEqual([APPLIED, 1, ""]);
  });

  test("are tried again when they are retried by a later process, and the server sends them", async () => {
    const { agent, disk } = await died();
    const later = await restarted(agent, disk);
    later.client.retryConnectionSettings();
    await later.clock.advance(500);
    expect(known(later.servers.old, later)?.[0]).toBe(UNSET);
    const last = await restarted(later, disk);
    await offer(last, { destinationEndpoint: NEW });
    await last.clock.advance(2_000);
    expect(known(last.servers.new, last)).toEqual([APPLIED, 1, ""]);
  });
});

test("candidates that are no longer allowed at a start have failed, which the host is told", async () => {
  const disk = recorded();
  const agent = await moved({ store: disk.store });
  agent.servers.new.misbehave({ mode: "silence", times: 1_000 });
  await offer(agent, { destinationEndpoint: NEW });
  const later = await restarted(agent, disk, { policy: { endpoints: ["old.example.com"] } });
  await later.clock.advance(500);
  expect(later.statuses).toEqual([expect.stringMatching(/^failed: .*may be moved to/)]);
  expect(later.client.connection?.state).toBe("rolledBack");
});

test("handlers that fail at a start are told in the offer event too", async () => {
  const disk = recorded();
  let isBroken = false;
  const apply = () => {
    if (isBroken) throw new Error("no such exporter");
  };
  const settings = { ownMetrics: { apply } };
  const agent = await moved({ store: disk.store, settings });
  const ownMetrics = { destinationEndpoint: "https://m.example.com" };
  agent.servers.old
    .agent(agent.client.instanceUid)
    .send({ connectionSettings: { hash: Uint8Array.of(1), ownMetrics } });
  await agent.clock.advance(500);
  isBroken = true;
  const later = await restarted(agent, disk, { settings });
  await later.clock.advance(500);
  expect(later.statuses).toEqual(["failed: own_metrics: no such exporter"]);
});
