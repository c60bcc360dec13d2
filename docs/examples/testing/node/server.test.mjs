import assert from "node:assert/strict";
import { test } from "node:test";
import { OpAMPClient } from "opamp-client";
import { OpAMPServer } from "opamp-client/testing";

/** The server under test. An OpAMPServer stands in for yours here: it offers a configuration to every agent that reports. */
async function startServer(t) {
  const offered = new Set();
  const server = await OpAMPServer.start({
    keepAlive: true, // holds the test while it waits for something of its own
    onMessage(agent) {
      if (!offered.has(agent.uidText)) agent.offerConfig({ "agent.yaml": "level: debug" });
      offered.add(agent.uidText);
      return undefined;
    },
  });
  t.after(() => server.close());
  return server;
}

test("the server offers its configuration, and hears that it failed", async (t) => {
  const server = await startServer(t);
  const offers = [];
  // The client is the script: it says what an agent says, and does what the test wants done.
  const client = new OpAMPClient({
    url: server.url,
    description: { identifying: { "service.name": "scripted" } },
    health: { healthy: true },
    remoteConfig: {
      apply({ files }) {
        offers.push(...Object.keys(files));
        throw new Error("no space left on the device");
      },
    },
  });
  const failed = new Promise((resolve) => {
    client.on("offer", ({ status, error }) => {
      if (status === "failed") resolve(error);
    });
  });
  t.after(() => client.stop());
  client.start();
  await client.connected({ timeoutMs: 4_000 });

  assert.equal(await failed, "no space left on the device");
  assert.deepEqual(offers, ["agent.yaml"]);
  client.setHealth({ healthy: false, lastError: "no space left on the device" });

  // From here on with what your server shows: its API, its database, its pages.
  const agent = await server.agent(client.instanceUid).until((seen) => seen.health?.healthy === false);
  assert.equal(agent.hasFailed(), true);
});
