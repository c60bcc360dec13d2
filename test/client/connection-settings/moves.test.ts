import { describe, expect, test } from "vitest";
import { verifies } from "../../conformance/verifies.js";
import { lastingStore } from "../../store/store-fixture.js";
import { known, moved, NEW, OLD, offer } from "./moved.js";
import { headers } from "./offers.js";

const [APPLIED, FAILED] = [1, 3];

describe.each([
  ["on a duplex connection", true],
  ["over polls", false],
])("an agent that is offered another server %s", (_name, duplex) => {
  const moving = (given: Parameters<typeof moved>[0] = {}) =>
    moved({ duplex, options: { heartbeat: { intervalMs: 1_000 } }, ...given });

  verifies(["CONN-06", "CONN-07", "CONN-08"], "moves there once it has answered, and tells both", async () => {
    const agent = await moving();
    expect(agent.client.capabilities).toContain("acceptsOpAMPConnectionSettings");
    expect(agent.client.connection).toMatchObject({ state: undefined, endpoint: OLD, source: "options" });
    await offer(agent, { destinationEndpoint: NEW });
    await agent.clock.advance(2_000);
    expect(agent.dialled).toEqual(["old", "new"]);
    expect(known(agent.servers.old, agent)?.[0]).toBe(2);
    expect(known(agent.servers.new, agent)).toEqual([APPLIED, 1, ""]);
    expect(agent.states).toEqual(["candidate", "verifying", "accepted"]);
    expect(agent.statuses).toEqual(["applying", "applied"]);
    expect(agent.client.connection).toMatchObject({
      state: "accepted",
      endpoint: NEW,
      source: "server",
      since: expect.any(Date),
    });
    expect([agent.errors, agent.escaped]).toEqual([[], []]);
  });

  verifies("CONN-08", "goes there at once after a restart", async () => {
    const store = lastingStore();
    const agent = await moving({ store });
    await offer(agent, { destinationEndpoint: NEW, headers: headers(["authorization", "Bearer n"]) });
    await agent.clock.advance(2_000);
    await agent.client.stop();
    const again = await moving({ store, servers: agent.servers });
    expect(again.dialled).toEqual(["new"]);
    expect(again.client.connection).toMatchObject({ state: "accepted", endpoint: NEW, source: "server" });
    expect(known(again.servers.new, again)).toEqual([APPLIED, 1, ""]);
  });

  verifies("CONN-09", "comes back where that server is not there, and says why", async () => {
    const agent = await moving();
    await agent.servers.new.close();
    await offer(agent, { destinationEndpoint: NEW });
    await agent.clock.advance(70_000);
    expect(agent.dialled.at(-1)).toBe("old");
    expect(agent.client.phase).toBe("online");
    const [status, hash, error] = known(agent.servers.old, agent) ?? [];
    expect([status, hash]).toEqual([FAILED, 1]);
    expect(error).toContain("not proved within 60000 ms");
    expect(agent.states).toEqual(["candidate", "verifying", "rolledBack"]);
    expect(agent.client.connection).toMatchObject({ endpoint: OLD, source: "options" });
    const dials = agent.dialled.length;
    await offer(agent, { destinationEndpoint: NEW });
    await agent.clock.advance(70_000);
    expect(agent.dialled.length).toBe(dials);
  });

  verifies("CONN-02", "does not go where it may not, and says so at once", async () => {
    const agent = await moving({ policy: { endpoints: ["old.example.com"] } });
    await offer(agent, { destinationEndpoint: NEW });
    await agent.clock.advance(2_000);
    expect(agent.dialled).toEqual(["old"]);
    expect(agent.statuses).toEqual(["applying", expect.stringContaining("is not one that this agent may be moved to")]);
    expect(known(agent.servers.old, agent)?.[0]).toBe(FAILED);
    expect(agent.states).toEqual(["rejected"]);
  });

  test("takes nothing from the server that it may not change", async () => {
    const agent = await moving({ settings: {} });
    await offer(agent, { destinationEndpoint: NEW });
    await agent.clock.advance(2_000);
    expect([agent.dialled, agent.statuses, known(agent.servers.old, agent)]).toEqual([["old"], [], undefined]);
    expect(agent.client.connection).toBeUndefined();
  });

  test("keeps its connection where an offer changes nothing about it, but the interval", async () => {
    const agent = await moving();
    await offer(agent, { heartbeatIntervalSeconds: 7n });
    await agent.clock.advance(2_000);
    await offer(agent, { destinationEndpoint: OLD, heartbeatIntervalSeconds: 9n }, 2);
    await agent.clock.advance(10_000);
    expect(agent.dialled).toEqual(["old"]);
    expect(agent.statuses).toEqual(["applying", "applied", "applying", "applied"]);
    expect(known(agent.servers.old, agent)).toEqual([APPLIED, 2, ""]);
    expect(agent.intervals).toEqual([7_000, 9_000]);
  });

  verifies("HB-03", "turns heartbeats off for an interval of 0 where its host wants it read so", async () => {
    const zero = (word: "off" | "unset") => moving({ options: { heartbeat: { intervalMs: 1_000, zero: word } } });
    for (const [word, intervals] of [
      ["off", duplex ? [Number.POSITIVE_INFINITY] : []],
      ["unset", []],
    ] as const) {
      const agent = await zero(word);
      await offer(agent, { destinationEndpoint: OLD });
      await agent.clock.advance(2_000);
      expect(agent.intervals).toEqual(intervals);
      expect(agent.statuses).toEqual(["applying", "applied"]);
    }
  });

  test("takes the interval of an offer with its settings, and not where those fail", async () => {
    const agent = await moving();
    await agent.servers.new.close();
    await offer(agent, { destinationEndpoint: NEW, heartbeatIntervalSeconds: 7n });
    await agent.clock.advance(70_000);
    expect(agent.intervals).toEqual([]);
  });

  verifies("CONN-03", "stays where it is when the offer is about something else", async () => {
    const agent = await moving();
    agent.servers.old.agent(agent.client.instanceUid).send({
      connectionSettings: { hash: Uint8Array.of(1), ownMetrics: { destinationEndpoint: "https://metrics" } },
    });
    await agent.clock.advance(2_000);
    expect(agent.dialled).toEqual(["old"]);
  });

  test("asks its host before it tries anything", async () => {
    const seen: unknown[] = [];
    const agent = await moving({
      policy: {
        async validate(proposed, { current, signal }) {
          seen.push(proposed, current.endpoint, signal.aborted);
          throw new Error("not on a Friday");
        },
      },
    });
    await offer(agent, { destinationEndpoint: NEW, headers: headers(["x-token", "s3cret"]) });
    await agent.clock.advance(2_000);
    expect(seen).toEqual([
      { endpoint: NEW, proxy: undefined, certificate: undefined, headers: ["x-token"] },
      OLD,
      false,
    ]);
    expect(known(agent.servers.old, agent)).toEqual([FAILED, 1, "not on a Friday"]);
    expect(agent.dialled).toEqual(["old"]);
  });

  test("forgets what it accepted when its host says so, and may be offered it again", async () => {
    const agent = await moving();
    await offer(agent, { destinationEndpoint: NEW });
    await agent.clock.advance(2_000);
    agent.client.forgetConnectionSettings();
    await agent.clock.advance(3_000);
    expect(agent.dialled).toEqual(["old", "new", "old"]);
    expect(known(agent.servers.old, agent)).toEqual([0, undefined, ""]);
    expect(agent.client.connection).toMatchObject({ state: undefined, endpoint: OLD, source: "options" });
    await offer(agent, { destinationEndpoint: NEW });
    await agent.clock.advance(2_000);
    expect(agent.dialled.at(-1)).toBe("new");
  });

  test("tries what failed once more when its host says so", async () => {
    let isFriday = true;
    const validate = () => {
      if (isFriday) throw new Error("not on a Friday");
    };
    const agent = await moving({ policy: { validate } });
    await offer(agent, { destinationEndpoint: NEW });
    await agent.clock.advance(2_000);
    isFriday = false;
    await offer(agent, { destinationEndpoint: NEW });
    await agent.clock.advance(2_000);
    expect(agent.statuses).toEqual(["applying", "failed: not on a Friday"]);
    agent.client.retryConnectionSettings();
    await agent.clock.advance(3_000);
    expect(agent.statuses.slice(2)).toEqual(["applying", "applied"]);
    expect(agent.dialled).toEqual(["old", "new"]);
  });
});
