import { describe, expect, onTestFinished, test } from "vitest";
import { OpAMPClient, type OpAMPClientOptions, type PhaseEvent } from "../../../src/index.js";
import { memoryTransport, OpAMPServer, virtualClock } from "../../../src/testing/index.js";
import { verifies } from "../../conformance/verifies.js";
import { ended } from "../hosted.js";

/** A client that is online over either kind of link, and what it tells of its waits. */
async function online(duplex: boolean, options: Partial<OpAMPClientOptions> = {}) {
  const server = await OpAMPServer.start();
  onTestFinished(() => server.close());
  const clock = virtualClock();
  const transport = memoryTransport(server, { duplex });
  const identifying = { "service.name": "patient" };
  const heartbeat = { intervalMs: 1_000 };
  const client = new OpAMPClient({
    transport,
    clock,
    random: () => 0,
    description: { identifying },
    heartbeat,
    ...options,
  });
  onTestFinished(() => ended(client, clock));
  const waits: PhaseEvent[] = [];
  client.on("phase", (event) => {
    if (event.phase === "waiting") waits.push(event);
  });
  client.start();
  await clock.advance(0);
  return { client, clock, transport, waits, agent: await server.firstAgent() };
}

describe.each([
  ["on a duplex link", true],
  ["on a polling link", false],
])("a server that refuses the agent %s", (_name, duplex) => {
  /** Is cut off, and refused with this status at the next attempt. */
  async function refused(httpStatus: number, retryAfterMs?: number) {
    const host = await online(duplex);
    const { clock, transport } = host;
    transport.refuseWith({ httpStatus, ...(retryAfterMs !== undefined && { retryAfterMs }) });
    if (duplex) transport.drop();
    await clock.advance(1_000);
    const heard = host.agent.received.length;
    expect(host.waits.at(-1)).toMatchObject({
      reason: "throttled",
      error: { code: "ERR_OPAMP_THROTTLED", httpStatus },
    });
    return { ...host, heard, retryAt: host.waits.at(-1)?.retryAt?.getTime() ?? Number.NaN };
  }

  for (const status of [429, 503]) {
    verifies(["THR-04", "THR-05"], `and answers ${status} with a time gets nothing before that`, async () => {
      const { client, clock, agent, heard, retryAt } = await refused(status, 20_000);
      const waitMs = retryAt - clock.wallNow();
      expect(waitMs).toBeGreaterThan(19_000);
      for (const status of ["a", "b", "c"]) {
        client.setHealth({ healthy: false, status });
        await clock.advance(1_000);
      }
      await clock.advance(waitMs - 3_001);
      expect(agent.received.length).toBe(heard);
      await clock.advance(1);
      // Over HTTP the server misses the number that was refused, and asks for everything once more.
      const told = agent.received.slice(heard).map(({ health }) => health?.status);
      expect(told).toEqual(duplex ? ["c"] : ["c", "c"]);
      await clock.advance(2_000);
      expect([client.phase, agent.received.length]).toEqual(["online", heard + told.length + 2]);
    });

    verifies("THR-06", `and answers ${status} without a time gets nothing for at least 30 s`, async () => {
      const { clock, agent, heard } = await refused(status);
      await clock.advance(29_000);
      expect(agent.received.length).toBe(heard);
      await clock.advance(68_000);
      expect(agent.received.length).toBeGreaterThan(heard);
    });
  }

  test("and asks for an absurd time is tried again after a day", async () => {
    for (const retryAfterMs of [Number.POSITIVE_INFINITY, 2 ** 64 / 1e6]) {
      const { client, clock, retryAt } = await refused(503, retryAfterMs);
      const waitMs = retryAt - clock.wallNow();
      expect(waitMs).toBeLessThanOrEqual(1.1 * 86_400_000);
      await clock.advance(waitMs);
      expect(client.phase).toBe("online");
    }
  });

  verifies("AUTH-02", "with 401 is tried once more at once with new credentials, and then with backoff", async () => {
    const { client, clock, transport, waits } = await online(duplex, { heartbeat: { intervalMs: 30_000 } });
    await clock.advance(29_999);
    waits.length = 0;
    const errors: string[] = [];
    client.on("error", ({ code }) => errors.push(code));
    transport.refuseWith({ httpStatus: 401, renewed: "credentials" }, 8);
    if (duplex) transport.drop();
    await clock.advance(600_000);
    const refusals = waits.filter(({ error }) => error?.code === "ERR_OPAMP_UNAUTHORIZED");
    expect(refusals).toHaveLength(8);
    expect(errors.filter((code) => code === "ERR_OPAMP_UNAUTHORIZED")).toHaveLength(8);
    expect(client.phase).toBe("online");
    const dials = duplex ? transport.dials - 1 : transport.dials;
    expect(dials).toBe(9);
  });
});
