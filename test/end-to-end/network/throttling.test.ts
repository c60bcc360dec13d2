import { describe, expect } from "vitest";
import { ServerErrorResponseType } from "../../../src/gen/opamp/v1/opamp_pb.js";
import type { OpAMPServer } from "../../../src/testing/index.js";
import { verifies } from "../../conformance/verifies.js";
import { startServer } from "../../server/server-fixture.js";
import { next, partsOf } from "../contract/meeting.js";
import { startTimed, type TimedAgent, until, urlOf, type Way, ways } from "./network-fixture.js";

const DAY_MS = 86_400_000;
const { ServerErrorResponseType_BadRequest: BAD_REQUEST, ServerErrorResponseType_Unavailable: UNAVAILABLE } =
  ServerErrorResponseType;

/** A client that is online, and then told to stay away; it was to send a heartbeat every second. */
async function turnedAway(way: Way, retryAfter: string): Promise<TimedAgent & { server: OpAMPServer }> {
  const server = await startServer();
  const timed = startTimed({ url: urlOf(server, way), heartbeat: { intervalMs: 1_000 } });
  await timed.settled();
  server.refuseNext({ status: 503, headers: { "retry-after": retryAfter } });
  if (way.duplex) {
    server.drop();
    await until(() => timed.client.phase === "waiting");
    await timed.nextAttempt();
  } else {
    await timed.clock.advance(1_000);
    await until(() => timed.client.phase === "waiting");
  }
  expect(timed.phases.at(-1)).toMatchObject({ phase: "waiting", reason: "throttled" });
  return { ...timed, server };
}

for (const way of ways) {
  describe(`a server that turns agents away over ${way.name}`, () => {
    const answers: readonly [string, number, string | undefined, number, number][] = [
      ["503 for seconds", 503, "2", 2_000, 6_400],
      ["429 for seconds", 429, "120", 120_000, 384_000],
      // The virtual clock begins with this year.
      ["503 until a date", 503, "Thu, 01 Jan 2026 00:00:07 GMT", 7_000, 22_400],
      ["429 until a date", 429, "Thu, 01 Jan 2026 00:01:00 GMT", 60_000, 192_000],
      ["503 without a time", 503, undefined, 30_000, 96_000],
      ["429 without a time", 429, undefined, 30_000, 96_000],
      ["503 for less than nothing", 503, "-5", 30_000, 96_000],
      ["503 for what is not a number", 503, "NaN", 30_000, 96_000],
      ["503 until half a date", 503, "Wed, 21 Oct 2015", 30_000, 96_000],
      ["503 for three million years", 503, "99999999999999", DAY_MS, DAY_MS + 480_000],
    ];
    for (const [what, status, retryAfter, leastMs, mostMs] of answers) {
      verifies(["THR-04", "THR-06"], `with ${what} is not tried again before ${leastMs} ms are over`, async () => {
        const server = await startServer();
        server.refuseNext({ status, headers: retryAfter === undefined ? {} : { "retry-after": retryAfter } });
        const { client, clock, phases, errors, dials, ...timed } = startTimed({ url: urlOf(server, way) });
        await timed.settled();
        expect(phases.at(-1)).toMatchObject({ phase: "waiting", reason: "throttled" });
        expect(errors).toMatchObject([{ code: "ERR_OPAMP_THROTTLED", httpStatus: status }]);
        await clock.advance(leastMs - 1);
        expect([client.phase, dials, server.attempts.length]).toEqual(["waiting", [0], 1]);
        expect(await timed.nextAttempt()).toBeLessThanOrEqual(mostMs - leastMs + 1);
        expect([client.phase, dials.length]).toEqual(["online", 2]);
      });
    }

    verifies("THR-04", "until a time in the past is dialled at once, but not repeatedly", async () => {
      const server = await startServer();
      server.refuseNext({ status: 503, headers: { "retry-after": "Wed, 21 Oct 2015 07:28:00 GMT" } }, 4);
      const { client, nextAttempt, settled } = startTimed({ url: urlOf(server, way) });
      await settled();
      const waits = [await nextAttempt(), await nextAttempt(), await nextAttempt(), await nextAttempt()];
      expect([waits[0], waits.slice(1).every((ms) => ms >= 1_000), client.phase]).toEqual([0, true, "online"]);
    });

    verifies("THR-05", "gets nothing during the pause, and afterwards messages at the usual interval", async () => {
      const { client, clock, server, nextAttempt } = await turnedAway(way, "5");
      const agent = server.agent(client.instanceUid);
      const [heard, attempts] = [agent.received.length, server.attempts.length];
      const told = clock.now();
      for (const status of ["one", "two", "three"]) client.setHealth({ healthy: false, status });
      await clock.advance(4_999);
      expect([client.phase, server.attempts.length]).toEqual(["waiting", attempts]);
      await nextAttempt();
      expect(clock.now() - told).toBeLessThanOrEqual(16_000);
      const news = agent.received.slice(heard);
      expect(partsOf(news[0])).toEqual(way.duplex ? ["agentDescription", "health"] : ["health"]);
      expect(news[0]?.health?.status).toBe("three");
      // A poll that was refused has used up its number, and the server asks for everything.
      const unanswered = way.duplex ? 0 : 1;
      const isQuiet = (): boolean => client.stats().messagesReceived === client.stats().messagesSent - unanswered;
      await clock.advance(0);
      await until(isQuiet);
      for (let beats = 1; beats <= 3; beats++) {
        const { messagesSent } = client.stats();
        await clock.advance(999);
        expect(client.stats().messagesSent).toBe(messagesSent);
        await clock.advance(1);
        expect(client.stats().messagesSent).toBe(messagesSent + 1);
        await until(isQuiet);
      }
    });
  });

  describe(`a server that answers UNAVAILABLE over ${way.name}`, () => {
    verifies(["THR-01", "THR-02"], "is left alone as long as it asks, and then gets what it missed", async () => {
      const server = await startServer();
      const timed = startTimed({ url: urlOf(server, way), health: { healthy: true } });
      const { client, clock, phases, dials } = timed;
      await timed.settled();
      const agent = server.agent(client.instanceUid);
      const heard = agent.received.length;
      agent.respondWithError(UNAVAILABLE, "busy", 1_500_000_000n);
      client.setHealth({ healthy: false, lastError: "disk full" });
      await until(() => client.phase === "waiting");
      await until(() => server.connections.open === 0);
      expect(phases.at(-1)).toMatchObject({ reason: "throttled" });
      expect(agent.disconnected).toBe(way.duplex);
      await clock.advance(1_499);
      expect(dials).toHaveLength(1);
      await clock.advance(3_301);
      expect(dials).toHaveLength(2);
      await timed.settled();
      const news = agent.received.slice(heard).filter(({ health }) => health !== undefined);
      expect(news.map(({ health }) => health?.lastError)).toEqual(["disk full", "disk full"]);
      expect([client.phase, agent.disconnected, agent.gaps]).toEqual(["online", false, 0]);
    });

    verifies("THR-02", "for longer than a number can hold is left alone for a day", async () => {
      const server = await startServer();
      const timed = startTimed({ url: urlOf(server, way) });
      server.agent(timed.client.instanceUid).respondWithError(UNAVAILABLE, "busy", 2n ** 64n - 1n);
      await timed.settled();
      const ms = await timed.nextAttempt();
      expect([ms >= DAY_MS && ms <= 1.1 * DAY_MS, timed.client.phase]).toEqual([true, "online"]);
    });

    verifies(["THR-03", "THR-06"], "four times without a time is left alone for longer each time", async () => {
      let busy = true;
      const server = await startServer({
        onMessage: (_agent, { agentDisconnect }) =>
          busy && agentDisconnect === undefined ? { errorResponse: { type: UNAVAILABLE } } : undefined,
      });
      const { client, nextAttempt, settled, dials } = startTimed({ url: urlOf(server, way) });
      await settled();
      const waits = [await nextAttempt(), await nextAttempt(), await nextAttempt()];
      busy = false;
      waits.push(await nextAttempt());
      expect(waits[0]).toBeGreaterThanOrEqual(30_000);
      expect(waits).toEqual([...waits].sort((a, b) => a - b));
      expect(new Set(waits).size).toBe(4);
      expect([client.phase, dials.length]).toEqual(["online", 5]);
    });

    verifies(["THR-02", "RETRY-01"], "a time that comes with another error does not keep the agent away", async () => {
      const server = await startServer();
      const { client, clock, settled, dials } = startTimed({ url: urlOf(server, way) });
      await settled();
      const agent = server.agent(client.instanceUid);
      agent.respondWithError(BAD_REQUEST, "no", 60_000_000_000n);
      const refused = next(client, "serverError");
      client.setHealth({ healthy: true });
      expect(await refused).toMatchObject({ type: "badRequest", message: "no", dropped: ["health"] });
      client.setHealth({ healthy: false });
      await until(() => agent.health?.healthy === false);
      await clock.advance(0);
      expect([client.phase, dials]).toEqual(["online", [0]]);
    });
  });
}
