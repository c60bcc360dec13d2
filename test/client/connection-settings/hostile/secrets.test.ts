import { describe, expect, test } from "vitest";
import { testCertificates } from "../../../../src/testing/index.js";
import { ended } from "../../hosted.js";
import { recorded } from "../disk.js";
import { NEW, OLD, offer } from "../moved.js";
import { bytes, headers } from "../offers.js";
import { watched } from "./watched.js";

test("nothing that an offer holds in secret is told, logged or in the state, whatever becomes of the offer", async () => {
  const agent = await watched();
  const { issue } = await testCertificates();
  const { cert, key } = await issue({ usage: "client", notBefore: new Date(agent.clock.wallNow() - 1_000) });
  const secrets = ["t0ken-one", "t0ken-two", "pr0xy-pass", "query-s3cret", ...key.split("\n").slice(1, -2)];
  await offer(agent, {
    destinationEndpoint: `${NEW}?key=query-s3cret`,
    headers: headers(["authorization", "Bearer t0ken-one"], ["x-odd-name", "t0ken-two"]),
    certificate: { cert: bytes(cert), privateKey: bytes(key) },
    proxy: { url: "http://user:pr0xy-pass@proxy:8080", connectHeaders: headers(["x-proxy", "t0ken-two"]) },
  });
  await agent.clock.advance(3_000);
  expect(agent.statuses.at(-1)).toBe("applied");
  expect(agent.client.connection).toMatchObject({ endpoint: NEW, proxy: "proxy:8080" });
  // And where they are refused, by what is wrong with them.
  const refused = [
    { headers: headers(["authorization", "Bearer t0ken-one\r\nHost: x"]) },
    { certificate: { cert: bytes(key), privateKey: bytes(key) } },
    { destinationEndpoint: "ftp://x/?key=query-s3cret" },
    { proxy: { url: "ftp://user:pr0xy-pass@proxy" } },
    { destinationEndpoint: "wss://elsewhere/?key=query-s3cret", headers: headers(["x-odd-name", "t0ken-two"]) },
  ];
  for (const [index, opamp] of refused.entries()) {
    agent.servers.new.agent(agent.client.instanceUid).send({
      connectionSettings: { hash: Uint8Array.of(index + 2), opamp },
    });
    await agent.clock.advance(500);
    expect(agent.statuses.at(-1)).toMatch(/^failed/);
  }
  const seen = agent.seen();
  for (const secret of secrets) expect(seen).not.toContain(secret);
});

test("what the new server says is told to the old one without its secrets", async () => {
  const agent = await watched();
  agent.servers.new
    .agent(agent.client.instanceUid)
    .respondWithError(1, "no user for Bearer t0ken-one, password=hunter2hunter2");
  await offer(agent, { destinationEndpoint: NEW, headers: headers(["authorization", "Bearer t0ken-one"]) });
  await agent.clock.advance(3_000);
  expect(agent.statuses.at(-1)).toMatch(/^failed: the server refused the report/);
  const told = agent.servers.old.agent(agent.client.instanceUid).connectionSettingsStatus?.errorMessage;
  expect(told).toContain("the server refused the report");
  expect(told).not.toMatch(/t0ken-one|hunter2/);
  expect(agent.client.connection?.endpoint).toBe(OLD);
});

test.each([
  ["cookie", "sid=abcdef123456ghij; theme=x", "abcdef123456ghij"],
  ["authorization", 'Digest username="joe", response="fedcba9876543210"', "fedcba9876543210"],
  ["authorization", `Basic ${Buffer.from("joe:HunterPass2x").toString("base64")}`, "HunterPass2x"],
])("what the new server says of %s: %s is told without its value", async (name, value, secret) => {
  const agent = await watched();
  agent.servers.new.agent(agent.client.instanceUid).respondWithError(1, `nobody has ${secret} here`);
  await offer(agent, { destinationEndpoint: NEW, headers: headers([name, value]) });
  await agent.clock.advance(3_000);
  expect(agent.statuses.at(-1)).toMatch(/^failed: the server refused the report.*nobody has \[REDACTED\] here/);
  expect(agent.seen()).not.toContain(secret);
});

describe("a new server that repeats what it was sent", () => {
  const BARE = "0f81kq-2k5z";
  const offered = {
    destinationEndpoint: `${NEW}?key=query-0f81`,
    headers: headers(["authorization", `Bearer ${BARE}`], ["x-odd-name", "odd value 77"]),
    proxy: { url: "http://user:pr0xy-pass@proxy:8080", connectHeaders: headers(["x-proxy", "by-the-proxy"]) },
  };
  const SECRETS = [BARE, "query-0f81", "odd value 77", "pr0xy-pass", "by-the-proxy"];

  test("has none of it told to the old server, logged, or published", async () => {
    const agent = await watched();
    const at = agent.servers.new.agent(agent.client.instanceUid);
    at.respondWithError(1, `what you sent: ${SECRETS.join(", ")}`);
    await offer(agent, offered);
    await agent.clock.advance(3_000);
    const told = agent.servers.old.agent(agent.client.instanceUid).connectionSettingsStatus?.errorMessage;
    expect(told).toContain("the server refused the report: what you sent: [REDACTED], ");
    const seen = agent.seen();
    for (const secret of SECRETS) expect([told, seen].join()).not.toContain(secret);
  });

  test("cannot make the status, and the state on disk, as long as it likes", async () => {
    const agent = await watched();
    agent.servers.new.agent(agent.client.instanceUid).respondWithError(1, "long\n".repeat(100_000));
    await offer(agent, offered);
    await agent.clock.advance(3_000);
    const told = agent.servers.old.agent(agent.client.instanceUid).connectionSettingsStatus?.errorMessage;
    expect(told).toContain("the server refused the report: long");
    expect(told?.length).toBeLessThan(8_000);
  });

  test("has none of it shown once it is accepted, either", async () => {
    const agent = await watched();
    await offer(agent, offered);
    await agent.clock.advance(3_000);
    expect(agent.statuses.at(-1)).toBe("applied");
    agent.servers.new.agent(agent.client.instanceUid).respondWithError(0, `not again: ${SECRETS.join(", ")}`);
    await agent.clock.advance(40_000);
    const seen = agent.seen();
    expect(seen).toContain("not again: [REDACTED]");
    for (const secret of SECRETS) expect(seen).not.toContain(secret);
  });

  test.each([true, false])("has none of it shown while it is left after a restart (duplex: %s)", async (duplex) => {
    const disk = recorded();
    const first = await watched({ store: disk.store });
    await offer(first, offered);
    await first.clock.advance(3_000);
    await ended(first.client, first.clock);
    const agent = await watched({ store: disk.store, servers: first.servers, duplex, isOneOfMany: true });
    await agent.clock.advance(1_000);
    expect(agent.dialled).toEqual(["new"]);
    agent.servers.new.agent(agent.client.instanceUid).respondWithError(1, `not again: ${SECRETS.join(", ")}`);
    agent.client.forgetConnectionSettings();
    await agent.clock.advance(5_000);
    const seen = agent.seen();
    expect(seen).toContain("not again: [REDACTED]");
    for (const secret of SECRETS) expect(seen).not.toContain(secret);
  });
});
