import { describe, expect, test } from "vitest";
import type { Clock } from "../../../src/index.js";
import { virtualClock } from "../../../src/testing/index.js";
import { verifies } from "../../conformance/verifies.js";
import { type Certified, certified, DAY_MS, HOUR_MS, issue, requestsAt, sharedAuthority } from "./certified.js";

async function withCertificate(given: Parameters<typeof certified>[0] & object, hours = 9): Promise<Certified> {
  const agent = await certified(given);
  await issue(agent.servers.old, agent, requestsAt(agent.servers.old, agent)[0] ?? "", { hours });
  expect(agent.statuses.at(-1)).toBe("applied");
  return agent;
}

describe("the next certificate", () => {
  verifies("CERT-08", "is asked for with another key when a third of the time is left, and used", async () => {
    const agent = await withCertificate({}, 9);
    const { old } = agent.servers;
    const first = agent.client.connection?.certificate?.fingerprint;
    await agent.clock.advance(5 * HOUR_MS);
    expect(requestsAt(old, agent)).toHaveLength(1);
    await agent.clock.advance(1.1 * HOUR_MS);
    const [before = "", next = "", ...more] = requestsAt(old, agent);
    const { keyOf } = await sharedAuthority();
    expect([next === "", more, keyOf(before) === keyOf(next)]).toEqual([false, [], false]);
    await issue(old, agent, next, { hours: 9 });
    expect(agent.client.connection?.certificate?.fingerprint).not.toBe(first);
    await agent.clock.advance(HOUR_MS);
    expect(requestsAt(old, agent)).toHaveLength(2);
  });

  verifies("CERT-08", "is asked for at once where one is offered that ends within minutes", async () => {
    const agent = await withCertificate({}, 1 / 60);
    await agent.clock.advance(60_000);
    expect(requestsAt(agent.servers.old, agent)).toHaveLength(2);
  });

  test("is asked for so long before the end as the options say", async () => {
    const agent = await withCertificate({ renewBefore: HOUR_MS }, 9);
    await agent.clock.advance(7.8 * HOUR_MS);
    expect(requestsAt(agent.servers.old, agent)).toHaveLength(1);
    await agent.clock.advance(0.3 * HOUR_MS);
    expect(requestsAt(agent.servers.old, agent)).toHaveLength(2);
  });

  test("is asked for over HTTP too, by a server that says but once what it takes", async () => {
    const minute = 60_000;
    const agent = await certified({}, { duplex: false, options: { heartbeat: { intervalMs: minute } } });
    const { old } = agent.servers;
    await issue(old, agent, requestsAt(old, agent)[0] ?? "", { hours: 1 });
    await agent.clock.advance(minute);
    expect(agent.client.connection?.certificate).toBeDefined();
    await agent.clock.advance(40 * minute);
    expect(requestsAt(old, agent)).toHaveLength(2);
  });

  test("is not asked for over and over where the authority dates its certificates back", async () => {
    const agent = await certified();
    const { old } = agent.servers;
    for (let number = 0; number < 3; number++) {
      await agent.clock.advance(HOUR_MS);
      const csr = requestsAt(old, agent).at(-1) ?? "";
      const now = agent.clock.wallNow();
      await issue(old, agent, csr, { from: now - 100 * DAY_MS, until: now + 3 * HOUR_MS });
    }
    expect(requestsAt(old, agent)).toHaveLength(1);
    await agent.clock.advance(2 * HOUR_MS);
    expect(requestsAt(old, agent)).toHaveLength(2);
  });

  test("is asked for soon after the machine has slept past that time", async () => {
    const base = virtualClock();
    let sleptMs = 0;
    const clock: Clock = { ...base, wallNow: () => base.wallNow() + sleptMs };
    const agent = await certified({}, { options: { clock } });
    const { old } = agent.servers;
    await base.advance(1_000);
    const until = base.wallNow() + 90 * DAY_MS;
    const { issue: sign } = await sharedAuthority();
    const cert = await sign(requestsAt(old, agent)[0] ?? "", { from: base.wallNow(), until });
    old.agent(agent.client.instanceUid).send({
      connectionSettings: { hash: Uint8Array.of(7), opamp: { certificate: { cert: Buffer.from(cert) } } },
    });
    await base.advance(10_000);
    expect(agent.client.connection?.certificate).toBeDefined();
    sleptMs = 70 * DAY_MS;
    await base.advance(HOUR_MS + 1_000);
    expect(requestsAt(old, agent)).toHaveLength(2);
    await Promise.all([agent.client.stop(), base.advance(60_000)]);
    expect(base.pending).toBe(0);
  });
});
