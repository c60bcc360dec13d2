import { describe, expect, test } from "vitest";
import type { OtherSettings, StoredState, TelemetrySettings } from "../../../src/index.js";
import { verifies } from "../../conformance/verifies.js";
import { type Disk, recorded } from "../connection-settings/disk.js";
import { known, type Moved, moved, NEW, offers } from "../connection-settings/moved.js";
import { headers } from "../connection-settings/offers.js";
import { noting, taking } from "./taking.js";

const [APPLIED, FAILED] = [1, 3];
const SECRET = "s3cret-t0ken";
const METRICS = { destinationEndpoint: "https://metrics.example.com/v1", headers: headers(["x-token", SECRET]) };

/** An agent with settings of two classes in force, killed. */
async function killed() {
  const disk = recorded();
  const [metrics, other] = [noting<TelemetrySettings>(), noting<OtherSettings>()];
  const agent = await taking({ ownMetrics: metrics.handler, other: other.handler }, { store: disk.store });
  await offers(agent, { ownMetrics: METRICS, otherConnections: { a: { otherSettings: { k: "1" } } } });
  return { disk, agent, metrics, other };
}

/** Started again on what a disk held. */
async function again(
  disk: Disk,
  { servers }: Moved,
  apply: () => unknown = () => undefined,
  given: Parameters<typeof moved>[0] = {},
) {
  const order: string[] = [];
  const metrics = noting<TelemetrySettings>(() => {
    order.push("metrics");
    return apply();
  });
  const other = noting<OtherSettings>(() => order.push("other"));
  const store = recorded(disk);
  const settings = { ownMetrics: metrics.handler, other: other.handler, ...given.settings };
  const agent = await moved({ ...given, servers, store: store.store, settings, isOneOfMany: true });
  return { ...agent, metrics, other, order, disk: store };
}

describe("settings for other connections at a start", () => {
  verifies("OWN-02", "are given to their handlers before the agent connects", async () => {
    const { disk, agent, metrics } = await killed();
    const later = await again(disk.now(), agent);
    expect(later.order).toEqual(["metrics", "other"]);
    const [call] = later.metrics.calls;
    expect(call?.settings).toEqual(metrics.calls[0]?.settings);
    expect(call?.context).toMatchObject({ reason: "restart", previous: undefined, changed: ["endpoint", "headers"] });
    expect(later.other.calls[0]?.settings).toEqual({ name: "a", endpoint: "", headers: {}, otherSettings: { k: "1" } });
    expect(known(later.servers.old, later)).toEqual([APPLIED, 1, ""]);
  });

  test("are not given again when the server repeats them, and are what its next offer is laid over", async () => {
    const { disk, agent } = await killed();
    const later = await again(disk.now(), agent);
    await offers(later, { ownMetrics: METRICS, otherConnections: { a: { destinationEndpoint: "e" } } }, 2);
    expect(later.metrics.calls).toHaveLength(1);
    expect(later.other.calls[1]?.settings).toMatchObject({ endpoint: "e", otherSettings: { k: "1" } });
    expect(later.other.calls[1]?.context).toMatchObject({ reason: "offer", changed: ["endpoint"] });
  });

  test("that a handler fails on are reported FAILED at once, with the same hash, and can be retried", async () => {
    const { disk, agent } = await killed();
    let isFailing = true;
    const later = await again(disk.now(), agent, () => {
      if (isFailing) throw new Error("no such exporter");
    });
    expect(known(later.servers.old, later)).toEqual([FAILED, 1, "own_metrics: no such exporter"]);
    expect(later.other.calls).toHaveLength(1);
    isFailing = false;
    later.client.retryConnectionSettings();
    await later.clock.advance(500);
    expect(known(later.servers.old, later)).toEqual([APPLIED, 1, ""]);
    expect(later.metrics.calls.map(({ context }) => context.reason)).toEqual(["restart", "retry"]);
    expect(later.other.calls).toHaveLength(1);
  });

  test("hold up the agent for half a minute at most", async () => {
    const { disk, agent } = await killed();
    const later = await again(disk.now(), agent, () => new Promise(() => undefined));
    expect(later.dialled).toEqual([]);
    await later.clock.advance(40_000);
    expect([later.dialled, later.order]).toEqual([["old"], ["metrics", "other"]]);
    expect(known(later.servers.old, later)).toEqual([
      FAILED,
      1,
      expect.stringMatching(/^own_metrics: it did not end within 15000 ms/),
    ]);
  });

  test("are given up when the agent is stopped", async () => {
    const { disk, agent } = await killed();
    const later = await again(disk.now(), agent, () => new Promise(() => undefined));
    const signal = later.metrics.calls[0]?.context.signal;
    const stopped = later.client.stop();
    await later.clock.advance(2_000);
    await stopped;
    expect(signal?.aborted).toBe(true);
    expect([later.dialled, later.order]).toEqual([[], ["metrics"]]);
  });

  test("wait for a handler that is not there in this process", async () => {
    const { disk, agent } = await killed();
    const without = await again(disk.now(), agent, undefined, { settings: { ownMetrics: undefined } });
    await offers(without, { otherConnections: { b: {} } }, 2);
    expect(without.order).toEqual(["other", "other"]);
    const later = await again(without.disk.now(), agent);
    expect(later.order).toEqual(["metrics", "other", "other"]);
  });
});

describe("settings for other connections in the store", () => {
  test("are blobs, of which the state holds nothing secret, and no more than there are connections", async () => {
    const { disk, agent } = await killed();
    await offers(agent, { otherConnections: { a: { otherSettings: { k: "2" } } } }, 2);
    const { state, blobs } = disk.now();
    expect(JSON.stringify(state)).not.toContain(SECRET);
    expect(state?.otherConnections?.parts.map(({ part, name }) => [part, name])).toEqual([
      ["ownMetrics", undefined],
      ["other", "a"],
    ]);
    expect([...blobs.keys()].sort()).toEqual(state?.otherConnections?.parts.map(({ blob }) => blob).sort());
  });

  test.each([
    ["is gone", (blobs: Map<string, Uint8Array>, name: string) => blobs.delete(name)],
    ["is another", (blobs: Map<string, Uint8Array>, name: string) => blobs.set(name, Uint8Array.of(1))],
  ])("are done without where their blob %s, and the server is told so that it offers them again", async (_, spoil) => {
    const { disk, agent } = await killed();
    const { state, blobs } = disk.now();
    const spoilt = new Map(blobs);
    spoil(spoilt, state?.otherConnections?.parts[0]?.blob ?? "");
    const later = await again({ state, blobs: spoilt }, agent);
    expect(later.order).toEqual(["other"]);
    expect(known(later.servers.old, later)?.[0]).toBe(0);
    await offers(later, { ownMetrics: METRICS, otherConnections: { a: { otherSettings: { k: "1" } } } });
    expect(later.order).toEqual(["other", "metrics"]);
    expect(known(later.servers.old, later)).toEqual([APPLIED, 1, ""]);
  });

  test("are put aside by another settingsEpoch, and not by another URL", async () => {
    const { disk, agent } = await killed();
    const url = "wss://old2.example.com/v1/opamp";
    const moved = await again(disk.now(), agent, undefined, { options: { url }, settings: { settingsEpoch: "" } });
    expect(moved.order).toEqual(["metrics", "other"]);
    const later = await again(disk.now(), agent, undefined, { settings: { settingsEpoch: "2" } });
    expect(later.order).toEqual([]);
    expect(known(later.servers.old, later)?.[0]).toBe(0);
    const { state, blobs } = later.disk.now();
    expect([state?.otherConnections, blobs.size]).toEqual([undefined, 0]);
  });

  verifies(
    "CONN-05",
    "killed after any write of an offer, the agent starts with the old or the new, whole",
    async () => {
      const { disk, agent } = await killed();
      const before = disk.moments.length;
      await offers(agent, { ownMetrics: { destinationEndpoint: "https://two.example.com/" } }, 2);
      expect(disk.moments.length - before).toBeGreaterThanOrEqual(4);
      const found = new Set<string>();
      for (const moment of disk.moments.slice(before - 1)) {
        const later = await again(moment, agent);
        const { endpoint, headers: its } = later.metrics.calls[0]?.settings ?? { endpoint: "", headers: {} };
        expect(its).toEqual(endpoint.includes("two") ? {} : { "x-token": SECRET });
        expect(later.order).toEqual(["metrics", "other"]);
        found.add(endpoint);
      }
      expect([...found]).toEqual([METRICS.destinationEndpoint, "https://two.example.com/"]);
    },
  );

  test("last as long as the process where there is no store", async () => {
    const { handler, calls } = noting<TelemetrySettings>();
    const agent = await taking({ ownMetrics: handler }, { options: { store: undefined } });
    await offers(agent, { ownMetrics: METRICS });
    expect(known(agent.servers.old, agent)).toEqual([APPLIED, 1, ""]);
    expect([calls.length, agent.errors]).toEqual([1, []]);
  });

  test("in force stay so where they cannot be written, and that is told", async () => {
    const { store } = recorded();
    const blobs = { ...store.blobs, write: () => Promise.reject(new Error("disk full")) } as typeof store.blobs;
    const { handler } = noting<TelemetrySettings>();
    const agent = await taking({ ownMetrics: handler }, { store: { ...store, blobs } });
    await offers(agent, { ownMetrics: METRICS });
    expect(known(agent.servers.old, agent)).toEqual([APPLIED, 1, ""]);
    expect(agent.errors).toEqual(["ERR_OPAMP_STORE the connection settings of the server: disk full"]);
  });
});

verifies("CONN-05", "an agent killed at any write of a move applies all of the offer, once each", async () => {
  const disk = recorded();
  const metrics = noting<TelemetrySettings>();
  const opamp = { endpoints: ["*.example.com"] };
  const agent = await moved({ settings: { opamp, ownMetrics: metrics.handler }, store: disk.store });
  agent.servers.old.agent(agent.client.instanceUid).send({
    connectionSettings: { hash: Uint8Array.of(1), opamp: { destinationEndpoint: NEW }, ownMetrics: METRICS },
  });
  await agent.clock.advance(5_000);
  const isMoving = ({ state }: { state: StoredState | undefined }) =>
    state?.connection?.candidate !== undefined || state?.connection?.accepted !== undefined;
  const moments = disk.moments.slice(disk.moments.findIndex(isMoving));
  // On trial, accepted, with metrics, with the status.
  expect(moments.length).toBeGreaterThanOrEqual(5);
  for (const moment of moments) {
    const later = await again(moment, agent, undefined, { settings: { opamp } });
    await later.clock.advance(5_000);
    expect([later.dialled, later.order]).toEqual([["new"], ["metrics"]]);
    expect(known(later.servers.new, later)).toEqual([APPLIED, 1, ""]);
    expect(later.statuses.at(-1) ?? "applied").toBe("applied");
  }
});

test("an agent killed while it is moved to where it does not get says so", async () => {
  const disk = recorded();
  const metrics = noting<TelemetrySettings>();
  const opamp = { endpoints: ["*.example.com"] };
  const agent = await moved({ settings: { opamp, ownMetrics: metrics.handler }, store: disk.store });
  await agent.servers.new.close();
  await offers(agent, { opamp: { destinationEndpoint: NEW }, ownMetrics: METRICS });
  await agent.clock.advance(100_000);
  expect(agent.statuses.at(-1)).toMatch(/^failed: opamp: not proved/);
  for (const moment of disk.moments) {
    const later = await again(moment, agent, undefined, { settings: { opamp } });
    await later.clock.advance(100_000);
    expect(later.client.connection?.source).toBe("options");
    expect(later.statuses.at(-1) ?? "").not.toMatch(/^appl/);
  }
});
