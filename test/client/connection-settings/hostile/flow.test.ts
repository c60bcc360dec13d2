import { expect, onTestFinished, test } from "vitest";
import { OpAMPServer, type ServerToAgentFields } from "../../../../src/testing/index.js";
import { recorded } from "../disk.js";
import { known, type Moved, moved, NEW, OLD, offer } from "../moved.js";
import { headers, type OfferInit } from "../offers.js";

type Settings = NonNullable<ServerToAgentFields["connectionSettings"]>;

/** Said by the old server; then everything that follows soon. */
async function say(agent: Moved, connectionSettings: Settings): Promise<void> {
  agent.servers.old.agent(agent.client.instanceUid).send({ connectionSettings });
  await agent.clock.advance(2_000);
}

/** The server that the agent is connected to offers settings with a hash of this number. */
function offerNext({ client, servers: both, dialled }: Moved, number: number, opamp: OfferInit): void {
  const at = both[dialled.at(-1) === "new" ? "new" : "old"].agent(client.instanceUid);
  if (!at.connected) return;
  at.send({ connectionSettings: { hash: Uint8Array.of(1, number & 255, number >> 8), opamp } });
}

test("an offer without a hash that is refused is reported so, and not tried again", async () => {
  const agent = await moved();
  const evil = { opamp: { destinationEndpoint: "wss://evil.org/" } };
  for (let times = 0; times < 5; times++) await say(agent, evil);
  expect(agent.statuses).toEqual(["applying", expect.stringContaining("is not one that this agent may be moved to")]);
  expect(known(agent.servers.old, agent)).toEqual([3, undefined, expect.any(String)]);
  expect([agent.dialled, agent.client.phase]).toEqual([["old"], "online"]);
});

test("a hash without end is neither stored nor sent back", async () => {
  const disk = recorded();
  const agent = await moved({ store: disk.store });
  await say(agent, { hash: new Uint8Array(1_025), opamp: { destinationEndpoint: NEW } });
  expect([agent.statuses, agent.dialled, known(agent.servers.old, agent)]).toEqual([[], ["old"], [0, undefined, ""]]);
  expect(disk.now().state?.connectionSettings).toBeUndefined();
  await say(agent, { hash: new Uint8Array(1_024), opamp: { destinationEndpoint: NEW } });
  expect(agent.dialled).toEqual(["old", "new"]);
});

test.each<[string, Settings]>([
  ["a hash alone", { hash: Uint8Array.of(1) }],
  ["nothing", {}],
  ["settings of others under odd names", { hash: Uint8Array.of(2), otherConnections: { ["__proto__"]: {}, "": {} } }],
])("%s as an offer changes nothing", async (_what, settings) => {
  const agent = await moved();
  await say(agent, settings);
  expect([agent.dialled, agent.client.phase, agent.escaped]).toEqual([["old"], "online", []]);
  expect(Object.prototype).not.toHaveProperty("destinationEndpoint");
});

test("headers named like members of objects are headers, and nothing else", async () => {
  const agent = await moved();
  const odd = headers(["constructor", "polluted"], ["toString", "polluted"]);
  await offer(agent, { destinationEndpoint: NEW, headers: odd });
  await agent.clock.advance(3_000);
  expect(agent.statuses).toEqual(["applying", "applied"]);
  agent.servers.new.agent(agent.client.instanceUid).send({
    connectionSettings: { hash: Uint8Array.of(9), opamp: { headers: headers(["__proto__", "polluted"]) } },
  });
  await agent.clock.advance(500);
  expect(agent.statuses.at(-1)).toMatch(/^failed/);
  expect(Object.prototype).not.toHaveProperty("polluted");
});

test("offers in the first answers of both servers are followed in turn, as often as is allowed", async () => {
  let number = 0;
  const leadingTo = async (endpoint: string): Promise<OpAMPServer> => {
    const server = await OpAMPServer.start({
      onMessage(_agent, { agentDescription, sequenceNum }) {
        // Only the first report on a connection has one.
        if (agentDescription === undefined) return {};
        number += 1;
        const opamp = { destinationEndpoint: `${endpoint}/${sequenceNum}` };
        return { connectionSettings: { hash: Uint8Array.of(number & 255, number >> 8), opamp } };
      },
    });
    onTestFinished(() => server.close());
    return server;
  };
  const both = { old: await leadingTo(NEW), new: await leadingTo(OLD) };
  const agent = await moved({ servers: both, policy: { maxPerHour: 4 } });
  await agent.clock.advance(3_500_000);
  expect(agent.dialled).toEqual(["old", "new", "old", "new", "old"]);
  expect([agent.client.phase, agent.statuses.at(-1)]).toEqual(["online", "applying"]);
  await agent.clock.advance(200_000);
  expect(agent.dialled).toHaveLength(9);
});

test("offers without end, each with another hash, come to as many moves in an hour as are allowed, also over restarts", async () => {
  let disk = recorded();
  let agent = await moved({ store: disk.store });
  const first = agent.servers;
  let dials = 0;
  for (let number = 1; number <= 300; number++) {
    offerNext(agent, number, { destinationEndpoint: `${number % 2 === 0 ? OLD : NEW}/${number}` });
    await agent.clock.advance(10_000);
    if (number % 50 !== 0) continue;
    dials += agent.dialled.length - 1;
    disk = recorded(disk.now());
    agent = await moved({ store: disk.store, servers: first, isOneOfMany: true });
  }
  expect(dials).toBeGreaterThan(2);
  // Each process has a clock of its own, which begins where that before it began.
  expect(dials).toBeLessThanOrEqual(6);
  expect(agent.client.phase).toBe("online");
});

test("offers without end that are refused cost a status each, and no connection", async () => {
  const agent = await moved();
  for (let number = 1; number <= 200; number++) {
    offerNext(agent, number, { destinationEndpoint: `wss://evil.org/${number}` });
    await agent.clock.advance(100);
  }
  expect(agent.dialled).toEqual(["old"]);
  expect(agent.servers.old.agent(agent.client.instanceUid).requests.total).toBeLessThan(450);
});

test("what the old server offers while it is being left does not reach the agent at the new one", async () => {
  const agent = await moved();
  const at = agent.servers.old.agent(agent.client.instanceUid);
  at.send({ connectionSettings: { hash: Uint8Array.of(1), opamp: { destinationEndpoint: NEW } } });
  await agent.clock.advance(0);
  at.send({ connectionSettings: { hash: Uint8Array.of(2), opamp: { destinationEndpoint: "wss://evil.org/" } } });
  await agent.clock.advance(10_000);
  expect(agent.client.phase).toBe("online");
  expect(["applied", expect.stringMatching(/^failed/)]).toContainEqual(agent.statuses.at(-1));
  const home = agent.dialled.at(-1) === "new" ? agent.servers.new : agent.servers.old;
  const [status, hash] = known(home, agent) ?? [];
  expect([
    [1, 1],
    [3, 2],
  ]).toContainEqual([status, hash]);
});
