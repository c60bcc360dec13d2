import { describe, expect, test } from "vitest";
import type { PhaseEvent } from "../../src/index.js";
import { virtualClock } from "../../src/testing/virtual-clock.js";
import { verifies } from "../conformance/verifies.js";
import {
  type Agent,
  deferred,
  expectNoGap,
  isBare,
  mark,
  NEVER_MS,
  received,
  startAgent,
  startServer,
  type TransportName,
  transports,
  untilCount,
  untilMessage,
} from "./fixture.js";
import type { ServerToAgentInit } from "./go-server.js";

const BAD_REQUEST = 1;
const UNAVAILABLE = 2;

function unavailable(retryAfterNanoseconds?: bigint): ServerToAgentInit {
  return {
    errorResponse: {
      type: UNAVAILABLE,
      errorMessage: "busy",
      ...(retryAfterNanoseconds === undefined
        ? {}
        : { Details: { case: "retryInfo", value: { retryAfterNanoseconds } } }),
    },
  };
}

/** The next wait, and how long it is from then. */
function nextWait(
  { client }: Pick<Agent, "client">,
  wallNow: () => number,
): Promise<{ event: PhaseEvent; ms: number }> {
  const { promise, resolve } = deferred<{ event: PhaseEvent; ms: number }>();
  const listener = (event: PhaseEvent): void => {
    if (event.retryAt === undefined) return;
    client.off("phase", listener);
    resolve({ event, ms: event.retryAt.getTime() - wallNow() });
  };
  client.on("phase", listener);
  return promise;
}

/** An agent on a clock that stands still, and the first wait of its life. */
async function throttled(
  transport: TransportName,
  ask: (server: Awaited<ReturnType<typeof startServer>>) => Promise<void>,
) {
  const server = await startServer();
  const clock = virtualClock();
  await ask(server);
  const agent = startAgent(server, transport, { clock, health: { healthy: true }, heartbeat: { intervalMs: 10_000 } });
  const wait = await nextWait(agent, clock.wallNow);
  return { server, clock, wait, ...agent };
}

describe.each(transports)("when the reference server wants a pause, over %s", (transport) => {
  verifies(
    ["THR-01", "THR-02", "THR-05", "RETRY-02"],
    "UNAVAILABLE with a time: nothing is sent before it, then everything unacknowledged, at the old interval",
    async () => {
      const { server, clock, wait, client, serverErrors, errors } = await throttled(transport, (busy) => {
        return busy.reply(unavailable(40_000_000_000n));
      });
      expect(wait.event.reason).toBe("throttled");
      expect(wait.ms).toBeGreaterThanOrEqual(40_000);
      expect(wait.ms).toBeLessThanOrEqual(128_000);
      expect(serverErrors).toEqual([{ type: "unavailable", message: "busy", dropped: [] }]);
      const since = await mark(server);
      client.setHealth({ healthy: false });
      await clock.advance(wait.ms - 1);
      expect(client.phase).toBe("waiting");
      expect(await mark(server)).toBe(since);
      await clock.advance(1);
      await client.connected();
      const [again] = await received(server, since);
      expect(again?.message).toMatchObject({ agentDescription: {}, health: { healthy: false } });
      await clock.advance(9_999);
      expect(await received(server, since)).toHaveLength(1);
      await clock.advance(1);
      expect(isBare((await untilCount(server, 2, since))[1]?.message ?? expect.fail("no heartbeat"))).toBe(true);
      expect(errors).toEqual([]);
      expectNoGap(server);
    },
  );

  verifies(
    ["THR-03", "THR-06"],
    "UNAVAILABLE without a time: the agent waits at least 30 s, and longer each time",
    async () => {
      const { server, clock, wait, ...agent } = await throttled(transport, (busy) => {
        return busy.reply(unavailable(), { times: 0 });
      });
      const waits = [wait.ms];
      for (let ms = wait.ms; waits.length < 4; waits.push(ms)) {
        const next = nextWait(agent, clock.wallNow);
        await clock.advance(ms);
        ({ ms } = await next);
      }
      expect(waits[0]).toBeGreaterThanOrEqual(30_000);
      for (const [number, ms] of waits.entries()) expect(ms).toBeGreaterThan(waits[number - 1] ?? 0);
      await server.clear();
      await clock.advance(waits.at(-1) ?? 0);
      await agent.client.connected();
      expect((await received(server)).at(-1)?.message.agentDescription).toBeDefined();
    },
  );

  verifies(
    ["THR-04", "THR-05", "EST-02"],
    "503 and 429 with Retry-After: the agent waits for the time, and then connects",
    async () => {
      const { server, clock, wait, client, errors, ...agent } = await throttled(transport, async (busy) => {
        await busy.reject(503, { headers: { "Retry-After": "120" } });
        await busy.reject(429, { headers: { "Retry-After": "5" } });
      });
      expect(wait.event).toMatchObject({
        reason: "throttled",
        error: { code: "ERR_OPAMP_THROTTLED", httpStatus: 503 },
      });
      expect(wait.ms).toBeGreaterThanOrEqual(120_000);
      expect(wait.ms).toBeLessThanOrEqual(384_000);
      const since = await mark(server);
      await clock.advance(wait.ms - 1);
      expect(await mark(server)).toBe(since);
      const second = nextWait({ client }, clock.wallNow);
      await clock.advance(1);
      const { event, ms } = await second;
      expect(event.error).toMatchObject({ code: "ERR_OPAMP_THROTTLED", httpStatus: 429 });
      expect(ms).toBeGreaterThanOrEqual(5_000);
      expect(ms).toBeLessThanOrEqual(16_000);
      await clock.advance(ms);
      await client.connected();
      expect((await received(server))[0]?.message.agentDescription).toBeDefined();
      expect(errors).toHaveLength(2);
      expect(agent.serverErrors).toEqual([]);
    },
  );

  verifies(
    ["RETRY-01", "MSG-03"],
    "BAD_REQUEST: the refused report is not sent again, and later changes are",
    async () => {
      const server = await startServer();
      await server.reply({ errorResponse: { type: BAD_REQUEST, errorMessage: "no such service" } });
      const { client, serverErrors, errors } = startAgent(server, transport, {
        health: { healthy: true },
        heartbeat: { intervalMs: 10 },
      });
      await untilCount(server, 4);
      client.setHealth({ healthy: false });
      await untilMessage(server, ({ health }) => health?.healthy === false);
      await client.stop();
      const told = (await received(server)).filter(({ message }) => !isBare(message));
      expect(told.map(({ message }) => message.agentDescription !== undefined)).toEqual([true, false, false]);
      expect(told.map(({ message }) => message.health?.healthy)).toEqual([true, false, undefined]);
      expect(serverErrors).toEqual([
        { type: "badRequest", message: "no such service", dropped: ["agentDescription", "health"] },
      ]);
      expect(server.events.filter(({ event }) => event === "readError")).toEqual([]);
      expect(errors).toEqual([]);
      expectNoGap(server);
    },
  );

  test("an error response to a custom message is reported to its sender", async () => {
    const server = await startServer("-custom", "com.example.a");
    const { client } = startAgent(server, transport, { heartbeat: { intervalMs: NEVER_MS } });
    const channel = client.customCapability("com.example.a");
    await client.connected({ timeoutMs: 5_000 });
    await server.reply({ errorResponse: { type: BAD_REQUEST, errorMessage: "what?" } });
    await expect(channel.send("odd")).rejects.toMatchObject({ code: "ERR_OPAMP_REJECTED" });
    await channel.send("even");
    const types = (await received(server)).flatMap(({ message }) => message.customMessage?.type ?? []);
    expect(types).toEqual(["odd", "even"]);
  });

  test("any other status: attempts fail with typed errors and growing waits, and finally succeed", async () => {
    const server = await startServer();
    for (const status of [401, 404, 500]) await server.reject(status);
    const { client, errors } = startAgent(server, transport);
    await client.connected({ timeoutMs: 5_000 });
    expect(errors.map(({ code, httpStatus }) => [code, httpStatus])).toEqual([
      ["ERR_OPAMP_UNAUTHORIZED", 401],
      ["ERR_OPAMP_HTTP_STATUS", 404],
      ["ERR_OPAMP_HTTP_STATUS", 500],
    ]);
    expect((await received(server))[0]?.message.agentDescription).toBeDefined();
    const since = await mark(server);
    client.setHealth({ healthy: true });
    await untilMessage(server, ({ health }) => health !== undefined, since);
  });
});
