import { describe, expect, test } from "vitest";
import { known, OLD, offer } from "../moved.js";
import { ENDPOINTS, type HostileOffer, hostileOffers, SECRETS } from "./offers.js";
import { watched } from "./watched.js";

const [APPLIED, FAILED] = [1, 3];

/** The agent is offered it, tells what is wrong with it, stays where it is, and takes the next offer. */
async function outlives({ offer: hostile, says, policy, tls }: HostileOffer): Promise<void> {
  const agent = await watched({
    policy: { endpoints: ENDPOINTS, ...policy },
    isOneOfMany: true,
    ...(tls && { options: { tls } }),
  });
  await offer(agent, hostile);
  await agent.clock.advance(2_000);
  const isHarmless = says === "applied";
  expect(agent.statuses).toEqual(["applying", isHarmless ? says : expect.stringMatching(says)]);
  expect(known(agent.servers.old, agent)?.slice(0, 2)).toEqual([isHarmless ? APPLIED : FAILED, 1]);
  expect([agent.dialled, agent.client.phase]).toEqual([["old"], "online"]);
  expect(agent.client.connection).toMatchObject({ endpoint: OLD, source: "options" });
  await offer(agent, { heartbeatIntervalSeconds: 40n }, 2);
  expect(known(agent.servers.old, agent)).toEqual([APPLIED, 2, ""]);
  const seen = agent.seen();
  for (const secret of SECRETS) expect(seen).not.toContain(secret);
}

describe("an agent stays online, at its server and with its secrets, when it is offered", () => {
  for (const hostile of hostileOffers) test(hostile.name, () => outlives(hostile));
});
