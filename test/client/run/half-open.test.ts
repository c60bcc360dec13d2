import { describe, expect, onTestFinished, test } from "vitest";
import { OpAMPClient, type OpAMPClientOptions, type OpAMPError } from "../../../src/index.js";
import { memoryTransport, OpAMPServer, type OpAMPServerOptions, virtualClock } from "../../../src/testing/index.js";
import { ended, hosted, running } from "../hosted.js";

const DAY_MS = 86_400_000;

/** A running client whose pings are counted. */
async function pinged(options: Partial<OpAMPClientOptions> = {}, serverOptions: OpAMPServerOptions = {}) {
  const host = await hosted(options, serverOptions);
  const { transport } = host;
  const pings: number[] = [];
  const ping = transport.ping.bind(transport);
  transport.ping = () => {
    pings.push(host.clock.now());
    ping();
  };
  host.client.start();
  await host.clock.advance(0);
  return { ...host, pings };
}

describe("a connection whose other end has vanished", () => {
  test("is detected within two intervals, reported as a timeout, and replaced at once", async () => {
    const { client, clock, transport, agent } = await running();
    const phases: unknown[] = [];
    client.on("phase", ({ phase, reason, error }) => phases.push([phase, reason, error?.code]));
    const errors: OpAMPError[] = [];
    client.on("error", (error) => errors.push(error));
    transport.hang();
    await clock.advance(59_999);
    expect(phases).toEqual([]);
    await clock.advance(1);
    expect(client.phase).toBe("waiting");
    await clock.advance(500);
    expect(phases).toEqual([
      ["waiting", "unresponsive", "ERR_OPAMP_TIMEOUT"],
      ["connecting", "retry", undefined],
    ]);
    expect(errors.map(({ message }) => message)).toEqual([
      "the server went silent: nothing came from it any more, not even an answer to a ping",
    ]);
    const before = agent.received.length;
    transport.resume();
    await clock.advance(0);
    expect([client.phase, transport.dials]).toEqual(["online", 2]);
    expect(agent.received.length).toBeGreaterThan(before);
  });

  test("is detected although the agent sends no heartbeats", async () => {
    const { client, clock, transport, errors } = await running({ withhold: ["reportsHeartbeat"] });
    transport.hang();
    await clock.advance(60_500);
    expect([errors, client.phase, transport.dials]).toEqual([["ERR_OPAMP_TIMEOUT"], "connecting", 2]);
  });

  test("is detected after two intervals of the configured length", async () => {
    const { clock, transport, errors } = await running({ ping: { intervalMs: 2_000 } });
    transport.hang();
    await clock.advance(3_999);
    expect(errors).toEqual([]);
    await clock.advance(1);
    expect(errors).toEqual(["ERR_OPAMP_TIMEOUT"]);
  });

  test("is not detected when pings are off", async () => {
    const { client, clock, transport, errors } = await running({ ping: false });
    transport.hang();
    await clock.advance(DAY_MS);
    expect([client.phase, errors, transport.dials]).toEqual(["online", [], 1]);
  });

  test("loses nothing: unanswered reports are repeated on the next one", async () => {
    const { client, clock, transport, agent } = await running();
    transport.hang();
    client.setHealth({ healthy: false, lastError: "disk full" });
    await clock.advance(60_500);
    transport.resume();
    await clock.advance(0);
    expect(agent.health).toMatchObject({ healthy: false, lastError: "disk full" });
    expect(client.phase).toBe("online");
  });

  test("leaves no timer behind in a client that is stopped", async () => {
    const { client, clock, transport } = await running();
    transport.hang();
    await clock.advance(50_000);
    const stopped = client.stop();
    await clock.advance(1_000);
    await stopped;
    expect(clock.pending).toBe(0);
  });
});

describe("a server", () => {
  test("that answers heartbeats is never pinged", async () => {
    const { clock, agent, pings } = await pinged();
    await clock.advance(3_600_000);
    expect([agent.received.length, pings]).toEqual([121, []]);
  });

  test("that answers nothing but pings is kept, without an error", async () => {
    const { client, clock, transport, errors, pings } = await pinged({}, { onMessage: () => null });
    await clock.advance(3_600_000);
    expect([client.phase, transport.dials, errors]).toEqual(["online", 1, []]);
    expect(pings.length).toBeGreaterThan(100);
  });

  test("is pinged once an interval where the agent sends no heartbeats", async () => {
    const { client, clock, pings } = await pinged({ withhold: ["reportsHeartbeat"] });
    await clock.advance(120_000);
    expect([client.phase, pings]).toEqual(["online", [30_000, 60_000, 90_000, 120_000]]);
  });
});

test("a transport whose ping throws loses its connection, and the error is reported", async () => {
  const { client, clock, transport, errors } = await running(
    { ping: { intervalMs: 1_000 } },
    { onMessage: () => null },
  );
  const messages: string[] = [];
  client.on("error", ({ message }) => messages.push(message));
  transport.ping = () => {
    throw new Error("no such frame");
  };
  await clock.advance(1_000);
  expect([errors, messages]).toEqual([["ERR_OPAMP_CONNECT"], ["the transport's ping threw: no such frame"]]);
  expect(client.phase).toBe("waiting");
});

test("a transport that changes between duplex and polling is handled as its current kind", async () => {
  const server = await OpAMPServer.start();
  onTestFinished(() => server.close());
  const clock = virtualClock();
  const kinds = { duplex: memoryTransport(server), polling: memoryTransport(server, { duplex: false }) };
  let current = kinds.duplex;
  const client = new OpAMPClient({
    clock,
    random: () => 0,
    description: { identifying: { "service.name": "both" } },
    transport: {
      get duplex() {
        return current.duplex;
      },
      name: "both",
      open: (sink) => current.open(sink),
      send: (payload) => current.send(payload),
      ping: () => current.ping(),
      close: (code, reason) => current.close(code, reason),
    },
  });
  onTestFinished(() => ended(client, clock));
  client.start();
  await clock.advance(0);
  const agent = await server.firstAgent();
  agent.offerHeartbeat(0);
  await clock.advance(3_600_000);
  expect([client.phase, agent.received.length]).toEqual(["online", 1]);
  current = kinds.polling;
  kinds.duplex.drop();
  await clock.advance(500);
  expect([client.phase, agent.received.length]).toEqual(["online", 2]);
  await clock.advance(90_000);
  expect([client.phase, agent.received.length]).toEqual(["online", 5]);
});
