import { describe, expect, test } from "vitest";
import type { Clock } from "../../../src/index.js";
import { testCertificates, virtualClock } from "../../../src/testing/index.js";
import { moved, OLD, offer } from "../connection-settings/moved.js";
import { bytes } from "../connection-settings/offers.js";
import { ended } from "../hosted.js";
import { type Certified, certified, issue, requestsAt } from "./certified.js";

const MINUTE_MS = 60_000;

/** An agent whose server issued a certificate and a token, and has gone; the certificate has ended since. */
async function abandoned(expired: "keep" | "bootstrap"): Promise<Certified> {
  const agent = await certified({ expired }, { options: { headers: { "x-bootstrap": "first" } } });
  const { old } = agent.servers;
  const [csr = ""] = requestsAt(old, agent);
  const endpoint = "wss://new.example.com/v1/opamp";
  await issue(old, agent, csr, { hours: 1, endpoint });
  expect(agent.client.connection).toMatchObject({ endpoint, source: "server" });
  await agent.clock.advance(50 * MINUTE_MS);
  await agent.servers.new.close();
  await agent.clock.advance(15 * MINUTE_MS);
  // Clocks may be wrong by so much.
  expect(agent.client.connection?.source).toBe("server");
  await agent.clock.advance(10 * MINUTE_MS);
  return agent;
}

describe("past the end of its certificate", () => {
  test("an agent says so once, and goes on trying with what it has", async () => {
    const agent = await abandoned("keep");
    expect(agent.warnings).toEqual(["certificate-ended"]);
    await agent.clock.advance(20 * MINUTE_MS);
    expect([agent.warnings, agent.client.connection?.source]).toEqual([["certificate-ended"], "server"]);
    expect(["waiting", "connecting"]).toContain(agent.client.phase);
  });

  test("an agent that is told to goes back to its options, and asks there for another one", async () => {
    const agent = await abandoned("bootstrap");
    expect(agent.warnings).toEqual(["certificate-ended", "settings-put-aside"]);
    expect(agent.client.connection).toMatchObject({ endpoint: OLD, source: "options", certificate: undefined });
    expect([agent.client.phase, agent.dialled.at(-1)]).toEqual(["online", "old"]);
    const [, next = ""] = requestsAt(agent.servers.old, agent);
    await issue(agent.servers.old, agent, next);
    expect(agent.client.connection).toMatchObject({ source: "server", state: "accepted" });
  });
});

test("an agent that asks for none says once when the certificate that the server offered ends", async () => {
  const { issue: sign } = await testCertificates();
  const agent = await moved();
  const warnings: string[] = [];
  agent.client.on("warning", ({ code, message }) => warnings.push(`${code}: ${message}`));
  const notAfter = new Date(agent.clock.wallNow() + 100 * MINUTE_MS);
  const { cert, key } = await sign({
    usage: "client",
    notBefore: new Date(agent.clock.wallNow() - MINUTE_MS),
    notAfter,
  });
  await offer(agent, { certificate: { cert: bytes(cert), privateKey: bytes(key) } });
  expect(agent.client.connection).toMatchObject({ source: "server", certificate: expect.anything() });
  await agent.clock.advance(98 * MINUTE_MS);
  expect(warnings).toEqual([]);
  await agent.clock.advance(3 * MINUTE_MS);
  const told = [expect.stringMatching(/^certificate-ended: the client certificate ended on \d{4}-/)];
  expect(warnings).toEqual(told);
  await agent.clock.advance(200 * MINUTE_MS);
  expect(warnings).toEqual(told);
});

test("the end of a certificate is told when it comes, although the clock was ahead for a while", async () => {
  const virtual = virtualClock();
  let aheadMs = 0;
  const clock: Clock = { ...virtual, wallNow: () => virtual.wallNow() + aheadMs };
  const { issue: sign } = await testCertificates();
  const agent = await moved({ options: { clock } });
  await virtual.advance(100);
  const warnings: string[] = [];
  agent.client.on("warning", ({ code }) => warnings.push(code));
  const notBefore = new Date(virtual.wallNow() - MINUTE_MS);
  const notAfter = new Date(virtual.wallNow() + 600 * MINUTE_MS);
  const { cert, key } = await sign({ usage: "client", notBefore, notAfter });
  agent.servers.old.agent(agent.client.instanceUid).send({
    connectionSettings: {
      hash: Uint8Array.of(1),
      opamp: { certificate: { cert: bytes(cert), privateKey: bytes(key) } },
    },
  });
  await virtual.advance(5_000);
  expect(agent.client.connection?.certificate).toBeDefined();
  aheadMs = 20 * 24 * 60 * MINUTE_MS;
  await virtual.advance(90 * MINUTE_MS);
  expect(warnings).toEqual(["certificate-ended"]);
  aheadMs = 0;
  await virtual.advance(400 * MINUTE_MS);
  expect(warnings).toEqual(["certificate-ended"]);
  await virtual.advance(400 * MINUTE_MS);
  expect(warnings).toEqual(["certificate-ended", "certificate-ended"]);
  await ended(agent.client, virtual);
});
