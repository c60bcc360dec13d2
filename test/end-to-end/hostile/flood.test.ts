import { describe, expect, test } from "vitest";
import type { ServerToAgentFields } from "../../../src/testing/index.js";
import { CUSTOM } from "./stage.js";
import { captive, recovers } from "./virtual.js";

const OFFERS = 500;
/** What a client may say besides: the first reports, and heartbeats. */
const BESIDES = 30;

function offer(hash: string): ServerToAgentFields {
  return { remoteConfig: { configHash: Buffer.from(hash), config: { configMap: { [hash]: {} } } } };
}

/** A handler that takes its time, and how many calls of it there were, in all and at once. */
function slowHandler(ms: number) {
  const calls = { begun: 0, atOnce: 0, most: 0 };
  return {
    calls,
    async apply(): Promise<void> {
      calls.begun += 1;
      calls.atOnce += 1;
      calls.most = Math.max(calls.most, calls.atOnce);
      for (let turn = 0; turn < ms; turn++) await new Promise(setImmediate);
      calls.atOnce -= 1;
    },
  };
}

for (const [carrier, duplex] of [
  ["a link that carries messages both ways", true],
  ["polling", false],
] as const) {
  describe(`over ${carrier}, a client outlives a server that`, () => {
    for (const [what, hashOf] of [
      ["offers another config in every answer", (turn: number) => `c${turn}`],
      ["offers one of two configs in turn", (turn: number) => `c${turn % 2}`],
    ] as const) {
      test(`${what}, and reports each only when it starts and ends`, async ({ onTestFinished }) => {
        const reply = (turn: number) => (turn < OFFERS ? offer(hashOf(turn)) : {});
        const captured = await captive(onTestFinished, duplex, reply);
        captured.client.start();
        await captured.clock.advance(600_000);
        expect(captured.applied.length).toBeLessThanOrEqual(OFFERS);
        expect(captured.spell.turns).toBeLessThanOrEqual(2 * OFFERS + BESIDES);
        await recovers(captured);
      });
    }

    test("offers another config before the last one is in use, and never runs two handlers at once", async ({
      onTestFinished,
    }) => {
      const { calls, apply } = slowHandler(5);
      const captured = await captive(onTestFinished, duplex, (turn) => (turn < OFFERS ? offer(`c${turn}`) : {}), {
        remoteConfig: { apply },
        heartbeat: { intervalMs: 1_000 },
      });
      captured.client.start();
      await captured.clock.advance(600_000);
      expect(calls.most).toBe(1);
      expect(calls.begun).toBeLessThanOrEqual(OFFERS);
      await recovers(captured);
    });
  });
}

describe("a client outlives a server that", () => {
  test("floods it with offers, of which it applies the first and the newest", async ({ onTestFinished }) => {
    const captured = await captive(onTestFinished, true, (turn, _message, agent) => {
      if (turn > 0) return {};
      for (let number = 0; number < 10_000; number++) agent.send(offer(`c${number}`));
      return offer("last");
    });
    captured.client.start();
    await captured.clock.advance(600_000);
    expect(captured.applied.length).toBeLessThan(20);
    expect(captured.applied.at(-1)).toEqual(["last"]);
    expect(captured.spell.turns).toBeLessThan(20 + BESIDES);
    await recovers(captured);
  });

  test("floods it with custom messages for a handler that never ends, and keeps ten", async ({ onTestFinished }) => {
    const captured = await captive(onTestFinished, true, (_turn, _message, agent) => {
      for (let number = 0; number < 1_000; number++) agent.sendCustom(CUSTOM, "t");
      return {};
    });
    const channel = captured.client.customCapability(CUSTOM);
    channel.onMessage(() => new Promise(() => undefined));
    captured.client.start();
    await captured.clock.advance(600_000);
    expect(channel.dropped).toBeGreaterThan(10_000);
    expect(captured.spell.turns).toBeLessThan(BESIDES);
    await recovers(captured);
  });
});
