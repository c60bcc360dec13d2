import { describe, expect, test } from "vitest";
import type { Store, StoredState } from "../../../../src/index.js";
import { recorded } from "../disk.js";
import { known, moved, NEW, OLD, offer, servers } from "../moved.js";

const [APPLIED, APPLYING] = [1, 2];

/** A disk that is full, or slow, from the moment in which a new server is dialled until it is repaired. */
function disk(fails: () => Promise<void> | undefined) {
  const whole = recorded();
  let isRepaired = false;
  const save = (state: StoredState): void | Promise<void> => {
    const failure = isRepaired || state.connection?.accepted === undefined ? undefined : fails();
    return failure ?? whole.store.save(state);
  };
  const store: Store = { ...whole.store, save };
  const repair = () => {
    isRepaired = true;
  };
  return { ...whole, store, repair };
}

const full = () => Promise.reject(new Error("no space left"));

/** An agent on a new server, which its disk does not know yet. */
async function unstored(servers?: Parameters<typeof moved>[0]) {
  const kept = disk(full);
  const agent = await moved({ store: kept.store, ...servers });
  await offer(agent, { destinationEndpoint: NEW });
  await agent.clock.advance(3_000);
  expect(agent.client.connection).toMatchObject({ endpoint: NEW, state: "accepted" });
  return { agent, kept };
}

describe("settings that are proved while the disk is full", () => {
  test("are in force, and told to be applied once there is room, without anything else that happens", async () => {
    const { agent, kept } = await unstored();
    await agent.clock.advance(60_000);
    expect(known(agent.servers.new, agent)).toEqual([APPLYING, 1, ""]);
    expect(agent.errors.join()).toContain("the store did not save: no space left");
    expect(kept.now().state?.connection?.candidate).toBeDefined();
    kept.repair();
    await agent.clock.advance(12_000);
    expect(known(agent.servers.new, agent)).toEqual([APPLIED, 1, ""]);
    const { connection } = kept.now().state ?? {};
    expect([connection?.accepted === undefined, connection?.candidate]).toEqual([false, undefined]);
    // Killed now, the agent is where it was.
    const later = await moved({ store: recorded(kept.now()).store, servers: agent.servers, isOneOfMany: true });
    expect([later.dialled, later.client.connection?.source]).toEqual([["new"], "server"]);
  });

  test("are tried first by the process after one that is killed meanwhile", async () => {
    const { agent, kept } = await unstored();
    const later = await moved({ store: recorded(kept.now()).store, servers: agent.servers, isOneOfMany: true });
    await later.clock.advance(3_000);
    expect([later.dialled, later.statuses.at(-1)]).toEqual([["new"], "applied"]);
  });

  test("have an offer wait that leaves the connection as it is", async () => {
    const { agent, kept } = await unstored();
    agent.servers.new.agent(agent.client.instanceUid).send({
      connectionSettings: { hash: Uint8Array.of(2), opamp: { heartbeatIntervalSeconds: 20n } },
    });
    await agent.clock.advance(12_000);
    expect(agent.statuses).not.toContain("applied");
    kept.repair();
    await agent.clock.advance(25_000);
    expect(known(agent.servers.new, agent)).toEqual([APPLIED, 2, ""]);
    expect(agent.intervals).toEqual([20_000]);
  });

  test("are left for others that are offered meanwhile, once there is room, and for the options", async () => {
    const { agent, kept } = await unstored();
    kept.repair();
    agent.servers.new.agent(agent.client.instanceUid).send({
      connectionSettings: { hash: Uint8Array.of(2), opamp: { destinationEndpoint: OLD } },
    });
    await agent.clock.advance(5_000);
    expect(known(agent.servers.old, agent)).toEqual([APPLIED, 2, ""]);
    const other = await unstored({ isOneOfMany: true });
    other.agent.client.forgetConnectionSettings();
    await other.agent.clock.advance(60_000);
    expect(other.agent.client.connection).toMatchObject({ endpoint: OLD, source: "options", state: undefined });
  });
});

test("settings that are proved while the store says nothing are in force, and never told to be applied", async () => {
  const { store } = disk(() => new Promise(() => undefined));
  const agent = await moved({ store, options: { timeouts: { applyMs: 5_000 } } });
  await offer(agent, { destinationEndpoint: NEW });
  await agent.clock.advance(60_000);
  const why = "the settings are in force, but may be lost with a restart: the store does not answer";
  expect(known(agent.servers.new, agent)).toEqual([3, 1, why]);
  expect(agent.client.connection).toMatchObject({ endpoint: NEW, state: "accepted" });
});

test.each([true, false])("an interval in the first answer of the new server counts (duplex: %s)", async (duplex) => {
  let sent = 0;
  const both = await servers({
    new: {
      onMessage(_agent, { agentDescription }) {
        if (agentDescription === undefined || sent++ > 0) return {};
        return { connectionSettings: { hash: Uint8Array.of(2), opamp: { heartbeatIntervalSeconds: 20n } } };
      },
    },
  });
  const agent = await moved({ servers: both, duplex });
  await offer(agent, { destinationEndpoint: NEW });
  await agent.clock.advance(60_000);
  expect(known(both.new, agent)).toEqual([APPLIED, 2, ""]);
  expect([agent.intervals, agent.dialled]).toEqual([[20_000], ["old", "new"]]);
});
