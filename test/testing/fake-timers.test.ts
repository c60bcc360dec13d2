import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { OpAMPClient } from "../../src/index.js";
import { FaultProxy, memoryTransport, OpAMPServer, virtualClock } from "../../src/testing/index.js";
import { runSnippet, snippetNamed } from "../docs/snippets.js";

const description = { identifying: { "service.name": "my-agent" } };

afterEach(() => {
  vi.useRealTimers();
});

test.each(["WebSocket", "a proxy", "memory"])("an agent works over %s under fake timers", async (way) => {
  vi.useFakeTimers();
  await using server = await OpAMPServer.start();
  await using proxy = await FaultProxy.start({ target: server });
  const transport = way === "memory" ? { transport: memoryTransport(server) } : undefined;
  const client = new OpAMPClient({
    ...(transport ?? { url: way === "a proxy" ? proxy.url : server.url }),
    description,
    heartbeat: { intervalMs: 3_600_000 },
    remoteConfig: { apply: () => undefined },
  });
  client.start();
  const agent = await server.firstAgent();
  agent.offerConfig({ "a.yaml": "a: 1" });
  await agent.until((seen) => seen.hasApplied());
  const { sequenceNum = 0n } = agent;
  await vi.advanceTimersByTimeAsync(3_600_000);
  await agent.until((seen) => seen.sequenceNum === sequenceNum + 1n);
  await client.stop();
});

test("an agent polls over HTTP under the fake timers that the documentation names", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] });
  await using server = await OpAMPServer.start();
  const client = new OpAMPClient({ url: server.httpUrl, description, heartbeat: { intervalMs: 60_000 } });
  client.start();
  const agent = await server.firstAgent();
  await client.connected();
  await vi.advanceTimersByTimeAsync(60_000);
  await agent.until((seen) => seen.requests.total === 2);
  await client.stop();
});

test("the page's agent polls under fake timers", async () => {
  const { client, agent } = await runSnippet(snippetNamed("fake-timers"), { given: { vi } });
  expect(client).toMatchObject({ phase: "stopped" });
  expect(agent).toMatchObject({ disconnected: true });
});

test("a refusal that is to come late comes under fake timers", async () => {
  vi.useFakeTimers();
  await using server = await OpAMPServer.start();
  server.refuseNext({ status: 503, delayMs: 1 });
  const client = new OpAMPClient({ url: server.url, description });
  onTestFinished(() => client.stop());
  client.start();
  await server.until(({ attempts }) => attempts[0]?.status === 503);
});

test("a wait ends under fake timers", async () => {
  vi.useFakeTimers();
  await using server = await OpAMPServer.start({ clock: virtualClock() });
  await expect(server.firstAgent({ timeoutMs: 1 })).rejects.toMatchObject({ code: "ERR_OPAMP_TIMEOUT" });
});

test("virtual time passes under fake timers", async () => {
  vi.useFakeTimers();
  await using server = await OpAMPServer.start();
  const clock = virtualClock();
  const client = new OpAMPClient({ transport: memoryTransport(server), clock, description });
  client.start();
  await clock.advance(1);
  expect(server.agents.size).toBe(1);
  const stopped = client.stop();
  await clock.advance(1);
  await stopped;
});
