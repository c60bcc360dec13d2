import { describe, expect, onTestFinished, test } from "vitest";
import { FaultProxy, type OpAMPServer } from "../../../src/testing/index.js";
import { makeClient } from "../../client/wire-fixture.js";
import { verifies } from "../../conformance/verifies.js";
import { startServer } from "../../server/server-fixture.js";
import { collect } from "../contract/meeting.js";
import { until, urlOf, type Way, ways } from "./network-fixture.js";

const INTERVAL_MS = 40;
/** So long a silent link may take to be noticed, on a machine that is busy. */
const NOTICED_MS = 3_000;

/** A client whose way to the server can be made to swallow everything. */
async function overDarkNetwork(server: OpAMPServer, way: Way) {
  const network = await FaultProxy.start({ target: urlOf(server, way) });
  onTestFinished(() => network.close());
  const client = makeClient({
    url: network.url,
    heartbeat: { intervalMs: way.duplex ? 60_000 : INTERVAL_MS },
    ping: { intervalMs: INTERVAL_MS },
    timeouts: { connectMs: 500, answerMs: 10 * INTERVAL_MS },
  });
  const [phases, errors] = [collect(client, "phase"), collect(client, "error")];
  client.start();
  await client.connected();
  return { client, network, phases, errors };
}

describe.each(ways)("over $name", (way) => {
  verifies(
    "RETRY-02",
    "a connection on which nothing arrives any more is detected, and replaced once possible",
    async () => {
      const server = await startServer();
      const { client, network, phases, errors } = await overDarkNetwork(server, way);
      const agent = server.agent(client.instanceUid);
      network.blackhole();
      client.setHealth({ healthy: false, lastError: "in the dark" });
      const darkAt = performance.now();
      await until(() => client.phase !== "online");
      expect(performance.now() - darkAt).toBeLessThan(NOTICED_MS);
      expect(errors[0]).toMatchObject({ code: "ERR_OPAMP_TIMEOUT" });
      expect(phases.find(({ phase }) => phase === "waiting")?.reason).toBe(way.duplex ? "unresponsive" : "timeout");
      // The network stays dark for some attempts.
      await until(() => client.stats().dials >= 3);
      expect(agent.health).toBeUndefined();
      await network.restore();
      await agent.until(({ health }) => health?.lastError === "in the dark");
      await client.connected();
      expect(agent.connections.maxOpen).toBeLessThanOrEqual(2);
    },
  );
});

test("a connection that carries only pings and pongs stays up", async () => {
  const server = await startServer();
  const [webSocket] = ways;
  if (webSocket === undefined) throw new Error("no WebSocket");
  const { client, errors } = await overDarkNetwork(server, webSocket);
  await until(() => client.stats().pongsReceived >= 5);
  expect([client.phase, errors, client.stats().dials]).toEqual(["online", [], 1]);
});

test("a connection that is broken in one direction only is detected too", async () => {
  const server = await startServer();
  const [webSocket] = ways;
  if (webSocket === undefined) throw new Error("no WebSocket");
  const { client, network, errors } = await overDarkNetwork(server, webSocket);
  network.blackhole({ direction: "down" });
  await until(() => errors.length > 0);
  expect(errors[0]).toMatchObject({ code: "ERR_OPAMP_TIMEOUT" });
  await network.restore();
  await client.connected();
});
