const { test } = require("node:test");
const { OpAMPClient } = require("opamp-client");
const { OpAMPServer } = require("opamp-client/testing");

test("connects and stops from CommonJS", { timeout: 10_000 }, async (t) => {
  const server = await OpAMPServer.start();
  t.after(() => server.close());
  const client = new OpAMPClient({ url: server.url, description: { identifying: { "service.name": "smoke" } } });
  t.after(() => client.stop());
  client.start();
  await client.connected({ timeoutMs: 5_000 });
});
