import { expect } from "vitest";
import type { AgentToServer } from "../../../src/gen/opamp/v1/opamp_pb.js";
import { OpAMPClient, type OpAMPClientOptions, type StoredState } from "../../../src/index.js";
import {
  memoryTransport,
  OpAMPServer,
  type Reply,
  type ServerAgent,
  type ServerToAgentFields,
  virtualClock,
} from "../../../src/testing/index.js";
import { type AtEnd, CUSTOM } from "./stage.js";
import { ableOptions, escapes } from "./survives.js";

/** One way to be hostile in messages that are well formed, and what that may come to. */
export interface ProtocolCase {
  /** What the server does. */
  name: string;
  /** What it adds to its answer; the `turn` counts messages from 0. */
  reply(turn: number, message: AgentToServer, agent: ServerAgent): Reply;
  /** Only where the server can speak at any time, or only where it cannot. Default: both. */
  duplex?: boolean;
  /** How many messages it may get in ten minutes, of which 20 are heartbeats. Default: 30. */
  atMost?: number;
  /** How many it must get, since heartbeats go on. Default: 20. */
  atLeast?: number;
  /** It keeps the machine busy. */
  costly?: true;
  client?: Partial<OpAMPClientOptions>;
}

const SPELL_MS = 600_000;
const DAY_MS = 86_400_000;
/** A client in a loop would go on for ever in one moment of virtual time. */
const TURNS_IN_A_LOOP = 20_000;

/** A client on virtual time and the server that it is at the mercy of. */
export async function captive(
  atEnd: AtEnd,
  duplex: boolean,
  reply: ProtocolCase["reply"],
  options: Partial<OpAMPClientOptions> = {},
) {
  const escaped = escapes(atEnd);
  const spell = { on: true, turns: 0 };
  const server = await OpAMPServer.start({
    keepMessages: 10,
    customCapabilities: [CUSTOM],
    onMessage: (agent, message) => {
      if (!spell.on) return { customCapabilities: { capabilities: [CUSTOM] } };
      spell.turns += 1;
      return spell.turns > TURNS_IN_A_LOOP ? undefined : reply(spell.turns - 1, message, agent);
    },
  });
  atEnd(() => server.close());
  const clock = virtualClock();
  const applied: string[][] = [];
  const saved: StoredState[] = [];
  const client = new OpAMPClient({
    ...ableOptions(),
    remoteConfig: { apply: ({ files }) => void applied.push(Object.keys(files)) },
    store: { load: () => undefined, save: (state) => void saved.push(state) },
    transport: memoryTransport(server, { duplex }),
    clock,
    ...options,
  });
  return { server, client, clock, spell, applied, saved, escaped };
}

export type Captive = Awaited<ReturnType<typeof captive>>;

/** Lets the server be good again: the client comes back, takes an offer, gets its message through and stops at once. */
export async function recovers({ server, client, clock, spell, escaped }: Captive): Promise<void> {
  const sent = client.customCapability(CUSTOM).send("hello");
  sent.catch(() => undefined);
  spell.on = false;
  const offered = Uint8Array.of(7, 7, 7);
  const fields: ServerToAgentFields = { remoteConfig: { configHash: offered, config: { configMap: { healed: {} } } } };
  // A server may impose a pause of a day, and polls a day apart.
  for (let waitMs = 1; !server.agent(client.instanceUid).hasApplied(offered); waitMs *= 2) {
    expect(waitMs).toBeLessThan(4 * DAY_MS);
    const agent = server.agent(client.instanceUid);
    if (agent.connected || agent.requests.total > 0) agent.send(fields);
    await clock.advance(waitMs);
  }
  await sent;
  expect(client.phase).toBe("online");
  const stopped = client.stop();
  await clock.advance(10_000);
  await stopped;
  expect([client.phase, clock.pending]).toEqual(["stopped", 0]);
  await new Promise(setImmediate);
  expect(escaped).toEqual([]);
}

/** Puts a client through ten minutes of it. */
export async function survivesMessages(hostile: ProtocolCase, duplex: boolean, atEnd: AtEnd): Promise<void> {
  const { reply, atMost = 30, atLeast = 20 } = hostile;
  const captured = await captive(atEnd, duplex, reply, hostile.client);
  const { client, clock, spell } = captured;
  client.start();
  await clock.advance(SPELL_MS);
  expect(spell.turns).toBeGreaterThanOrEqual(atLeast);
  expect(spell.turns).toBeLessThanOrEqual(atMost);
  await recovers(captured);
}
