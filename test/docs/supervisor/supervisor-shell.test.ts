import { readFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import type { ServerAgent } from "../../../src/testing/index.js";
import { SupervisorProcess } from "./supervisor-process.js";

const OLD = '{ "level": "info" }';
const NEW = '{ "level": "debug" }';
const SPAWN = 'spawn(process.execPath, ["-e", program, FILE]';
const CHECK = `grep -q level "$1" || { echo "there is no level" >&2; exit 1; }`;
const WAIT = "while true; do sleep 77; done";

/** The page's supervisor with a shell script in place of the program, and its agent, once it is connected. */
async function supervised(script: readonly string[], replace: Readonly<Record<string, string>> = {}) {
  const texts = { [SPAWN]: 'spawn("./program.sh", [FILE]', ...replace };
  const supervisor = await SupervisorProcess.make(OLD, texts, {
    "program.sh": ["#!/bin/sh", ...script, ""].join("\n"),
  });
  supervisor.start();
  return { supervisor, agent: await supervisor.agent() };
}

function isUp({ health }: ServerAgent): boolean {
  return health?.components?.["program"]?.healthy === true;
}

test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
  "%s ends the page's supervisor, its program, and what that and its predecessor have started",
  async (signal) => {
    const { supervisor, agent } = await supervised([CHECK, "echo listening; echo ready", WAIT]);
    await agent.until(isUp);
    agent.offerConfig({ "program.json": NEW });
    await agent.until((seen) => seen.hasApplied());
    expect(await supervisor.end(signal)).toBe(0);
    await supervisor.nothingRuns();
    expect(supervisor.pids()).toHaveLength(2);
    expect(supervisor.output).toContain("listening");
  },
);

test("the page's supervisor reports a program that has exited, and ends what that left in the background", async () => {
  const { supervisor, agent } = await supervised(["sleep 79 & echo ready; sleep 0.2; echo 'cannot go on' >&2; exit 3"]);
  const lastError = () => agent.health?.components?.["program"]?.lastError;
  await agent.until(() => lastError() === "the program exited with code 3\ncannot go on");
  await supervisor.nothingRuns();
  expect(await supervisor.end("SIGTERM")).toBe(0);
});

test("the page's supervisor rolls back when a program exits, though that has left something in the background", async () => {
  const { supervisor, agent } = await supervised(["sleep 76 &", CHECK, "echo ready", WAIT]);
  await agent.until(isUp);
  agent.offerConfig({ "program.json": "{}" });
  await agent.until((seen) => seen.hasFailed());
  expect(agent.remoteConfig?.error).toBe("the program exited with code 1\nthere is no level");
  expect(supervisor.file()).toBe(OLD);
  expect(await supervisor.end("SIGTERM")).toBe(0);
  await supervisor.nothingRuns();
});

test("the page's supervisor exits though something that has left its program's group keeps the output open", async () => {
  const daemon = 'require("node:child_process").spawn("sleep", ["75"], { detached: true, stdio: "inherit" }).pid';
  const start = `require("node:fs").writeFileSync("daemon", String(${daemon}));`;
  const supervisor = await SupervisorProcess.make(OLD, { 'console.log("ready");': `${start} console.log("ready");` });
  supervisor.start();
  const agent = await supervisor.agent();
  await agent.until(isUp);
  onTestFinished(() => void process.kill(Number(readFileSync(supervisor.place("daemon"), "utf8")), "SIGKILL"));
  expect(await supervisor.end("SIGTERM")).toBe(0);
});

test("the page's supervisor rolls back from a program that is not ready in time, whenever garbage is collected", async () => {
  const mute = "grep -q mute $1 || echo ready";
  const { supervisor, agent } = await supervised([mute, WAIT], {
    "= 10_000;": "= 2_000; setInterval(gc, 20).unref();",
  });
  await agent.until(isUp);
  agent.offerConfig({ "program.json": '{ "level": "mute" }' });
  await agent.until((seen) => seen.hasFailed());
  expect(agent.remoteConfig?.error).toBe("the program was not ready in time");
  expect(supervisor.file()).toBe(OLD);
  expect(await supervisor.end("SIGTERM")).toBe(0);
  await supervisor.nothingRuns();
});

test("the page's supervisor ends the trial of an offer when a newer one comes", async () => {
  const mute = "grep -q mute $1 || echo ready";
  const { supervisor, agent } = await supervised([mute, WAIT], { "READY_MS = 10_000": "READY_MS = 600_000" });
  await agent.until(isUp);
  agent.offerConfig({ "program.json": '{ "level": "mute" }' });
  await supervisor.started(2);
  agent.offerConfig({ "program.json": NEW });
  await agent.until((seen) => seen.hasApplied());
  expect(supervisor.file()).toBe(NEW);
  expect(await supervisor.end("SIGTERM")).toBe(0);
  await supervisor.nothingRuns();
});
