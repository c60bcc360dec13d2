const assert = require("node:assert/strict");
const { test } = require("node:test");
const { OpAMPClient } = require("opamp-client");
const { OpAMPServer } = require("opamp-client/testing");

const APPLIED = 1;

for (const transport of ["url", "httpUrl"]) {
  test(`connects, applies an offer and stops from CommonJS, at the server's ${transport}`, {
    timeout: 10_000,
  }, async (t) => {
    const server = await OpAMPServer.start();
    t.after(() => server.close());
    let applied = 0;
    const client = new OpAMPClient({
      url: server[transport],
      heartbeat: { intervalMs: 1_000 },
      description: { identifying: { "service.name": "smoke" } },
      remoteConfig: {
        apply() {
          applied += 1;
        },
      },
    });
    t.after(() => client.stop());
    client.start();
    await client.connected({ timeoutMs: 5_000 });
    const agent = await server.firstAgent();
    agent.offerConfig({ "a.yaml": "x: 1" });
    await agent.until((record) => record.remoteConfigStatus?.status === APPLIED);
    assert.equal(applied, 1);
  });
}
