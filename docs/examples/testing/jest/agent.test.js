const { bearerAuth, memoryStore, OpAMPClient } = require("opamp-client");
const { OpAMPServer } = require("opamp-client/testing");

const ends = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function startServer(options) {
  const server = await OpAMPServer.start(options);
  ends.push(() => server.close());
  return server;
}

/** The agent under test; in your tests it comes from your program. */
function startAgent(url, applied = [], options = {}) {
  const client = new OpAMPClient({
    url,
    description: { identifying: { "service.name": "my-agent" } },
    remoteConfig: {
      apply({ files }) {
        const { "agent.yaml": file } = files;
        if (file === undefined) throw new Error("the offer has no agent.yaml");
        applied.push(file.text());
      },
    },
    ...options,
  });
  ends.push(() => client.stop());
  client.start();
  return client;
}

test("the agent applies the configuration that it is offered", async () => {
  const server = await startServer();
  const applied = [];
  startAgent(server.url, applied);
  const agent = await server.firstAgent();

  const hash = agent.offerConfig({ "agent.yaml": "level: debug" });
  await agent.until((seen) => seen.hasApplied());

  expect(agent.remoteConfig).toEqual({ status: "applied", hash, error: "" });
  expect(applied).toEqual(["level: debug"]);
});

test("the agent says why a configuration failed", async () => {
  const server = await startServer();
  startAgent(server.url);
  const agent = await server.firstAgent();

  agent.offerConfig({ "other.yaml": "level: debug" });
  await agent.until((seen) => seen.hasFailed());

  expect(agent.remoteConfig?.error).toBe("the offer has no agent.yaml");
});

test("the agent comes back with other credentials after a 401", async () => {
  const server = await startServer({ auth: { bearer: "new" } });
  let token = "old";
  const headers = bearerAuth(() => token);
  startAgent(server.url, [], { headers, backoff: { minMs: 10, maxMs: 20 } });

  await server.until(({ attempts }) => attempts.some(({ status }) => status === 401));
  token = "new";
  const agent = await server.firstAgent();

  expect(agent.connected).toBe(true);
});

test("the agent keeps its identity and its configuration across a restart", async () => {
  const server = await startServer();
  const applied = [];
  const store = memoryStore(); // your program has fileStore(directory)
  const before = startAgent(server.url, applied, { store });
  const agent = await server.firstAgent();
  agent.offerConfig({ "agent.yaml": "level: debug" });
  await agent.until((seen) => seen.hasApplied());
  await before.stop();

  const after = startAgent(server.url, applied, { store });
  await agent.until((seen) => seen.connected && seen.hasApplied());

  expect(after.instanceUid).toBe(before.instanceUid);
  expect(applied).toHaveLength(1); // and not once more
});

test("the agent moves to the server that it is offered", async () => {
  const first = await startServer();
  const second = await startServer({ auth: { bearer: "second" } });
  startAgent(first.url, [], { connectionSettings: { opamp: true } });
  const agent = await first.firstAgent();

  const hash = agent.offerSettings({ opamp: { endpoint: second.url, headers: { authorization: "Bearer second" } } });
  const moved = await second.firstAgent();
  await moved.until((seen) => seen.hasAppliedSettings(hash));

  expect(moved.connectionSettings).toEqual({ status: "applied", hash, error: "" });
  expect(agent.disconnected).toBe(true);
});
