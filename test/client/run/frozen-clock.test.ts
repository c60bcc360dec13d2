import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { waitDefaults } from "../../../src/base/wait-options.js";
import { OpAMPClient } from "../../../src/index.js";
import { OpAMPServer } from "../../../src/testing/index.js";
import { hosted, running } from "../hosted.js";

const limits = { ...waitDefaults };

beforeEach(() => Object.assign(waitDefaults, { timeoutMs: 1, stopMs: 1 }));

afterEach(() => {
  Object.assign(waitDefaults, limits);
  vi.useRealTimers();
});

const overdue = { code: "ERR_OPAMP_TIMEOUT", message: expect.stringContaining("not connected within 5 ms") };

test.each([undefined, 5])("stop() ends by itself on a clock that stands still, timeoutMs %s", async (timeoutMs) => {
  const { client, clock, transport } = await running({ timeouts: { closeMs: 5 } });
  transport.hang();
  await client.stop({ timeoutMs });
  expect([client.phase, clock.pending]).toEqual(["stopped", 0]);
});

test("stop() does not wait for a store on a clock that stands still", async () => {
  const save = () => new Promise<never>(() => undefined);
  const { client, clock } = await running({ store: { load: () => undefined, save } });
  await client.stop({ timeoutMs: 5 });
  expect([client.phase, clock.pending]).toEqual(["stopped", 0]);
});

test("connected() ends by itself on a clock that stands still", async () => {
  const { client, clock, transport } = await hosted();
  transport.refuse();
  client.start();
  await expect(client.connected({ timeoutMs: 5 })).rejects.toMatchObject(overdue);
  expect(clock.pending).toBe(1);
});

test.each(["401", "silence"])("stop() and connected() end by themselves under fake timers, %s", async (trouble) => {
  vi.useFakeTimers();
  await using server = await OpAMPServer.start(trouble === "401" ? { auth: { bearer: "right" } } : {});
  const client = new OpAMPClient({ url: server.url, description: { identifying: { "service.name": "my-agent" } } });
  onTestFinished(() => client.stop());
  if (trouble === "silence") server.misbehave({ mode: "silence", times: 2 });
  client.start();
  await expect(client.connected({ timeoutMs: 5 })).rejects.toMatchObject(overdue);
  await client.stop({ timeoutMs: 5 });
  expect(client.phase).toBe("stopped");
});
