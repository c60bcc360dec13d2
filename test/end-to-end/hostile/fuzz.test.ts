import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect } from "vitest";
import { ServerToAgentSchema } from "../../../src/gen/opamp/v1/opamp_pb.js";
import type { RemoteConfig, StoredState } from "../../../src/index.js";
import { encodeServerToAgent } from "../../../src/wire/codec.js";
import { verifies } from "../../conformance/verifies.js";
import { arbitraryMessage } from "../../wire/arbitrary-message.js";
import { type Captive, captive, recovers } from "./virtual.js";

/** More of them on demand: WALKS=10000. */
const RUNS = Number(process.env["WALKS"] ?? 50);
const NAMES = [
  "../x",
  "../../etc/x",
  "/x",
  "a\0b",
  "\0",
  "__proto__",
  "constructor",
  "toString",
  "..",
  "C:\\x",
  "%2e%2e/x",
  "x".repeat(100_000),
];

/** Any message, most of them for this agent, and some of them damaged. */
const payloads = fc
  .record({
    message: arbitraryMessage(ServerToAgentSchema, 4),
    isForeign: fc.integer({ min: 0, max: 9 }),
    damage: fc.option(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { freq: 5 }),
  })
  .map(({ message, isForeign, damage }) => {
    if (isForeign > 0) message.instanceUid = new Uint8Array();
    const payload = encodeServerToAgent(message);
    if (damage !== null && payload.length > 0) payload[damage[0] % payload.length] = damage[1];
    return payload;
  });

/** What reached the handler is data and nothing else. */
function expectPlain({ hash, files, isEmpty }: RemoteConfig): void {
  expect(Object.getPrototypeOf(files)).toBe(null);
  expect(isEmpty).toBe(Object.keys(files).length === 0);
  expect(hash).toBeInstanceOf(Uint8Array);
  for (const { body, contentType } of Object.values(files)) {
    expect(body).toBeInstanceOf(Uint8Array);
    expect(typeof contentType).toBe("string");
  }
}

/** What is to be remembered has the shape that it must have, whatever the server said. */
function expectStorable(state: StoredState): void {
  expect(state.instanceUid?.length ?? 16).toBe(16);
  expect(["applied", "failed", undefined]).toContain(state.remoteConfig?.status);
}

/** Somewhere to look for what was written, with a place below it where the process is until the test ends. */
async function nowhere(atEnd: (end: () => Promise<void>) => void): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "hostile-"));
  const before = process.cwd();
  process.chdir(await mkdtemp(join(folder, "inner-")));
  atEnd(async () => {
    process.chdir(before);
    await rm(folder, { recursive: true });
  });
  return folder;
}

async function endure(answers: readonly Uint8Array[], captured: Captive): Promise<void> {
  const { server, client, clock, spell, saved } = captured;
  for (const bytes of answers) server.misbehave({ mode: "garbage", bytes });
  client.start();
  await clock.advance(600_000);
  // Two messages for each answer, the heartbeats of ten minutes, and a connection attempt or two a second.
  expect(spell.turns).toBeLessThan(2 * answers.length + 1_300);
  server.behave();
  await recovers(captured);
  for (const state of saved) expectStorable(state);
}

verifies(
  "SEC-01",
  "a server that sets arbitrary fields never makes the client crash, get stuck or write a file",
  async ({ onTestFinished }) => {
    const folder = await nowhere(onTestFinished);
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.array(payloads, { minLength: 1, maxLength: 15 }), async (duplex, answers) => {
        const ends: (() => unknown)[] = [];
        const captured = await captive(
          (end) => ends.push(end),
          duplex,
          () => undefined,
          {
            remoteConfig: { apply: expectPlain },
            heartbeat: { intervalMs: 10_000, maxMs: 60_000 },
          },
        );
        await endure(answers, captured);
        for (const end of ends) await end();
      }),
      { numRuns: RUNS },
    );
    expect(await readdir(folder, { recursive: true })).toHaveLength(1);
    expect(Object.keys(Object.prototype)).toEqual([]);
  },
);

for (const duplex of [true, false]) {
  verifies(
    "SEC-01",
    `odd file names reach the handler unchanged, as data, and nothing else${duplex ? "" : ", polling"}`,
    async ({ onTestFinished }) => {
      const folder = await nowhere(onTestFinished);
      const names = [...NAMES, join(folder, "absolute")];
      const entries = names.map((name) => [name, { body: Buffer.from("evil"), contentType: "../x\0" }] as const);
      const configs: RemoteConfig[] = [];
      const captured = await captive(
        onTestFinished,
        duplex,
        () => ({ remoteConfig: { configHash: Uint8Array.of(1), config: { configMap: Object.fromEntries(entries) } } }),
        { remoteConfig: { apply: (config) => void configs.push(config) } },
      );
      captured.client.start();
      await captured.clock.advance(60_000);
      expect(configs).toHaveLength(1);
      for (const config of configs) {
        expectPlain(config);
        expect(Object.keys(config.files).sort()).toEqual([...names].sort());
        expect(Object.values(config.files).map((file) => file.text())).toEqual(names.map(() => "evil"));
      }
      expect(captured.saved.length).toBeGreaterThan(0);
      for (const state of captured.saved) expectStorable(state);
      await recovers(captured);
      expect(await readdir(folder, { recursive: true })).toHaveLength(1);
    },
  );
}
