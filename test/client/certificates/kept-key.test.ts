import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { inspect } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { newKey } from "../../../src/connection-settings/certificates/signing-request.js";
import type { Store } from "../../../src/index.js";
import { OpAMPServer } from "../../../src/testing/index.js";
import { lastingStore } from "../../store/store-fixture.js";
import { certified, HOUR_MS, issue, offerBy, openStore, requestsAt } from "./certified.js";

const CHANNELS = ["send", "receive", "phase", "failure", "apply"].map((name) => `opamp-client:${name}`);

test("the key is in its own file alone: not in the state, a log line, an event, a channel, an error or the client", async () => {
  const heard: unknown[] = [];
  const note = (...given: readonly unknown[]): void => void heard.push(given);
  const { store: kept, text } = openStore();
  const store: Store = {
    ...kept,
    save(state) {
      note(state);
      return kept.save(state);
    },
  };
  for (const channel of CHANNELS) subscribe(channel, note);
  onTestFinished(() => {
    for (const channel of CHANNELS) unsubscribe(channel, note);
  });
  const logger = { debug: note, info: note, warn: note, error: note };
  const agent = await certified({}, { store, options: { logger } });
  for (const event of ["phase", "error", "warning", "offer", "connection", "serverError"] as const) {
    agent.client.on(event, note);
  }
  const { old } = agent.servers;
  const { key } = JSON.parse(text().slice(text().indexOf("{")));
  old.agent(agent.client.instanceUid).respondWithError(1, "no");
  agent.client.requestCertificate();
  await agent.clock.advance(1_000);
  await issue(old, agent, requestsAt(old, agent)[0] ?? "");
  expect(agent.client.connection?.certificate).toBeDefined();
  const depth = { depth: 12, maxStringLength: null, maxArrayLength: null };
  const seen = inspect([heard, agent.client, agent.client.stats(), agent.client.connection, old.log], depth);
  const lines: readonly string[] = key.split("\n").slice(1, -2);
  expect(lines.length).toBeGreaterThan(1);
  for (const line of lines) expect(seen).not.toContain(line);
});

test("nothing is asked for while the key cannot be kept, and it is tried again", async () => {
  let isFull = true;
  const base = lastingStore();
  const { blobs } = base;
  if (blobs === undefined) throw new Error("a store without blobs");
  const store: Store = {
    ...base,
    blobs: {
      read: (name) => blobs.read(name),
      remove: (name) => blobs.remove(name),
      write: (name, bytes) => (isFull ? Promise.reject(new Error("the disk is full")) : blobs.write(name, bytes)),
    },
  };
  const agent = await certified({}, { store });
  expect(requestsAt(agent.servers.old, agent)).toEqual([]);
  expect(agent.client.connection?.certificateRequest).toBeUndefined();
  const hints: string[] = [];
  agent.client.on("error", ({ hint }) => hints.push(hint));
  await agent.clock.advance(HOUR_MS / 4);
  expect(hints).toEqual([expect.stringMatching(/; it is tried again in ten minutes$/)]);
  const told = "ERR_OPAMP_STORE no certificate is requested: the key cannot be kept: the disk is full";
  expect(agent.errors).toEqual([told, told]);
  isFull = false;
  await agent.clock.advance(HOUR_MS / 4);
  expect(requestsAt(agent.servers.old, agent)).toHaveLength(1);
});

test("a key that is made while the client stops is not kept: the next agent may have the store by then", async () => {
  const { store, blobs } = openStore();
  const agent = await certified({ keyType: "rsa-3072" }, { store });
  await agent.client.stop();
  // That one takes as long, and was begun later.
  for (let made = 0; made < 3; made += 1) await newKey("rsa-3072");
  expect([...blobs.keys()]).toEqual([]);
  expect(agent.errors).toEqual([]);
});

test("a request that waits is not sent where the agent was moved to, if nothing is encrypted there", async () => {
  const old = await OpAMPServer.start({ capabilities: 0x3fn });
  const next = await OpAMPServer.start();
  onTestFinished(async () => {
    await old.close();
    await next.close();
  });
  const agent = await certified({}, { servers: { old, new: next }, policy: { allowCleartext: true } });
  expect(requestsAt(old, agent)).toEqual([]);
  await offerBy(old, agent, { destinationEndpoint: "ws://new.example.com" });
  await agent.clock.advance(HOUR_MS);
  expect(agent.client.connection).toMatchObject({ state: "accepted", certificateRequest: { state: "waiting" } });
  expect([requestsAt(next, agent), agent.warnings]).toEqual([[], ["certificate-not-requested"]]);
  await offerBy(next, agent, { destinationEndpoint: "wss://new.example.com" });
  expect(requestsAt(next, agent)).toHaveLength(1);
});

test("a subject function that throws is an error, and asks for nothing", async () => {
  const subject = (): never => {
    throw new Error("no name yet");
  };
  const agent = await certified({ subject });
  await agent.clock.advance(HOUR_MS / 4);
  expect(requestsAt(agent.servers.old, agent)).toEqual([]);
  expect(agent.errors.at(-1)).toBe("ERR_OPAMP_HANDLER no certificate is requested: no name yet");
});
