import { describe, expect, onTestFinished, test } from "vitest";
import { memoryStore, OpAMPClient, type OpAMPError } from "../../src/index.js";
import { memoryTransport, OpAMPServer, virtualClock } from "../../src/testing/index.js";
import { parseEndpoint } from "../../src/transport/url/endpoint.js";
import { verifies } from "../conformance/verifies.js";
import { rejectionOf } from "./rejection.js";

const OLD = "wss://old.example.com/v1/opamp";

/** An agent of a first server that may go to a second one, in memory and on virtual time. */
async function meeting(to: string) {
  const [first, second] = [await OpAMPServer.start(), await OpAMPServer.start()];
  const clock = virtualClock();
  const network = memoryTransport({ [OLD]: first, [to]: second });
  const client = new OpAMPClient({
    url: OLD,
    transport: network,
    clock,
    store: memoryStore(),
    description: { identifying: { "service.name": "moved" } },
    heartbeat: { intervalMs: 10_000 },
    connectionSettings: { opamp: { endpoints: ["*.example.com"] } },
  });
  onTestFinished(async () => {
    await client.stop();
    await Promise.all([first.close(), second.close()]);
  });
  client.start();
  const agent = await first.firstAgent();
  await clock.advance(0);
  return { second, clock, network, client, agent };
}

describe.each(["wss://new.example.com/v1/opamp", "https://new.example.com:8443/opamp"])("a server at %s", (to) => {
  verifies(["CONN-07", "CONN-08"], "takes over an agent that is moved there, without a socket", async () => {
    const { second, clock, network, client, agent } = await meeting(to);
    const hash = agent.offerSettings({ opamp: { endpoint: to } });
    await clock.advance(20_000);
    const moved = second.agent(client.instanceUid);
    expect(moved.connectionSettings).toEqual({ status: "applied", hash, error: "" });
    expect([agent.disconnected, agent.connectionSettings?.status]).toEqual([true, "applying"]);
    expect(moved.link?.transport).toBe(to.startsWith("wss") ? "ws" : "http");
    expect([network.to(OLD).dials, second.sockets.total]).toEqual([1, 0]);
    expect(network.to(to).dials).toBeGreaterThan(0);
  });

  verifies("CONN-09", "sends back the agent that it refuses", async () => {
    const { clock, network, agent } = await meeting(to);
    network.to(to).refuseWith({ httpStatus: 401 }, Number.POSITIVE_INFINITY);
    const hash = agent.offerSettings({ opamp: { endpoint: to } });
    await clock.advance(20_000);
    expect(agent.connectionSettings).toEqual({ status: "failed", hash, error: expect.stringContaining("401") });
    expect(network.to(OLD).dials).toBe(2);
  });
});

test("an agent that was moved can be moved back, and forgotten settings are not offered by the server it left", async () => {
  const to = "wss://new.example.com";
  const { second, clock, network, client, agent } = await meeting(to);
  agent.offerSettings({ opamp: { endpoint: to } });
  await clock.advance(20_000);
  const hash = second.agent(client.instanceUid).offerSettings({ opamp: { endpoint: OLD } });
  await clock.advance(120_000);
  expect([agent.connected, agent.hasAppliedSettings(hash)]).toEqual([true, true]);
  expect([network.to(OLD).dials, network.to(to).dials]).toEqual([2, 1]);
  agent.offerSettings({ opamp: { endpoint: to, headers: { a: "b" } } });
  await clock.advance(20_000);
  expect(client.connection?.source).toBe("server");
  client.forgetConnectionSettings();
  await clock.advance(120_000);
  expect([agent.connected, client.connection?.source]).toEqual([true, "options"]);
  expect(agent.connectionSettings?.status).toBe("unset");
});

verifies("HB-02", "an interval that the kit offers moves nothing, and does not count as a move", async () => {
  const { clock, network, client, agent } = await meeting("wss://new.example.com");
  const intervals: number[] = [];
  client.on("heartbeatInterval", (intervalMs) => intervals.push(intervalMs));
  for (let seconds = 11; seconds <= 20; seconds += 1) {
    const hash = agent.offerHeartbeat(seconds);
    await clock.advance(100);
    expect(agent.hasAppliedSettings(hash)).toBe(true);
  }
  expect([intervals.at(-1), network.to(OLD).dials, client.connection?.source]).toEqual([20_000, 1, "options"]);
  const hash = agent.offerHeartbeat(0);
  await clock.advance(100);
  expect(agent.hasFailedSettings(hash)).toBe(true);
});

test("nothing listens where no server is named", async () => {
  const { clock, agent } = await meeting("wss://new.example.com");
  agent.offerSettings({ opamp: { endpoint: "wss://nowhere.example.com" } });
  await clock.advance(120_000);
  expect(agent.connectionSettings).toMatchObject({ status: "failed", error: expect.stringMatching(/nobody|refused/) });
});

test.each<[unknown, string]>([
  [{}, "server: must be an OpAMPServer, or a record of them by URL, not object"],
  [{ "old.example.com": 1 }, 'servers["old.example.com"]: must be a URL that begins with ws://'],
  [{ "ws://a": 1 }, 'servers["ws://a"]: must be an OpAMPServer, not number'],
])("what is not a record of servers is refused: %o", (servers, message) => {
  expect(() => memoryTransport(servers as Record<string, OpAMPServer>)).toThrow(message);
});

test("options that have no meaning for several servers are refused", async () => {
  await using server = await OpAMPServer.start();
  const given = (options: object) => () => Reflect.apply(memoryTransport, undefined, [{ "ws://a": server }, options]);
  expect(given({ duplex: false })).toThrow("duplex: is for one server; of several the scheme of each URL decides");
  expect(given({ duplx: false })).toThrow("duplx: is not an option. Did you mean duplex?");
});

test("servers at one place are refused, and so is a place without one", async () => {
  await using server = await OpAMPServer.start();
  for (const [one, other] of [
    ["ws://a", "ws://A/x"],
    ["ws://a:80/x", "ws://a:80"],
  ] as const) {
    const network = () => memoryTransport({ [one]: server, [other]: server });
    expect(network).toThrow("is the same place as another");
  }
  const network = memoryTransport({ "ws://a": server });
  expect(() => network.to("wss://a")).toThrow("url: there is no server");
  expect(network.to("ws://a:4320/other")).toBe(network.to("ws://a"));
});

test.each([
  ["wss://opamp.example.com/v1/opamp", "wss://opamp.example.com"],
  ["wss://opamp.example.com", "wss://opamp.example.com/v1/opamp"],
  ["wss://opamp.example.com:4320/v1/opamp", "wss://OPAMP.example.com"],
  ["https://opamp.example.com:8443", "https://opamp.example.com/x"],
  ["wss://opamp.example.com", "wss://opamp.example.com:4320/other"],
  ["wss://opamp.example.com/v1/opamp", "wss://opamp.example.com:443"],
  ["ws://[::1]:5000", "ws://[::1]"],
])("a dial to %s reaches the server at %s", async (url, place) => {
  await using server = await OpAMPServer.start();
  const network = memoryTransport({ [place]: server, "wss://other.example.com": server });
  expect(network({ endpoint: parseEndpoint(url) })).toBe(network.to(place));
});

test("a server at a port is found before the one at all ports of its host", async () => {
  await using server = await OpAMPServer.start();
  const network = memoryTransport({ "ws://a": server, "ws://a:4320": server });
  const dial = (url: string) => network({ endpoint: parseEndpoint(url) });
  expect(dial("ws://a")).toBe(network.to("ws://a:4320"));
  expect(dial("ws://a/x")).toBe(network.to("ws://a"));
  expect(network.to("ws://a")).not.toBe(network.to("ws://a:4320"));
});

test.each([
  ["wss://opamp.example.com/v1/opamp?token=s3cret", "wss://opamp.example.com:4320", "wss://opamp.example.com:443"],
  ["https://opamp.example.com:8443", "wss://opamp.example.com", "https://opamp.example.com:8443"],
])("a dial to %s that nobody hears is told on both sides", async (url, place, dialled) => {
  await using server = await OpAMPServer.start();
  const client = new OpAMPClient({
    url,
    transport: memoryTransport({ [place]: server }),
    description: { identifying: { "service.name": "lost" } },
  });
  const lost = new Promise<OpAMPError>((resolve) => client.on("error", resolve));
  client.start();
  const { message, hint } = await lost;
  expect(message).toContain(`refused, none of its servers is at ${dialled}`);
  expect(hint).toContain(`its servers are at ${place};`);
  await client.stop();
  const wait = await rejectionOf(server.firstAgent({ timeoutMs: 1 }));
  expect(wait.message).toContain(`\n  a memoryTransport dialled ${dialled}; its servers are at ${place}`);
  expect(`${message}${hint}${wait.message}`).not.toContain("s3cret");
});
