import { describe, expect } from "vitest";
import { verifies } from "../../conformance/verifies.js";
import { startServer } from "../../server/server-fixture.js";
import { partsOf } from "../contract/meeting.js";
import { startTimed, until, urlOf, ways } from "./network-fixture.js";

const HOUR_MS = 3_600_000;

for (const way of ways) {
  describe(`over ${way.name}`, () => {
    verifies("RETRY-02", "a report that was lost with its connection arrives on the next one", async () => {
      const server = await startServer();
      const { client, errors, dials, ...timed } = startTimed({ url: urlOf(server, way), health: { healthy: true } });
      await timed.settled();
      const agent = server.agent(client.instanceUid);
      const heard = agent.received.length;
      // The first over HTTP meets a kept connection, and counts for nothing.
      const resets = way.duplex ? 1 : 2;
      server.misbehave({ mode: "reset", times: resets });
      client.setHealth({ healthy: false, lastError: "disk full" });
      await until(() => client.phase === "waiting");
      await timed.nextAttempt();
      await until(() => client.phase === "online");
      const told = agent.received.slice(heard).filter((message) => partsOf(message).includes("health"));
      expect(told.map(({ health }) => health?.lastError)).toEqual(new Array(resets + 1).fill("disk full"));
      expect([errors.length, dials.length, agent.gaps]).toEqual([1, 2, 0]);
    });

    verifies(
      "RETRY-03",
      "a thousand changes while the server is away are one report with the last of each",
      async () => {
        let isDown = true;
        const server = await startServer({ onConnect: () => (isDown ? { status: 500 } : undefined) });
        let config = "a: 0";
        const { client, ...timed } = startTimed({
          url: urlOf(server, way),
          effectiveConfig: () => ({ "a.yaml": { body: config } }),
        });
        await timed.settled();
        for (let change = 1; change <= 1_000; change++) {
          client.setHealth({ healthy: change % 2 === 0, status: `${change}` });
          if (change % 100 === 0) await timed.nextAttempt();
        }
        config = "a: 1";
        client.refreshEffectiveConfig();
        isDown = false;
        await timed.nextAttempt();
        const agent = server.agent(client.instanceUid);
        const [first, ...more] = agent.received;
        expect(partsOf(first)).toEqual(["agentDescription", "health", "effectiveConfig"]);
        expect([agent.health?.status, agent.effectiveFiles["a.yaml"]?.text()]).toEqual(["1000", "a: 1"]);
        expect(more.map(partsOf).filter((parts) => parts.includes("health"))).toEqual([]);
      },
    );

    verifies("DUP-03", "a server that rejects another agent for hours is dialled with backoff only", async () => {
      const server = await startServer({ onConnect: () => ({ status: 409 }) });
      const { client, clock, errors, dials, ...timed } = startTimed({ url: urlOf(server, way) });
      await timed.settled();
      while (clock.now() < 2 * HOUR_MS) await timed.nextAttempt();
      const gaps = dials.slice(1).map((at, place) => at - (dials[place] ?? 0));
      expect(gaps.every((ms) => ms >= 1_000 && ms <= 60_000)).toBe(true);
      expect(dials.length).toBeLessThan(400);
      expect([client.phase, errors.length]).toEqual(["waiting", dials.length]);
    });
  });
}

describe("over WebSocket", () => {
  verifies("DUP-03", "a server that accepts and closes each time is dialled with backoff only", async () => {
    const server = await startServer();
    server.misbehave({ mode: "close", code: 1008, reason: "duplicate instance uid", times: Number.POSITIVE_INFINITY });
    const { client, clock, errors, dials } = startTimed({ url: server.url });
    while (clock.now() < HOUR_MS) {
      await until(() => client.phase === "waiting");
      const { nextAttemptAt } = client.stats();
      await clock.advance((nextAttemptAt?.getTime() ?? 0) - clock.wallNow());
    }
    expect(dials.slice(1).every((at, place) => at - (dials[place] ?? 0) >= 1_000)).toBe(true);
    expect(dials.length).toBeLessThan(200);
    expect(errors[0]).toMatchObject({ code: "ERR_OPAMP_CLOSED" });
    expect(errors[0]?.message).toContain("duplicate instance uid");
  });

  verifies(["DUP-03", "UID-05"], "a server that assigns another uid gets it on the same connection", async () => {
    const server = await startServer();
    const { client, dials, ...timed } = startTimed({ url: server.url });
    await timed.settled();
    const agent = server.agent(client.instanceUid);
    const uid = new Uint8Array(16).fill(7);
    agent.assignUid(uid);
    await agent.until((record) => record.uid[0] === 7);
    expect([Buffer.from(agent.uid).equals(uid), agent.reported.description === undefined, dials]).toEqual([
      true,
      false,
      [0],
    ]);
  });
});
