import { describe, expect, onTestFinished, test } from "vitest";
import { OpAMPClient, type OpAMPClientOptions, OpAMPError } from "../../src/index.js";
import { memoryTransport, OpAMPServer, type OpAMPServerOptions, virtualClock } from "../../src/testing/index.js";

async function pair(
  { duplex, ...serverOptions }: { duplex: boolean } & OpAMPServerOptions,
  clientOptions: Partial<OpAMPClientOptions> = {},
) {
  const server = await OpAMPServer.start(serverOptions);
  onTestFinished(() => server.close());
  const clock = virtualClock();
  const transport = memoryTransport(server, { duplex });
  const client = new OpAMPClient({
    transport,
    clock,
    random: () => 0,
    description: { identifying: { "service.name": "memory" } },
    ...clientOptions,
  });
  const phases: string[] = [];
  const errors: string[] = [];
  client.on("phase", ({ phase }) => phases.push(phase));
  client.on("error", ({ code }) => errors.push(code));
  onTestFinished(async () => {
    transport.resume();
    void client.stop();
    await clock.advance(60_000);
    await client.stop();
  });
  const links = () => (duplex ? server.connections : server.requests);
  return { server, clock, transport, client, phases, errors, links };
}

describe.each([
  { name: "duplex", duplex: true },
  { name: "polling", duplex: false },
])("$name", ({ duplex }) => {
  test("a client connects, reports and disconnects without a socket", async () => {
    const { server, clock, client, transport } = await pair({ duplex });
    client.start();
    await clock.advance(0);
    expect(client.phase).toBe("online");
    const agent = await server.firstAgent();
    expect(agent.attributes.identifying).toEqual({ "service.name": "memory" });
    await client.stop();
    expect(agent.disconnected).toBe(true);
    expect(server.sockets.total).toBe(0);
    expect(transport.dials).toBe(1);
    expect(agent.messages.every((entry) => entry.transport === (duplex ? "ws" : "http"))).toBe(true);
    expect([agent.connections.open, agent.requests.open, clock.pending]).toEqual([0, 0, 0]);
  });

  test("an exchange does the same in every run", async () => {
    const run = async () => {
      const { clock, client, server } = await pair({ duplex }, { instanceUid: new Uint8Array(16).fill(1) });
      client.start();
      await clock.advance(95_000);
      client.setHealth({ healthy: true });
      await clock.advance(61_000);
      return (await server.firstAgent()).messages.map(({ direction, message }) => [direction, message]);
    };
    const [first, second] = [await run(), await run()];
    expect(first).toEqual(second);
    // One report, three heartbeats, one change and two heartbeats, each answered.
    expect(first).toHaveLength(14);
  });

  test("refusals look like a closed port, and end as configured", async () => {
    const { clock, client, transport, errors, server } = await pair({ duplex });
    transport.refuse(2);
    client.start();
    await clock.advance(0);
    expect(client.phase).toBe("waiting");
    await clock.advance(60_000);
    expect(client.phase).toBe("online");
    expect(errors).toEqual(["ERR_OPAMP_CONNECT", "ERR_OPAMP_CONNECT"]);
    expect((await server.firstAgent()).gaps).toBe(0);
    transport.refuse();
    client.reconnect();
    await clock.advance(600_000);
    expect(client.phase).not.toBe("online");
    transport.refuse(0);
    await clock.advance(120_000);
    expect(client.phase).toBe("online");
  });

  test("a dropped message counts as one that may have arrived", async () => {
    const { clock, client, transport, server, phases, errors } = await pair({ duplex });
    client.start();
    await clock.advance(0);
    client.setHealth({ healthy: false });
    transport.hang();
    await clock.advance(0);
    const agent = await server.firstAgent();
    expect(agent.health).toBeUndefined();
    transport.drop();
    transport.resume();
    await clock.advance(60_000);
    expect(agent.health?.healthy).toBe(false);
    expect(client.phase).toBe("online");
    expect(phases).toContain("waiting");
    expect(errors).toEqual(["ERR_OPAMP_CLOSED"]);
    // The lost message took its number along, and the server asked for everything again.
    expect(agent.gaps).toBe(1);
  });

  test("a network that hangs delays messages without losing or reordering them", async () => {
    const { clock, client, transport, server } = await pair({ duplex, customCapabilities: ["com.example.a"] });
    const channel = client.customCapability("com.example.a");
    transport.hang();
    client.start();
    await clock.advance(1_000);
    expect(client.phase).toBe("connecting");
    transport.resume();
    await clock.advance(0);
    transport.hang();
    const sent = Promise.all(["1", "2", "3"].map((type) => channel.send(type)));
    await clock.advance(1_000);
    const agent = await server.firstAgent();
    expect(agent.received.filter(({ customMessage }) => customMessage !== undefined)).toEqual([]);
    transport.resume();
    await clock.advance(0);
    await sent;
    const types = agent.received.flatMap(({ customMessage }) => customMessage?.type ?? []);
    expect(types).toEqual(["1", "2", "3"]);
    expect(agent.gaps).toBe(0);
  });

  test("a connection that hangs for ever times out", async () => {
    const { clock, client, transport, errors } = await pair(
      { duplex },
      { timeouts: { connectMs: 2_000, answerMs: 2_000 } },
    );
    transport.hang();
    client.start();
    await clock.advance(2_000);
    expect(client.phase).toBe("waiting");
    expect(errors).toEqual(["ERR_OPAMP_TIMEOUT"]);
  });

  test("the server can drop the connection, and is reached again by the next dial", async () => {
    const { clock, client, server, links } = await pair({ duplex });
    client.start();
    await clock.advance(0);
    const agent = await server.firstAgent();
    server.drop();
    agent.drop();
    await clock.advance(90_000);
    expect(client.phase).toBe("online");
    expect(links().maxOpenPerAgent).toBe(1);
    expect(agent.gaps).toBe(0);
  });

  test("a closed server refuses", async () => {
    const { clock, client, server, errors } = await pair({ duplex });
    await server.close();
    client.start();
    await clock.advance(0);
    expect(errors).toEqual(["ERR_OPAMP_CONNECT"]);
    expect(client.phase).toBe("waiting");
  });

  test("a drop without a connection has no effect", async () => {
    const { clock, client, transport, errors } = await pair({ duplex });
    transport.drop();
    transport.refuse(1);
    client.start();
    await clock.advance(0);
    transport.drop();
    expect(errors).toEqual(["ERR_OPAMP_CONNECT"]);
    expect(client.phase).toBe("waiting");
  });

  test("an exchange that the server never answers can be dropped", async () => {
    let silent = true;
    const { clock, client, transport, server, errors } = await pair({
      duplex,
      onMessage: () => (silent ? null : undefined),
    });
    client.start();
    await clock.advance(0);
    silent = false;
    transport.drop();
    await clock.advance(60_000);
    expect(errors).toEqual(["ERR_OPAMP_CLOSED"]);
    expect(client.phase).toBe("online");
    expect((await server.firstAgent()).gaps).toBe(0);
  });
});

describe.each([
  { name: "duplex", duplex: true },
  { name: "polling", duplex: false },
])("scripted refusals, $name", ({ duplex }) => {
  test("are used one after the other, and their pauses are respected", async () => {
    const { clock, client, transport, errors, server } = await pair({ duplex });
    transport.refuseWith({ httpStatus: 503, retryAfterMs: 90_000 });
    transport.refuseWith({ httpStatus: 429, retryAfterMs: 120_000 });
    transport.refuseWith({ httpStatus: 404 });
    client.start();
    await clock.advance(0);
    expect([client.phase, transport.dials]).toEqual(["waiting", 1]);
    const dialledAt = [clock.now()];
    while (client.phase !== "online" && clock.now() < 1_000_000) {
      const { dials } = transport;
      await clock.advance(1_000);
      if (transport.dials > dials) dialledAt.push(clock.now());
    }
    const [first = 0, second = 0, third = 0] = dialledAt;
    expect([second - first >= 90_000, third - second >= 119_000]).toEqual([true, true]);
    expect([client.phase, transport.dials]).toEqual(["online", 4]);
    expect(errors).toEqual(["ERR_OPAMP_THROTTLED", "ERR_OPAMP_THROTTLED", "ERR_OPAMP_HTTP_STATUS"]);
    expect((await server.firstAgent()).gaps).toBe(0);
  });

  test("of credentials are repeated as configured, and renewed ones lead to an attempt at once", async () => {
    const { clock, client, transport, errors } = await pair({ duplex });
    transport.refuseWith({ httpStatus: 401, renewed: "credentials" });
    client.start();
    await clock.advance(500);
    expect([client.phase, transport.dials]).toEqual(["online", 2]);
    transport.refuseWith({ httpStatus: 401 }, 3);
    client.reconnect();
    await clock.advance(600_000);
    expect(client.phase).toBe("online");
    // Over HTTP one of them turns the goodbye away, which nobody complains of.
    expect(errors).toEqual(new Array(duplex ? 4 : 3).fill("ERR_OPAMP_UNAUTHORIZED"));
  });

  test("can be any loss, and are cancelled by refuse(0)", async () => {
    const { clock, client, transport, errors } = await pair({ duplex });
    const error = new OpAMPError("ERR_OPAMP_PROXY", "the proxy is away");
    transport.refuseWith({ error, fate: "unsent", orderly: true, throttled: false }, Number.POSITIVE_INFINITY);
    client.start();
    await clock.advance(600_000);
    expect(client.phase).not.toBe("online");
    expect(new Set(errors)).toEqual(new Set(["ERR_OPAMP_PROXY"]));
    transport.refuse(0);
    await clock.advance(120_000);
    expect(client.phase).toBe("online");
  });
});

test("a message that is too large for the server is refused for good, and others arrive", async () => {
  const { clock, client, transport, errors, server } = await pair({ duplex: false });
  client.start();
  await clock.advance(0);
  transport.refuseWith({ httpStatus: 413 });
  client.setHealth({ healthy: false, lastError: "a long story" });
  await clock.advance(600_000);
  expect(errors[0]).toBe("ERR_OPAMP_TOO_LARGE");
  expect(client.phase).toBe("online");
  const [, next] = (await server.firstAgent()).received;
  // The server never read the refused one, so its number is free again.
  expect(next).toMatchObject({ sequenceNum: 2n });
  expect(next?.health).toBeUndefined();
});

test("a network that hangs holds up pings and pongs", async () => {
  const server = await OpAMPServer.start();
  onTestFinished(() => server.close());
  const transport = memoryTransport(server);
  let alive = 0;
  const opened = new Promise<void>((resolve) => {
    const ignore = () => undefined;
    const dials = { dialing: ignore, dialed: ignore, stale: ignore, progress: ignore };
    const others = { payload: ignore, malformed: ignore, lost: ignore };
    transport.open({ opened: resolve, pong: () => alive++, alive: ignore, ...dials, ...others });
  });
  await opened;
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  transport.ping();
  await settle();
  expect(alive).toBe(1);
  transport.ping();
  transport.hang();
  transport.ping();
  await settle();
  expect(alive).toBe(1);
  transport.resume();
  await settle();
  expect(alive).toBe(3);
});

test("bytes from a server that are not an OpAMP message arrive as malformed, and the connection stays", async () => {
  const { clock, client, server, errors } = await pair({ duplex: true });
  client.start();
  await clock.advance(0);
  const agent = await server.firstAgent();
  agent.sendText("hello");
  agent.sendRaw(Uint8Array.of(1, 2));
  agent.sendRaw(Uint8Array.of(0));
  await clock.advance(0);
  expect(errors).toEqual(["ERR_OPAMP_MALFORMED", "ERR_OPAMP_MALFORMED"]);
  expect(client.phase).toBe("online");
});

test("a server's closing handshake ends the connection in an orderly way", async () => {
  const { clock, client, server, phases } = await pair({ duplex: true });
  client.start();
  await clock.advance(0);
  const agent = await server.firstAgent();
  agent.close(1001, "away");
  expect(agent.connected).toBe(false);
  await clock.advance(60_000);
  expect(phases).toEqual(["connecting", "reporting", "online", "waiting", "connecting", "reporting", "online"]);
});

test("bytes that are not an AgentToServer are answered as over the real transports", async () => {
  const server = await OpAMPServer.start();
  onTestFinished(() => server.close());
  for (const duplex of [true, false]) {
    const transport = memoryTransport(server, { duplex });
    const heard: string[] = [];
    const opened = new Promise<void>((resolve) => {
      transport.open({
        opened: resolve,
        dialing: () => void heard.push("dialing"),
        dialed: () => void heard.push("dialed"),
        progress: () => void heard.push("progress"),
        stale: () => void heard.push("stale"),
        payload: () => void heard.push("payload"),
        pong: () => void heard.push("pong"),
        alive: () => void heard.push("alive"),
        malformed: () => void heard.push("malformed"),
        lost: ({ error }) => void heard.push(error.code),
      });
    });
    await opened;
    transport.send(Uint8Array.of(255));
    await new Promise((resolve) => setImmediate(resolve));
    expect(heard).toEqual([duplex ? "payload" : "ERR_OPAMP_HTTP_STATUS"]);
  }
  expect(server.malformed).toHaveLength(2);
});
