import { describe, expect, test } from "vitest";
import type { OpAMPServer } from "../../../src/testing/index.js";
import { startServer } from "../../server/server-fixture.js";
import { type BlockingGateway, startBlockingGateway, type UpgradePolicy } from "../proxies/blocking-gateway.js";
import { startTimed, type TimedAgent, until } from "./network-fixture.js";

const MINUTE_MS = 60_000;
const POLL_MS = 5 * MINUTE_MS;

interface Blocked extends TimedAgent {
  server: OpAMPServer;
  gateway: BlockingGateway;
  /** Polls once, and waits for the answer. */
  poll(): Promise<void>;
  /** Each phase with the transport it is about. */
  told(): string[];
}

/** A client behind a gateway that does this with upgrades. */
async function behind(policy: UpgradePolicy, scheme: "ws" | "http" = "ws"): Promise<Blocked> {
  const server = await startServer();
  const gateway = await startBlockingGateway(server.url, policy);
  const timed = startTimed({
    url: gateway.url(scheme),
    transport: "auto",
    heartbeat: { intervalMs: POLL_MS },
    ping: false,
  });
  return {
    ...timed,
    server,
    gateway,
    async poll() {
      const { messagesReceived } = timed.client.stats();
      await timed.clock.advance(POLL_MS);
      await until(() => timed.client.stats().messagesReceived > messagesReceived);
    },
    told: () => timed.phases.map(({ phase, transport }) => `${phase} ${transport}`),
  };
}

describe("a client that may use either transport", () => {
  for (const policy of [400, 404, 426, 501, "strip", "close"] as const) {
    test(`polls where a gateway answers an upgrade with ${policy}, after no failure and no wait`, async () => {
      const { client, gateway, errors, server, ...blocked } = await behind(policy);
      await blocked.settled();
      expect([client.phase, client.stats().transport, errors]).toEqual(["online", "http", []]);
      expect(blocked.told().at(-1)).toBe("online http");
      expect(gateway.seen).toEqual({ upgrades: 1, requests: 1 });
      await blocked.poll();
      expect([gateway.seen, server.connections.total, server.requests.total]).toEqual([
        { upgrades: 1, requests: 2 },
        0,
        2,
      ]);
    });
  }

  test("polls after one failed attempt where a gateway leaves upgrades unanswered", async () => {
    const { client, clock, gateway, errors, ...blocked } = await behind("hang");
    await until(() => gateway.seen.upgrades === 1);
    await clock.advance(30_000);
    expect(errors).toMatchObject([{ code: "ERR_OPAMP_TIMEOUT" }]);
    await blocked.nextAttempt();
    expect([client.phase, client.stats().transport, gateway.seen]).toEqual([
      "online",
      "http",
      { upgrades: 1, requests: 1 },
    ]);
  });

  test("returns to WebSocket after ten minutes with its pending report, and falls back again if it must", async () => {
    const { client, clock, gateway, errors, server, ...blocked } = await behind("strip", "http");
    await blocked.settled();
    const agent = server.agent(client.instanceUid);
    await blocked.poll();
    gateway.upgrades = "pass";
    await clock.advance(POLL_MS - 1);
    expect(gateway.seen).toEqual({ upgrades: 1, requests: 2 });
    client.setHealth({ healthy: false, lastError: "disk full" });
    await agent.until(({ health }) => health?.lastError === "disk full");
    await until(() => client.stats().messagesReceived === 3);
    await clock.advance(1);
    client.setHealth({ healthy: true });
    await until(() => client.phase === "waiting");
    expect(blocked.phases.at(-1)).toMatchObject({ reason: "reconnect", transport: "http" });
    await blocked.nextAttempt();
    await agent.until(({ health }) => health?.healthy === true);
    expect([client.phase, client.stats().transport, errors]).toEqual(["online", "websocket", []]);
    expect([server.connections.total, gateway.seen.upgrades, agent.gaps]).toEqual([1, 2, 0]);
    expect(blocked.told().at(-1)).toBe("online websocket");

    gateway.upgrades = 426;
    gateway.drop();
    await until(() => client.phase === "waiting");
    await blocked.nextAttempt();
    expect([client.phase, client.stats().transport, gateway.seen.upgrades]).toEqual(["online", "http", 3]);
  });

  test("is never on both at a time", async () => {
    const { client, server, gateway, clock, ...blocked } = await behind(400);
    await blocked.settled();
    for (let polls = 0; polls < 6; polls++) {
      gateway.upgrades = polls < 3 ? 400 : "pass";
      const { messagesReceived } = client.stats();
      await clock.advance(POLL_MS);
      await until(() => client.phase === "waiting" || client.stats().messagesReceived > messagesReceived);
      if (client.phase === "waiting") await blocked.nextAttempt();
      expect(server.connections.open + server.requests.open).toBeLessThanOrEqual(1);
    }
    expect(client.stats().transport).toBe("websocket");
  });
});
