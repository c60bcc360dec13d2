import { describe, expect, test } from "vitest";
import { UID_BYTES } from "../../../../src/base/bytes.js";
import type { MemoryTransport } from "../../../../src/testing/index.js";
import { figureOf, startFleet } from "./fleet.js";

describe.each([
  ["WebSocket", true],
  ["HTTP", false],
])("a fleet over %s", (_, duplex) => {
  test("starts in even steps, stays connected, and disconnects in an orderly way", async () => {
    const { server, clock, end } = await startFleet({ agents: 20, rampMs: 2_000 }, { duplex });
    await clock.advance(1_000);
    expect(server.agents.size).toBeGreaterThanOrEqual(9);
    expect(server.agents.size).toBeLessThanOrEqual(11);
    const result = await end();
    expect(figureOf(result, "connected at the end")).toBe(20);
    expect(figureOf(result, "attempts accepted")).toBe(20);
    expect(result.seconds[0]?.attempts).toBeGreaterThanOrEqual(9);
    expect(result.seconds.at(-1)?.connected).toBe(0);
    expect(
      [...server.agents.values()].filter((agent) => agent.lastMessage?.agentDisconnect !== undefined),
    ).toHaveLength(20);
    expect(clock.pending).toBe(0);
  });

  test("has restarts under the same uid and breaks, from which everybody comes back", async () => {
    const perMinute = { healthChanges: 0, restarts: 3, breaks: 3 };
    const { server, end } = await startFleet({ agents: 10, durationMs: 40_000, perMinute }, { duplex });
    const result = await end();
    expect(server.agents.size).toBe(10);
    const [restarts = 0, breaks = 0] = [figureOf(result, "restarts"), figureOf(result, "breaks")];
    expect(restarts).toBeGreaterThan(5);
    expect(breaks).toBeGreaterThan(5);
    const again = (figureOf(result, "attempts") ?? 0) - 10;
    // Each may be on its way at the end.
    expect(again).toBeGreaterThanOrEqual(restarts + breaks - 10);
    expect(again).toBeLessThanOrEqual(restarts + breaks);
    expect(result.figures.filter(({ name }) => /refused|lost/.test(name))).toEqual([]);
  });
});

test("agents report health that changes, and their effective config", async () => {
  const { server, end } = await startFleet({ perMinute: { healthChanges: 3, restarts: 0, breaks: 0 } });
  const result = await end();
  expect(figureOf(result, "changes of health")).toBeGreaterThan(3);
  const reported = [...server.agents.values()].flatMap(({ received }) => received.map(({ health }) => health));
  expect(reported.filter((health) => health?.healthy === false).length).toBeGreaterThan(1);
  for (const agent of server.agents.values())
    expect(agent.effectiveFiles["agent.yaml"]?.text()).toContain("simulation");
});

test("offers are applied after a while and fail as often as told", async () => {
  const { server, clock, end } = await startFleet({ agents: 60, failedOffers: 0.25, rampMs: 0, applyMs: 2_000 });
  await clock.advance(100);
  for (const agent of server.agents.values()) agent.offerConfig({ "offered.yaml": "a: 1" });
  await clock.advance(900);
  const applied = () => [...server.agents.values()].filter((agent) => "offered.yaml" in agent.effectiveFiles).length;
  expect(applied()).toBe(0);
  const result = await end();
  const failed = figureOf(result, "offers failed") ?? 0;
  expect(failed).toBeGreaterThan(5);
  expect(failed).toBeLessThan(30);
  expect(figureOf(result, "offers applied")).toBe(60 - failed);
  expect(applied()).toBe(60 - failed);
});

test("an agent restarts at the server's command, under the uid that the server has given it", async () => {
  const uid = "01890a5d-ac96-774b-bcce-b302099a8057";
  const { server, clock, end } = await startFleet({ agents: 1, rampMs: 0 });
  await clock.advance(100);
  const agent = await server.firstAgent();
  agent.assignUid(uid);
  await clock.advance(100);
  agent.restart();
  const before = agent.received.length;
  const result = await end();
  expect(figureOf(result, "restarts")).toBe(1);
  expect(figureOf(result, "attempts accepted")).toBe(2);
  const after = server.agent(uid).received.slice(before);
  // agent_disconnect, and the first report of the next life.
  expect(after.map(({ agentDisconnect }) => agentDisconnect !== undefined)).toEqual([true, false, true]);
  expect([...server.agents.keys()]).toEqual([uid]);
});

test("the same seed makes the same run, and another one another", async () => {
  const run = async (seed: number) => {
    const perMinute = { healthChanges: 2, restarts: 2, breaks: 2 };
    const { server, end } = await startFleet({ seed, perMinute, agents: 10 });
    const { seconds, figures } = await end();
    return { seconds, uids: [...server.agents.keys()], figures };
  };
  const first = await run(1);
  expect(await run(1)).toEqual(first);
  const other = await run(2);
  expect(other.uids.filter((uid) => first.uids.includes(uid))).toEqual([]);
  expect(new Set(first.uids).size).toBe(10);
  expect(first.uids.every((uid) => uid.replaceAll("-", "").length === 2 * UID_BYTES)).toBe(true);
});

test("refusals and lost connections are counted by their code, with an example", async () => {
  const network = (transport: MemoryTransport) => transport.refuseWith({ httpStatus: 401 }, 1);
  const { server, clock, end } = await startFleet({ agents: 5, rampMs: 0, durationMs: 90_000 }, { network });
  await clock.advance(60_000);
  expect(server.connections.open).toBe(5);
  server.drop();
  const result = await end();
  expect(figureOf(result, "attempts")).toBe(3 * 5);
  expect(figureOf(result, "connections lost: ERR_OPAMP_CLOSED")).toBe(5);
  const refused = result.figures.find(({ name }) => name === "attempts refused: ERR_OPAMP_UNAUTHORIZED");
  expect(refused).toMatchObject({ value: 5, unit: "attempts", note: expect.stringContaining("401") });
  expect(result.seconds.reduce((sum, second) => sum + second.refused, 0)).toBe(5);
});

test("an aborted run ends at once, disconnects everybody and has the figures so far", async () => {
  const controller = new AbortController();
  const { server, clock, end } = await startFleet({ rampMs: 4_000 }, { signal: controller.signal });
  await clock.advance(2_000);
  controller.abort();
  const result = await end();
  expect(figureOf(result, "agents started")).toBe(server.agents.size);
  expect(server.agents.size).toBeLessThan(20);
  expect(server.connections.open).toBe(0);
  expect(result.seconds.length).toBeLessThan(5);
});

test("progress is told each second, and what the process used is counted for each agent", async () => {
  const told: number[] = [];
  const { end } = await startFleet(
    { agents: 10 },
    { onProgress: ({ virtualSeconds }) => void told.push(virtualSeconds) },
  );
  const result = await end();
  expect(told).toEqual(Array.from({ length: 12 }, (_, second) => second));
  // 12 seconds of 1 KiB each, and the last look.
  expect(figureOf(result, "memory of an agent")).toBeCloseTo(1.2);
});
