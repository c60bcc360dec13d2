import { expect, test } from "vitest";
import { createRedactor, type StoredState } from "../../../src/index.js";
import { noting } from "../other-connections/taking.js";
import { type Disk, recorded } from "./disk.js";
import { known, type Moved, moved, NEW, OLD, offer, offers, servers } from "./moved.js";

const YEAR_MS = 31_536_000_000;
const OWN_MS = 30_000;

/** An agent that has been moved to the new server, with an interval of 7 s, and what its disk holds. */
async function accepted() {
  const disk = recorded();
  const agent = await moved({ store: disk.store });
  await offer(agent, { destinationEndpoint: NEW, heartbeatIntervalSeconds: 7n });
  await agent.clock.advance(3_000);
  expect([agent.statuses.at(-1), agent.intervals]).toEqual(["applied", [7_000]]);
  return { agent, disk };
}

/** The next process on such a disk. */
async function next(disk: Disk, { servers: both }: Moved, given: Parameters<typeof moved>[0] = {}): Promise<Moved> {
  const agent = await moved({ store: recorded(disk).store, servers: both, isOneOfMany: true, ...given });
  await agent.clock.advance(500);
  expect(agent.client.phase).toBe("online");
  return agent;
}

test("forgetting settings takes their interval of heartbeats back, also after a restart", async () => {
  const { agent, disk } = await accepted();
  agent.client.forgetConnectionSettings();
  await agent.clock.advance(3_000);
  expect(agent.intervals).toEqual([7_000, OWN_MS]);
  expect(disk.now().state).not.toMatchObject({ heartbeatMs: 7_000 });
  const later = await next(disk.now(), agent);
  expect(later.intervals).toEqual([]);
});

test("settings that are put aside take their interval along", async () => {
  const { agent, disk } = await accepted();
  const settings = { opamp: { endpoints: ["*.example.com"] }, settingsEpoch: "2" };
  const later = await next(disk.now(), agent, { settings });
  expect([later.dialled, later.intervals]).toEqual([["old"], []]);
});

test("what the server is told of a candidate that is no longer allowed goes through the redactor", async () => {
  const disk = recorded();
  const agent = await moved({ store: disk.store });
  await agent.servers.new.close();
  await offer(agent, { destinationEndpoint: NEW });
  const onTrial = disk.moments.find(({ state }) => state?.connection?.candidate !== undefined);
  if (onTrial === undefined) throw new Error("there was no trial");
  const { value, record } = createRedactor();
  const redact = { value, record, text: (text: string) => text.replaceAll("connectionSettings.opamp.", "") };
  const policy = { endpoints: ["old.example.com"] };
  const later = await next(onTrial, agent, { policy, options: { redact } });
  const [status, , error] = known(later.servers.old, later) ?? [];
  expect([status, error]).toEqual([3, expect.stringContaining("name its host in endpoints of the agent")]);
});

test("without the option settings are kept and not used, which is said; with it again they count", async () => {
  const { agent, disk } = await accepted();
  const without = recorded(disk.now());
  const warned: string[] = [];
  const ignore = () => undefined;
  const logger = { debug: ignore, info: ignore, warn: (line: string) => void warned.push(line), error: ignore };
  const later = await next(disk.now(), agent, { settings: {}, store: without.store, options: { logger } });
  expect(
    warned.filter((line) => /are not used: connectionSettings\.opamp is not given \(.*they stay/.test(line)),
  ).toEqual(warned);
  expect(warned).toHaveLength(1);
  later.client.setHealth({ healthy: true });
  await later.clock.advance(60_000);
  expect([later.dialled, later.client.connection]).toEqual([["old"], undefined]);
  expect(known(later.servers.old, later)).toBeUndefined();
  const again = await next(without.now(), agent);
  expect(again.dialled).toEqual(["new"]);
  expect(again.client.connection).toMatchObject({ endpoint: NEW, source: "server" });
});

test("settings that are not used are not reported as applied by an agent that takes others, and may be offered again", async () => {
  const { agent, disk } = await accepted();
  const { calls, handler } = noting();
  const later = await next(disk.now(), agent, { settings: { other: handler } });
  expect(later.dialled).toEqual(["old"]);
  expect(known(later.servers.old, later)?.[0]).toBe(0);
  const broker = { destinationEndpoint: "mqtt://broker.example.com" };
  await offers(later, { opamp: { destinationEndpoint: NEW }, otherConnections: { broker } });
  expect([calls.length, known(later.servers.old, later)?.slice(0, 2)]).toEqual([1, [1, 1]]);
});

test("moves that were counted by a clock which was far ahead do not keep settings waiting, and are forgotten", async () => {
  const { agent, disk } = await accepted();
  const { state = {}, blobs } = disk.now();
  const { connection } = state;
  if (connection === undefined) throw new Error("nothing was kept");
  const ahead = agent.clock.wallNow() + YEAR_MS;
  const wrong: StoredState = { ...state, connection: { ...connection, switchedAt: Array<number>(6).fill(ahead) } };
  const from = recorded({ state: wrong, blobs });
  const later = await next(from.now(), agent, { store: from.store });
  later.servers.new.agent(later.client.instanceUid).send({
    connectionSettings: { hash: Uint8Array.of(2), opamp: { destinationEndpoint: OLD } },
  });
  await later.clock.advance(5_000);
  expect(later.dialled).toEqual(["new", "old"]);
  expect(later.statuses.at(-1)).toBe("applied");
  expect(from.now().state?.connection?.switchedAt).toHaveLength(1);
});

test("newer and newer settings leave a list on disk that does not grow for ever", async () => {
  const disk = recorded();
  const agent = await moved({ store: disk.store, servers: await servers(), isOneOfMany: true });
  const at = agent.servers.old.agent(agent.client.instanceUid);
  for (let number = 0; number < 1_100; number++) {
    const hash = Uint8Array.of(number & 255, number >> 8);
    at.send({ connectionSettings: { hash, opamp: { destinationEndpoint: `${NEW}/${number}` } } });
  }
  await agent.clock.advance(500);
  expect(agent.dialled.length).toBeLessThanOrEqual(1 + 2 * 6);
  expect(disk.now().state?.connection?.switchedAt.length).toBeLessThanOrEqual(1_000);
});

test("settings that a killed process was trying are failed where the agent no longer takes any", async () => {
  const disk = recorded();
  const agent = await moved({ store: disk.store });
  await agent.servers.new.close();
  await offer(agent, { destinationEndpoint: NEW });
  const onTrial = disk.moments.find(({ state }) => state?.connection?.trial.phase === "trial");
  if (onTrial === undefined) throw new Error("nothing is on trial");
  const withheld = { withhold: ["acceptsOpAMPConnectionSettings" as const] };
  const later = await next(onTrial, agent, { options: withheld });
  const why = "the agent no longer takes settings for its own connection";
  expect(known(later.servers.old, later)).toEqual([3, 1, why]);
  expect([later.dialled, later.statuses, later.errors]).toEqual([["old"], [`failed: ${why}`], []]);
});
