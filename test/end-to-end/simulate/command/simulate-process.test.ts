import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { FaultProxy, OpAMPServer } from "../../../../src/testing/index.js";

const PROGRAM = new URL("../../../../src/cli/main.ts", import.meta.url).pathname;
const NODE = [process.execPath, "--import", "tsx", PROGRAM, "simulate"] as const;
/** Signals that come together count as one. */
const APART_MS = 600;

/** Starts `opamp simulate ARGS...`, or what a shell makes of it. */
function start(args: readonly string[], shell = 'exec "$@"') {
  const child = spawn("sh", ["-c", shell, "sh", ...NODE, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  return { child, out: text(child.stdout), err: text(child.stderr), ended: once(child, "close") };
}

async function startServer(): Promise<OpAMPServer> {
  const server = await OpAMPServer.start();
  onTestFinished(() => server.close());
  return server;
}

test("Ctrl-C ends a run early: all agents disconnect, and the figures so far are printed", async () => {
  const server = await startServer();
  const { child, out, err, ended } = start(["--json", "--url", server.url, "--agents", "200", "--proxy", "none"]);
  await server.until(({ agents }) => agents.size > 50);
  child.kill("SIGINT");
  expect(await ended).toEqual([130, null]);
  const result = JSON.parse(await out);
  expect(result.agents).toBe(200);
  expect(result.seconds.at(-1)).toMatchObject({ connected: 0 });
  expect(await err).toMatch(/0 s: 0 of 200 agents connected\n[\s\S]*Ending: the agents disconnect/);
  for (const { lastMessage } of server.agents.values()) expect(lastMessage?.agentDisconnect).toBeDefined();
  await server.until(({ sockets }) => sockets.open === 0);
});

test("a second Ctrl-C ends at once where the network swallows what agents say last", async () => {
  const server = await startServer();
  const proxy = await FaultProxy.start({ target: server });
  onTestFinished(() => proxy.close());
  const url = `ws://127.0.0.1:${proxy.port}/v1/opamp`;
  const { child, out, err, ended } = start(["--url", url, "--agents", "20", "--ramp", "0", "--proxy", "none"]);
  await server.until(({ agents }) => agents.size === 20);
  proxy.blackhole();
  child.kill("SIGINT");
  await delay(APART_MS);
  expect(child.exitCode).toBeNull();
  child.kill("SIGINT");
  expect(await ended).toEqual([null, "SIGINT"]);
  expect(await out).toBe("");
  expect(await err).toContain("a second signal ends at once");
});

test("too few file descriptors are told before anything is dialled", async () => {
  const server = await startServer();
  const { out, err, ended } = start(["--url", server.url, "--agents", "1000"], 'ulimit -n 256 && exec "$@"');
  expect(await ended).toEqual([2, null]);
  expect(await out).toBe("");
  expect(await err).toMatch(/1,000 agents need 1,\d{3} open files, and this process may have 256 \(ulimit -n\)/);
  expect(server.sockets.total).toBe(0);
});

test("Ctrl-C ends a run on virtual time at once, with the figures so far", async () => {
  const args = ["--virtual", "--agents", "100000", "--scenario", "server-restart-600", "--json"];
  const { child, out, err, ended } = start(args);
  const began = new Promise<void>((resolve) => child.stderr.once("data", () => resolve()));
  await began;
  child.kill("SIGINT");
  expect(await ended).toEqual([130, null]);
  const result = JSON.parse(await out);
  expect(result).toMatchObject({ scenario: "server-restart-600", agents: 100_000 });
  expect(result.seconds.length).toBeLessThan(600);
  expect(await err).toMatch(/^0 s: /);
});

test("too little heap for a fleet on virtual time is told before it runs out", async () => {
  const shell = 'export NODE_OPTIONS=--max-old-space-size=300 && exec "$@"';
  const { err, ended } = start(["--virtual", "--agents", "1000000"], shell);
  expect(await ended).toEqual([2, null]);
  expect(await err).toMatch(/1,000,000 agents need 2,\d{3} MiB of heap, .*=--max-old-space-size=2\d{3} /s);
});
