const { OpAMPClient } = require("opamp-client");
const { OpAMPServer } = require("opamp-client/testing");

const ends = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** The server under test. An OpAMPServer stands in for yours here: it offers a configuration to every agent that reports. */
async function startServer() {
  const offered = new Set();
  const server = await OpAMPServer.start({
    onMessage(agent) {
      if (!offered.has(agent.uidText)) agent.offerConfig({ "agent.yaml": "level: debug" });
      offered.add(agent.uidText);
      return undefined;
    },
  });
  ends.push(() => server.close());
  return server;
}

test("the server offers its configuration, and hears that it failed", async () => {
  const server = await startServer();
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
  ends.push(() => client.stop());
  client.start();
  await client.connected({ timeoutMs: 4_000 });

  expect(await failed).toBe("no space left on the device");
  expect(offers).toEqual(["agent.yaml"]);
  client.setHealth({ healthy: false, lastError: "no space left on the device" });

  // From here on with what your server shows: its API, its database, its pages.
  const agent = await server.agent(client.instanceUid).until((seen) => seen.health?.healthy === false);
  expect(agent.hasFailed()).toBe(true);
});
