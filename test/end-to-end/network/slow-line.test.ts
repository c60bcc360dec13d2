import { describe, expect } from "vitest";
import type { OpAMPClientOptions } from "../../../src/index.js";
import { verifies } from "../../conformance/verifies.js";
import { startServer } from "../../server/server-fixture.js";
import { startTimed, type TimedAgent, until, type Way, ways } from "./network-fixture.js";
import { type SlowLine, type SlowWay, startSlowLine } from "./slow-line.js";

const MIB = 1_048_576;
/** More than what lies between the two ends takes at once. */
const LARGE = "x".repeat(24 * MIB);
/** 64 KiB a second. */
const BYTES_PER_MS = 65.536;

const MAX_IDLE_TURNS = 100_000;

/** A client at the far end of a slow line. */
async function farAway({ transport }: Way, way: SlowWay, options: Partial<OpAMPClientOptions>) {
  const server = await startServer({ keepMessages: 20 });
  const line = await startSlowLine(server.port, way);
  const timed = startTimed({ url: `${transport}://127.0.0.1:${line.port}/v1/opamp`, random: () => 0, ...options });
  return { server, line, timed };
}

/** Lets the line carry bytes, and the time pass that it needs for them, as long as this is so. */
async function carry(line: SlowLine, { clock }: TimedAgent, lasts: () => boolean): Promise<void> {
  for (let idleTurns = 0; lasts(); idleTurns += 1) {
    const bytes = line.take(MIB);
    if (bytes > 0) {
      idleTurns = 0;
      await clock.advance(bytes / BYTES_PER_MS);
    } else if (idleTurns > MAX_IDLE_TURNS) throw new Error(`waited in vain for the end of ${lasts}`);
    else await new Promise((resolve) => setImmediate(resolve));
  }
}

describe.each(ways)("over $name", (way) => {
  verifies("RETRY-02", "a large report arrives over a slow line at the first attempt", async () => {
    const effectiveConfig = () => ({ a: { body: LARGE } });
    const { server, line, timed } = await farAway(way, "up", { effectiveConfig, health: { healthy: true } });
    let arrived = false;
    void server.firstAgent().then(async (agent) => {
      await agent.until(({ effectiveFiles }) => effectiveFiles["a"]?.body.length === LARGE.length);
      arrived = true;
    });
    await carry(line, timed, () => !arrived);
    expect([timed.client.stats().dials, timed.errors]).toEqual([1, []]);
    timed.client.setHealth({ healthy: false });
    const agent = await server.firstAgent();
    let isKnown = false;
    void agent.until(({ health }) => health?.healthy === false).then(() => (isKnown = true));
    await carry(line, timed, () => !isKnown);
    expect(timed.client.stats().dials).toBe(1);
  });

  verifies("CFG-01", "a large offer arrives over a slow line at the first attempt", async () => {
    const sizes: number[] = [];
    const apply = ({ files }: { files: Record<string, { body: Uint8Array }> }) => {
      sizes.push(files["a"]?.body.length ?? 0);
    };
    const { server, line, timed } = await farAway(way, "down", { remoteConfig: { apply } });
    let known = false;
    void server.firstAgent().then(() => (known = true));
    await carry(line, timed, () => !known || timed.client.phase !== "online");
    (await server.firstAgent()).offerConfig({ a: LARGE });
    if (!way.duplex) timed.client.setHealth({ healthy: true });
    await carry(line, timed, () => sizes.length === 0);
    expect([sizes, timed.client.stats().dials, timed.errors]).toEqual([[LARGE.length], 1, []]);
  });

  verifies(
    "RETRY-02",
    "a report that no connection lasts for is given up after three attempts, and named",
    async () => {
      let body = LARGE;
      const effectiveConfig = () => ({ a: { body } });
      const { server, line, timed } = await farAway(way, "up", { effectiveConfig, health: { healthy: true } });
      const givenUp = () => timed.errors.find(({ code }) => code === "ERR_OPAMP_TOO_LARGE");
      for (let attempt = 1; attempt <= 3; attempt++) {
        expect(givenUp()).toBeUndefined();
        await carry(line, timed, () => line.taken < 4 * MIB);
        const { connections } = line;
        line.cut();
        // A kept connection that breaks is replaced at once, the first time.
        await until(() => timed.client.phase === "waiting" || line.connections > connections);
        if (timed.client.phase === "waiting" && attempt < 3) await timed.clock.advance(61_000);
      }
      expect(givenUp()?.message).toMatch(/gave up on effectiveConfig, 251\d\d\d\d\d bytes: 3 attempts/);
      await timed.clock.advance(61_000);
      await carry(line, timed, () => timed.client.phase !== "online");
      const agent = await server.firstAgent();
      expect([agent.health?.healthy, agent.effectiveFiles]).toEqual([true, {}]);
      body = "short";
      timed.client.refreshEffectiveConfig();
      let known = false;
      void agent
        .until(({ effectiveFiles }) => effectiveFiles["a"]?.body.length === body.length)
        .then(() => (known = true));
      await carry(line, timed, () => !known);
    },
  );
});
