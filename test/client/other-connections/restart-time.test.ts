import { expect, test } from "vitest";
import type { OtherSettings, TelemetrySettings } from "../../../src/index.js";
import { verifies } from "../../conformance/verifies.js";
import { lastingStore } from "../../store/store-fixture.js";
import { known, offers } from "../connection-settings/moved.js";
import { noting, taking } from "./taking.js";

const [APPLIED, FAILED] = [1, 3];
const TO = { destinationEndpoint: "https://otlp.example.com/v1" };

/** An agent that starts with settings for three classes of telemetry and one name. @param apply for metrics, then */
async function started(apply: (signal: AbortSignal, wait: (ms: number) => Promise<void>) => unknown) {
  const store = lastingStore();
  const still = noting<unknown>().handler;
  const others = { ownTraces: still, ownLogs: still, other: still };
  const first = await taking({ ownMetrics: still, ...others }, { store });
  await offers(first, { ownMetrics: TO, ownTraces: TO, ownLogs: TO, otherConnections: { a: {} } });
  await first.client.stop();
  const { clock, servers } = first;
  const metrics = noting<TelemetrySettings>(({ context }) => {
    const wait = (ms: number) => new Promise<void>((resolve) => void clock.after(ms, resolve));
    return apply(context.signal, wait);
  });
  const settings = { ownMetrics: metrics.handler, ...others };
  const agent = await taking(settings, { store, servers, options: { clock }, isOneOfMany: true });
  return { ...agent, clock };
}

verifies("OWN-02", "a handler that takes ten seconds at a start has them, however many others there are", async () => {
  const agent = await started((_signal, wait) => wait(10_000));
  await agent.clock.advance(10_500);
  expect([agent.dialled, agent.errors]).toEqual([["old"], []]);
  expect(known(agent.servers.old, agent)).toEqual([APPLIED, 1, ""]);
});

test.each([
  ["resolves", APPLIED, ""],
  ["rejects", FAILED, "own_metrics: it did not end within 15000 ms"],
])("a handler that %s shortly after its time counts as it ended", async (how, status, text) => {
  const agent = await started(async (_signal, wait) => {
    await wait(17_000);
    if (how === "rejects") throw new Error("aborted");
  });
  await agent.clock.advance(17_500);
  expect(known(agent.servers.old, agent)).toEqual([status, 1, text]);
});

test("handlers that hang hold up a start for half a minute together, and what they leave no time for says so", async () => {
  const store = lastingStore();
  const names = Array.from({ length: 10 }, (_, index) => `n${index}`);
  const first = await taking({ other: noting<OtherSettings>().handler }, { store });
  await offers(first, { otherConnections: Object.fromEntries(names.map((name) => [name, {}])) });
  await first.client.stop();
  const { handler, calls } = noting<OtherSettings>(() => new Promise(() => undefined));
  const agent = await taking({ other: handler }, { store, servers: first.servers, isOneOfMany: true });
  const warnings: string[] = [];
  agent.client.on("warning", ({ code, message }) => warnings.push(`${code} ${message}`));
  await agent.clock.advance(29_000);
  expect(agent.dialled).toEqual([]);
  const slow = 'settings-slow-start the agent has yet to connect: connectionSettings.other["n0"].apply has not ended';
  expect(warnings).toEqual([slow]);
  await agent.clock.advance(1_500);
  expect(agent.dialled).toEqual(["old"]);
  const text = String(known(agent.servers.old, agent)?.[2]);
  expect(text).toMatch(/^other_connections\["n0"\]: it did not end within 15000 ms; other_connections\["n1"\]: it did/);
  expect(text).toContain('other_connections["n9"]: it was not called: the calls before it took all the time');
  expect(calls.length).toBeLessThan(10);
});

test("a client that ends while handlers hang at its start says no more of them", async () => {
  const agent = await started(() => new Promise(() => undefined));
  const warnings: string[] = [];
  agent.client.on("warning", ({ code }) => warnings.push(code));
  await agent.clock.advance(1_000);
  await Promise.all([agent.client.stop(), agent.clock.advance(3_000)]);
  await agent.clock.advance(60_000);
  expect(warnings).toEqual([]);
});
