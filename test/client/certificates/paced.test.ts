import { describe, expect, test } from "vitest";
import { mayMakeAt, paced } from "../../../src/client/certificates/request-pace.js";
import type { Clock } from "../../../src/index.js";
import { virtualClock } from "../../../src/testing/index.js";
import { recorded } from "../connection-settings/disk.js";
import { ended } from "../hosted.js";
import {
  type Certified,
  certified,
  DAY_MS,
  HOUR_MS,
  issue,
  openStore,
  requestsAt,
  sharedAuthority,
} from "./certified.js";

const MINUTE_MS = 60_000;

/** The server gives another instance uid so many times, a second apart. */
async function renamed(agent: Certified, times: number, from = 0): Promise<void> {
  for (let number = from; number < from + times; number++) {
    const uid = `01890a5d-ac96-774b-bcce-b30209${number.toString(16).padStart(6, "0")}`;
    agent.servers.old.agent(agent.client.instanceUid).assignUid(uid);
    await agent.clock.advance(1_000);
  }
}

test("requests are paced: six at once, one in ten minutes after that, as many as before after an hour, whatever the clock does", () => {
  const now = 1_800_000_000_000;
  let until: number | undefined;
  for (let number = 0; number < 6; number++) {
    expect(mayMakeAt(until, now)).toBeLessThanOrEqual(now);
    until = paced(until, now);
  }
  expect(mayMakeAt(until, now)).toBe(now + 10 * MINUTE_MS);
  until = paced(until, now + 10 * MINUTE_MS);
  expect(mayMakeAt(until, now + 10 * MINUTE_MS)).toBe(now + 20 * MINUTE_MS);
  // A clock that was set back holds nothing, at whatever time it is looked at.
  for (const later of [0, MINUTE_MS, DAY_MS]) {
    const back = now - 365 * DAY_MS + later;
    expect(mayMakeAt(until, back)).toBeLessThanOrEqual(back);
  }
  expect(paced(until, now + 2 * HOUR_MS)).toBe(now + 2 * HOUR_MS + 10 * MINUTE_MS);
});

describe("a server that has its agent ask for certificates over and over", () => {
  test("by other instance uids gets six requests, then one in ten minutes for the newest, which is told", async () => {
    const agent = await certified();
    const { old } = agent.servers;
    const { subjectOf } = await sharedAuthority();
    await renamed(agent, 40);
    expect(requestsAt(old, agent)).toHaveLength(6);
    expect(agent.warnings).toEqual(["certificate-not-requested"]);
    await agent.clock.advance(10 * MINUTE_MS);
    expect(requestsAt(old, agent)).toHaveLength(7);
    expect(subjectOf(requestsAt(old, agent).at(-1) ?? "")).toBe(`CN=${agent.client.instanceUid}`);
    await renamed(agent, 40, 100);
    await agent.clock.advance(HOUR_MS);
    expect(requestsAt(old, agent)).toHaveLength(8);
  });

  test("by other instance uids holds up no certificate that the host wants", async () => {
    const agent = await certified();
    const { old } = agent.servers;
    await renamed(agent, 10);
    agent.client.requestCertificate();
    await agent.clock.advance(1_000);
    expect(requestsAt(old, agent)).toHaveLength(7);
    await issue(old, agent, requestsAt(old, agent).at(-1) ?? "");
    expect(agent.statuses.at(-1)).toBe("applied");
  });

  test("by other instance uids gets no more of them for a restart", async () => {
    const disk = recorded();
    const first = await certified({}, { store: disk.store });
    const { old } = first.servers;
    await renamed(first, 10);
    await Promise.all([first.client.stop(), first.clock.advance(10_000)]);
    const later = await certified({}, { store: disk.store, servers: first.servers, isOneOfMany: true });
    for (const uid of first.uids) later.uids.add(uid);
    await renamed(later, 10, 100);
    expect(requestsAt(old, later)).toHaveLength(6);
  });

  test("by certificates that end within seconds gets as few, and moves the agent no more often", async () => {
    const agent = await certified();
    const { old } = agent.servers;
    const end = agent.clock.now() + 9 * MINUTE_MS;
    let issued = 0;
    while (agent.clock.now() < end) {
      const csrs = requestsAt(old, agent);
      if (csrs.length > issued) await issue(old, agent, csrs.at(-1) ?? "", { hours: 8 / 3_600 });
      issued = csrs.length;
      await agent.clock.advance(2_000);
    }
    expect([requestsAt(old, agent).length, agent.dialled.length]).toEqual([6, 7]);
  });
});

describe("maxPerHour", () => {
  test("neither holds up a certificate that the agent asked for, nor counts it, over restarts too", async () => {
    const disk = recorded();
    const agent = await certified({}, { store: disk.store, policy: { maxPerHour: 1 } });
    const { old } = agent.servers;
    for (let number = 1; number < 4; number++) {
      await issue(old, agent, requestsAt(old, agent).at(-1) ?? "", { hours: 1 / 60 });
      expect([agent.statuses.at(-1), agent.dialled.length]).toEqual(["applied", number + 1]);
      await agent.clock.advance(MINUTE_MS);
      expect(requestsAt(old, agent)).toHaveLength(number + 1);
    }
    expect(disk.now().state?.connection?.switchedAt).toEqual([]);
    const next = { destinationEndpoint: "wss://new.example.com/v1/opamp" };
    old.agent(agent.client.instanceUid).send({ connectionSettings: { hash: Uint8Array.of(9), opamp: next } });
    await agent.clock.advance(10_000);
    expect(agent.dialled.at(-1)).toBe("new");
  });

  test("counts what is offered with one certificate again and again", async () => {
    const agent = await certified({}, { policy: { maxPerHour: 2 } });
    const { old } = agent.servers;
    const [csr = ""] = requestsAt(old, agent);
    await agent.servers.new.close();
    for (let number = 0; number < 6; number++) {
      await issue(old, agent, csr, { endpoint: `wss://new.example.com/${number}` });
      await agent.clock.advance(90_000);
    }
    expect(agent.client.connection?.certificate).toBeUndefined();
    expect(agent.statuses.filter((status) => status.startsWith("failed"))).toHaveLength(3);
    expect(agent.warnings).toContain("settings-wait");
  });
});

test("a request that could not be kept is made ten minutes later, also where the clock was a year ahead", async () => {
  const { store: base } = openStore();
  const { blobs } = base;
  if (blobs === undefined) throw new Error("there are no blobs");
  let isFull = true;
  const write: typeof blobs.write = async (name, content) => {
    if (isFull) throw new Error("no space");
    await blobs.write(name, content);
  };
  const virtual = virtualClock();
  let aheadMs = 365 * DAY_MS;
  const clock: Clock = { ...virtual, wallNow: () => virtual.wallNow() + aheadMs };
  const agent = await certified({}, { store: { ...base, blobs: { ...blobs, write } }, options: { clock } });
  await virtual.advance(1_000);
  expect(agent.errors.length).toBe(1);
  isFull = false;
  aheadMs = 0;
  await virtual.advance(3 * HOUR_MS);
  expect(requestsAt(agent.servers.old, agent)).toHaveLength(1);
  await ended(agent.client, virtual);
});
