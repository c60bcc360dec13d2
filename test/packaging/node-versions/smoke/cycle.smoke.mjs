import assert from "node:assert/strict";
import { test } from "node:test";
import { OpAMPClient } from "opamp-client";
import { OpAMPServer } from "opamp-client/testing";

const APPLIED = 1;

for (const transport of ["ws", "http"]) {
  test(`connects, applies an offer, reports it and stops over ${transport}`, { timeout: 10_000 }, async (t) => {
    const server = await OpAMPServer.start();
    t.after(() => server.close());
    const applied = [];
    const client = new OpAMPClient({
      url: transport === "ws" ? server.url : server.httpUrl,
      // Over HTTP an offer waits for the next poll.
      heartbeat: { intervalMs: 1_000 },
      description: { identifying: { "service.name": "smoke", "service.version": "1.0.0" } },
      effectiveConfig: () => ({ "a.yaml": { body: "x: 1", contentType: "text/yaml" } }),
      remoteConfig: {
        apply: async (config) => {
          applied.push(config);
        },
      },
    });
    t.after(() => client.stop());
    client.start();
    await client.connected({ timeoutMs: 5_000 });
    const agent = await server.firstAgent();
    agent.offerConfig({ "a.yaml": "x: 1" });
    await agent.until((record) => record.remoteConfigStatus?.status === APPLIED);
    assert.equal(applied.length, 1);
    await client.stop();
  });
}
