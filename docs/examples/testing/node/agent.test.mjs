import assert from "node:assert/strict";
import { test } from "node:test";
import { bearerAuth, memoryStore, OpAMPClient } from "opamp-client";
import { OpAMPServer } from "opamp-client/testing";

async function startServer(t, options) {
  const server = await OpAMPServer.start(options);
  t.after(() => server.close());
  return server;
}

/** The agent under test; in your tests it comes from your program. */
function startAgent(t, url, applied = [], options = {}) {
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
  t.after(() => client.stop());
  client.start();
  return client;
}

test("the agent applies the configuration that it is offered", async (t) => {
  const server = await startServer(t);
  const applied = [];
  startAgent(t, server.url, applied);
  const agent = await server.firstAgent();

  const hash = agent.offerConfig({ "agent.yaml": "level: debug" });
  await agent.until((seen) => seen.hasApplied());

  assert.deepEqual(agent.remoteConfig, { status: "applied", hash, error: "" });
  assert.deepEqual(applied, ["level: debug"]);
});

test("the agent says why a configuration failed", async (t) => {
  const server = await startServer(t);
  startAgent(t, server.url);
  const agent = await server.firstAgent();

  agent.offerConfig({ "other.yaml": "level: debug" });
  await agent.until((seen) => seen.hasFailed());

  assert.equal(agent.remoteConfig?.error, "the offer has no agent.yaml");
});

test("the agent comes back with other credentials after a 401", async (t) => {
  const server = await startServer(t, { auth: { bearer: "new" } });
  let token = "old";
  const headers = bearerAuth(() => token);
  startAgent(t, server.url, [], { headers, backoff: { minMs: 10, maxMs: 20 } });

  await server.until(({ attempts }) => attempts.some(({ status }) => status === 401));
  token = "new";
  const agent = await server.firstAgent();

  assert.equal(agent.connected, true);
});

test("the agent keeps its identity and its configuration across a restart", async (t) => {
  const server = await startServer(t);
  const applied = [];
  const store = memoryStore(); // your program has fileStore(directory)
  const before = startAgent(t, server.url, applied, { store });
  const agent = await server.firstAgent();
  agent.offerConfig({ "agent.yaml": "level: debug" });
  await agent.until((seen) => seen.hasApplied());
  await before.stop();

  const after = startAgent(t, server.url, applied, { store });
  await agent.until((seen) => seen.connected && seen.hasApplied());

  assert.equal(after.instanceUid, before.instanceUid);
  assert.equal(applied.length, 1); // and not once more
});

test("the agent moves to the server that it is offered", async (t) => {
  const first = await startServer(t);
  const second = await startServer(t, { auth: { bearer: "second" } });
  startAgent(t, first.url, [], { connectionSettings: { opamp: true } });
  const agent = await first.firstAgent();

  const hash = agent.offerSettings({ opamp: { endpoint: second.url, headers: { authorization: "Bearer second" } } });
  const moved = await second.firstAgent();
  await moved.until((seen) => seen.hasAppliedSettings(hash));

  assert.deepEqual(moved.connectionSettings, { status: "applied", hash, error: "" });
  assert.equal(agent.disconnected, true);
});
