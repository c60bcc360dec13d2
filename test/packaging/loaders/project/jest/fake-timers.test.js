// The package is loaded under fake timers, as it is where the configuration turns them on.
jest.useFakeTimers();
const { OpAMPClient } = require("opamp-client");
const { memoryTransport, OpAMPServer } = require("opamp-client/testing");

const description = { identifying: { "service.name": "my-agent" } };

afterEach(() => jest.useRealTimers());

test.each(["ws", "memory"])("an agent works over %s under fake timers as they come", async (way) => {
  jest.useFakeTimers();
  const server = await OpAMPServer.start();
  const carrier = way === "ws" ? { url: server.url } : { transport: memoryTransport(server) };
  const client = new OpAMPClient({ ...carrier, description, heartbeat: { intervalMs: 3_600_000 } });
  client.start();
  const agent = await server.firstAgent();
  await client.connected();
  const { sequenceNum } = agent;
  await jest.advanceTimersByTimeAsync(3_600_000);
  await agent.until((seen) => seen.sequenceNum === sequenceNum + 1n);
  await client.stop();
  await server.close();
});

test("an agent polls over HTTP under the fake timers that docs/testing.md names", async () => {
  jest.useFakeTimers({ doNotFake: ["setImmediate"] });
  const server = await OpAMPServer.start();
  const client = new OpAMPClient({ url: server.httpUrl, description, heartbeat: { intervalMs: 60_000 } });
  client.start();
  const agent = await server.firstAgent();
  await client.connected();
  await jest.advanceTimersByTimeAsync(60_000);
  await agent.until((seen) => seen.requests.total === 2);
  await client.stop();
  await server.close();
});
