import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { describe, expect } from "vitest";
import { OpAMPServer } from "../../../src/testing/index.js";
import { verifies } from "../../conformance/verifies.js";
import { collect, meet, next, partsOf, prepare } from "../../end-to-end/contract/meeting.js";
import { transports } from "../../end-to-end/contract/transports.js";
import { startServer } from "../../server/server-fixture.js";
import { acknowledge, makeClient, startPostOffice } from "../wire-fixture.js";

const [webSocket, http] = transports;
if (webSocket === undefined || http === undefined) throw new Error("no transports");

describe("the scheme of the URL", () => {
  for (const [scheme, method, upgrade] of [
    ["ws", "GET", "websocket"],
    ["http", "POST", undefined],
  ] as const) {
    verifies("TRANS-01", `${scheme} makes the server see ${method} requests only`, async () => {
      const seen: IncomingMessage[] = [];
      const server = await startServer({ onConnect: (request) => void seen.push(request) });
      const client = makeClient({ url: scheme === "ws" ? server.url : server.httpUrl, heartbeat: { intervalMs: 5 } });
      client.start();
      await client.connected();
      const agent = await server.firstAgent();
      await agent.until(({ received }) => received.length >= 5);
      expect(new Set(seen.map((request) => request.method))).toEqual(new Set([method]));
      expect(new Set(seen.map(({ headers }) => headers.upgrade))).toEqual(new Set([upgrade]));
      expect(new Set(seen.map(({ url }) => url))).toEqual(new Set(["/v1/opamp"]));
    });
  }
});

describe("a missing answer", () => {
  verifies("RETRY-02", "over HTTP aborts the request, which is repeated, and a late answer is ignored", async () => {
    const office = await startPostOffice();
    const client = makeClient({ url: office.url, timeouts: { answerMs: 250 } });
    const errors = collect(client, "error");
    client.start();
    const swallowed = await office.posts.next();
    if (!swallowed.response.closed) await once(swallowed.response, "close");
    const repeated = await office.posts.next();
    expect(partsOf(repeated.message)).toEqual(partsOf(swallowed.message));
    expect(partsOf(repeated.message)).toEqual(["agentDescription"]);
    expect(errors).toMatchObject([
      { code: "ERR_OPAMP_TIMEOUT", message: expect.stringMatching(/did not answer within timeouts\.answerMs$/) },
    ]);
    acknowledge(swallowed);
    expect(client.phase).toBe("reporting");
    acknowledge(repeated);
    await client.connected();
    expect(errors).toHaveLength(1);
  });

  verifies("RETRY-02", "over WebSocket is not an error, and the report is repeated after a reconnect", async () => {
    const { client, agent, server } = await meet(webSocket, {
      server: { onMessage: (_agent, { health }) => (health?.lastError === "disk full" ? null : undefined) },
    });
    client.setHealth({ healthy: false, lastError: "disk full" });
    await agent.until(({ health }) => health?.lastError === "disk full");
    const before = agent.received.length;
    server.drop();
    await agent.until(({ received }) => received.length > before);
    expect(agent.received[before]).toMatchObject({ health: { lastError: "disk full" } });
    expect(partsOf(agent.received[before])).toEqual(["agentDescription", "health"]);
    expect(agent.gaps).toBe(0);
  });
});

describe.each([webSocket, http])("over $name", (transport) => {
  verifies(
    "RETRY-02",
    "a report that was lost with the connection is repeated, and an answered one is not",
    async () => {
      let swallow = false;
      const { client, agent, server } = await meet(transport, {
        client: { reconnectReport: "changed" },
        server: {
          onMessage: (_agent, { health }) => {
            if (!swallow || health === undefined) return undefined;
            swallow = false;
            setImmediate(() => server.drop());
            return null;
          },
        },
      });
      swallow = true;
      const before = agent.received.length;
      client.setHealth({ healthy: true, status: "StatusOK" });
      const reported = (): readonly string[][] =>
        agent.received
          .slice(before)
          .map(partsOf)
          .filter((parts) => parts.length > 0);
      await agent.until(() => reported().length === 2);
      expect(reported()).toEqual([["health"], ["health"]]);
    },
  );

  verifies(["EST-03", "SEQ-02", "UID-03"], "a server that restarts on its port is reached again", async () => {
    const first = await startServer({ keepMessages: 10 });
    const applied: string[] = [];
    const client = makeClient({
      url: transport.duplex ? first.url : first.httpUrl,
      ...(transport.duplex ? {} : { heartbeat: { intervalMs: 5 } }),
      remoteConfig: { apply: ({ files }) => void applied.push(...Object.keys(files)) },
    });
    client.start();
    const agent = await first.firstAgent();
    const hash = agent.offerConfig({ "a.yaml": "a: 1" });
    await agent.until((record) => record.hasApplied());
    const last = agent.sequenceNum ?? 0n;
    const { uidText } = agent;
    const gone = next(client, "error");
    await first.close();
    await gone;
    const second = await OpAMPServer.start({ port: first.port });
    try {
      const again = await second.firstAgent();
      expect(again.uidText).toBe(uidText);
      expect(again.sequenceNum).toBeGreaterThan(last);
      // The new server knows nothing: it asks for everything, and offers the same configuration.
      again.offerConfig({ "a.yaml": "a: 1" }, { hash });
      await again.until((record) => record.hasApplied(hash));
      expect(applied).toEqual(["a.yaml"]);
      expect(second.malformed).toEqual([]);
    } finally {
      await client.stop();
      await second.close();
    }
  });

  verifies("DUP-01", "through 20 forced drops there is never more than one connection", async () => {
    const { client, agent, server } = await prepare(transport);
    const errors = collect(client, "error");
    client.start();
    for (let drops = 0; drops < 20; drops++) {
      const heard = agent.received.length;
      await agent.until(({ received }) => received.length > heard);
      server.drop();
    }
    const heard = agent.received.length;
    await agent.until(({ received }) => received.length > heard);
    const links = transport.duplex ? server.connections : server.requests;
    expect(links.maxOpenPerAgent).toBe(1);
    expect(links.total).toBeGreaterThanOrEqual(21);
    expect(server.sockets.open).toBeLessThanOrEqual(1);
    expect(errors.every(({ code }) => code === "ERR_OPAMP_CLOSED" || code === "ERR_OPAMP_CONNECT")).toBe(true);
    expect(agent.gaps).toBe(0);
  });
});
