import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { inspect } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { testCertificates } from "../../../src/testing/index.js";
import { lastingStore, moved, NEW, OLD, offer } from "./moved.js";
import { bytes, headers } from "./offers.js";

const CHANNELS = ["send", "receive", "phase", "failure", "apply"].map((name) => `opamp-client:${name}`);

/** Everything that a client lets out: log lines, events, channels, what it looks like, and the state that it stores. */
async function watched(options: Parameters<typeof moved>[0] = {}) {
  const heard: unknown[] = [];
  const log = (text: string, ...more: readonly unknown[]): void => void heard.push(text, more);
  const base = lastingStore();
  const store = {
    ...base,
    save(state: Parameters<typeof base.save>[0]) {
      heard.push(state);
      return base.save(state);
    },
  };
  const logger = { debug: log, info: log, warn: log, error: log };
  const agent = await moved({ ...options, store, options: { logger, ...options.options } });
  const note = (message: unknown): void => void heard.push(message);
  for (const channel of CHANNELS) subscribe(channel, note);
  onTestFinished(() => {
    for (const channel of CHANNELS) unsubscribe(channel, note);
  });
  for (const event of ["phase", "error", "warning", "offer", "connection", "serverError"] as const) {
    agent.client.on(event, note);
  }
  const seen = (): string =>
    inspect([heard, agent.client, agent.client.stats(), agent.client.connection, agent.errors], {
      depth: 12,
      maxStringLength: null,
      maxArrayLength: null,
    });
  return { ...agent, seen };
}

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
