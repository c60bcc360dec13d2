import { describe, expect, onTestFinished, test } from "vitest";
import type { StoredState } from "../../../src/index.js";
import { OpAMPServer } from "../../../src/testing/index.js";
import { verifies } from "../../conformance/verifies.js";
import { recorded } from "./disk.js";
import { known, type Moved, moved, NEW, OLD, offer, type Servers, servers } from "./moved.js";
import { headers } from "./offers.js";

/** Servers that no test before has closed. */
async function replaced(both: Servers): Promise<Servers> {
  const fresh = await OpAMPServer.start();
  onTestFinished(() => fresh.close());
  return { ...both, new: fresh };
}

async function settled(agent: Moved): Promise<void> {
  await agent.clock.advance(130_000);
  expect(agent.client.phase).toBe("online");
  expect(agent.escaped).toEqual([]);
}

verifies(
  "CONN-05",
  "killed after any write of a move, the agent goes on at the right step, on settings that are whole",
  async () => {
    const disk = recorded();
    const agent = await moved({ store: disk.store });
    await offer(agent, { destinationEndpoint: NEW, headers: headers(["x-token", "1"]) });
    await settled(agent);
    expect(agent.statuses).toEqual(["applying", "applied"]);
    expect(disk.moments.length).toBeGreaterThanOrEqual(5);
    const ends = new Set<string>();
    for (const moment of disk.moments) {
      const left = recorded(moment);
      const later = await moved({ store: left.store, servers: agent.servers, isOneOfMany: true });
      await settled(later);
      const endpoint = later.client.connection?.endpoint;
      const isTried = moment.state?.connection?.candidate !== undefined;
      const isKept = moment.state?.connection?.accepted !== undefined;
      expect(endpoint).toBe(isTried || isKept ? NEW : OLD);
      if (isTried) expect(later.dialled[0]).toBe("new");
      if (endpoint === NEW) {
        expect(known(later.servers.new, later)).toEqual([1, 1, ""]);
        expect(left.now().state?.connection).toMatchObject({ candidate: undefined, open: undefined });
      }
      ends.add(`${endpoint} ${isTried} ${isKept}`);
    }
    // The flow has moments of every kind.
    expect(ends.size).toBe(3);
  },
);

verifies(
  ["CONN-05", "CONN-09"],
  "killed after any write of a move that fails, the agent ends where it was, and says so",
  async () => {
    const disk = recorded();
    const agent = await moved({ store: disk.store });
    await agent.servers.new.close();
    await offer(agent, { destinationEndpoint: NEW });
    await settled(agent);
    expect(agent.statuses.at(-1)).toMatch(/^failed/);
    for (const moment of disk.moments) {
      const later = await moved({ store: recorded(moment).store, servers: agent.servers, isOneOfMany: true });
      await settled(later);
      expect(later.client.connection).toMatchObject({ endpoint: OLD, source: "options" });
      const wasTried =
        moment.state?.connection?.candidate !== undefined || moment.state?.connectionSettings !== undefined;
      if (wasTried) expect(known(later.servers.old, later)?.slice(0, 2)).toEqual([3, 1]);
    }
  },
);

test("killed three times while it tries the same settings, the agent does not try them again", async () => {
  const both = await servers();
  await both.new.close();
  let disk = recorded();
  const first = await moved({ store: disk.store, servers: both });
  await offer(first, { destinationEndpoint: NEW });
  for (let deaths = 1; deaths <= 3; deaths++) {
    expect(disk.now().state?.connection?.trial).toMatchObject({ phase: "trial", crashes: deaths - 1 });
    disk = recorded(disk.now());
    const next = await moved({ store: disk.store, servers: both });
    expect(next.dialled[0]).toBe(deaths < 3 ? "new" : "old");
    await next.clock.advance(500);
  }
  const last = await moved({ store: recorded(disk.now()).store, servers: await replaced(both) });
  await settled(last);
  expect(last.dialled).toEqual(["old"]);
  const [status, , error] = known(last.servers.old, last) ?? [];
  expect([status, error]).toEqual([
    3,
    "the process ended 3 times while these settings were tried (find out why; retryConnectionSettings() on the agent tries them again, and so does an offer with another hash)",
  ]);
  await offer(last, { destinationEndpoint: NEW });
  await settled(last);
  expect([last.dialled, last.statuses]).toEqual([["old"], []]);
  await offer(last, { destinationEndpoint: NEW }, 2);
  await settled(last);
  expect(last.client.connection?.endpoint).toBe(NEW);
});

describe.each([[{}], [{ instanceUid: "0190b5a1-0000-7000-8000-000000000001" }]])("an agent with %o", (options) => {
  verifies("CONN-05", "does not dial the settings that it was killed on before that is counted on disk", async () => {
    const disk = recorded();
    const agent = await moved({ store: disk.store, options });
    await agent.servers.new.close();
    await offer(agent, { destinationEndpoint: NEW });
    const onTrial = disk.moments.find(({ state }) => state?.connection?.trial.phase === "trial");
    const left = recorded(onTrial);
    let write: (() => void) | undefined;
    const save = (state: StoredState): void | Promise<void> => {
      // The first write takes long.
      if (write !== undefined) return left.store.save(state);
      return new Promise((resolve) => {
        write = () => resolve(left.store.save(state));
      });
    };
    const later = await moved({ store: { ...left.store, save }, servers: agent.servers, isOneOfMany: true, options });
    await later.clock.advance(500);
    expect(later.dialled).toEqual([]);
    write?.();
    await later.clock.advance(500);
    expect([later.dialled[0], left.moments[1]?.state?.connection?.trial.crashes]).toEqual(["new", 1]);
  });
});

test("an agent that is stopped before it has read what it was killed on does not count that death away", async () => {
  const disk = recorded();
  const agent = await moved({ store: disk.store });
  await agent.servers.new.close();
  await offer(agent, { destinationEndpoint: NEW });
  const left = recorded(disk.moments.find(({ state }) => state?.connection?.trial.phase === "trial"));
  const { blobs } = left.store;
  if (blobs === undefined) throw new Error("there are no blobs");
  const read = () => new Promise<undefined>(() => undefined);
  const store = { ...left.store, blobs: { ...blobs, read } };
  const quick = await moved({ store, servers: agent.servers, isOneOfMany: true });
  await Promise.all([quick.client.stop(), quick.clock.advance(5_000)]);
  expect(left.now().state?.connection?.trial.crashes).toBe(0);
});
