import { rmSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { ServerAgent } from "../../../src/testing/index.js";
import { SupervisorProcess } from "./supervisor-process.js";

const OLD = '{ "level": "info" }';
const NEW = '{ "level": "debug" }';
const READY = 'console.log("ready");';
/** It rolls back, where there is nothing to take back, and starts its program: rename, three removals, start. */
const AT_START = 5;

function isUp({ health }: ServerAgent): boolean {
  return health?.components?.["program"]?.healthy === true;
}

async function reachAgent(supervisor: SupervisorProcess, killAfter?: number): Promise<ServerAgent> {
  supervisor.start(killAfter);
  const agent = await supervisor.agent();
  await agent.until(isUp);
  return agent;
}

describe("the page's supervisor, killed during a trial, keeps one configuration or the other, and then applies the offer", () => {
  // link, write, rename, start, and the removal of what is not needed any more.
  test.each([1, 2, 3, 4, 5, 6, 7])("after %i of its operations", async (operations) => {
    const supervisor = await SupervisorProcess.make(OLD);
    const agent = await reachAgent(supervisor, AT_START + operations);
    agent.offerConfig({ "program.json": NEW });
    expect(await supervisor.ended()).toBe("SIGKILL");
    expect([OLD, NEW]).toContain(supervisor.file());
    await supervisor.nothingRuns();

    supervisor.start();
    await agent.until((seen) => seen.connected && isUp(seen) && seen.hasApplied());
    expect(supervisor.file()).toBe(NEW);
    expect(() => supervisor.file("program.json.before")).toThrow("ENOENT");
    expect(await supervisor.end("SIGTERM")).toBe(0);
    await supervisor.nothingRuns();
  });
});

describe("the page's supervisor, killed during a trial that fails or while it rolls back, goes back", () => {
  // link, write, rename, start, rename, three removals, start.
  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9])("after %i of its operations", async (operations) => {
    const supervisor = await SupervisorProcess.make(OLD);
    const agent = await reachAgent(supervisor, AT_START + operations);
    agent.offerConfig({ "program.json": "{}" });
    expect(await supervisor.ended()).toBe("SIGKILL");
    await supervisor.nothingRuns();

    supervisor.start();
    await agent.until((seen) => seen.connected && isUp(seen) && seen.hasFailed());
    expect(agent.remoteConfig?.error).toBe("the program exited with code 1\nthere is no level");
    expect(supervisor.file()).toBe(OLD);

    agent.offerConfig({ "program.json": NEW });
    await agent.until((seen) => isUp(seen) && seen.hasApplied());
    expect(supervisor.file()).toBe(NEW);
    expect(await supervisor.end("SIGINT")).toBe(0);
    await supervisor.nothingRuns();
  });
});

test("the page's supervisor, killed during the trial of a first offer, leaves no file of it", async () => {
  const supervisor = await SupervisorProcess.make(undefined);
  supervisor.start(AT_START + 5); // link, write, write, rename, start
  const agent = await supervisor.agent();
  agent.offerConfig({ "program.json": "{}" });
  expect(await supervisor.ended()).toBe("SIGKILL");
  expect(supervisor.file()).toBe("{}");

  agent.withdrawConfig();
  supervisor.start();
  await agent.until(
    (seen) => seen.connected && seen.health?.components?.["program"]?.lastError?.includes("ENOENT") === true,
  );
  expect(await supervisor.end("SIGTERM")).toBe(0);
  for (const name of ["program.json", "program.json.none"]) expect(() => supervisor.file(name)).toThrow("ENOENT");
});

describe.each(["SIGTERM", "SIGINT"] as const)("%s", (signal) => {
  test("ends the page's supervisor and a program that is still starting", async () => {
    const supervisor = await SupervisorProcess.make(OLD, { [READY]: "" });
    supervisor.start();
    await supervisor.started(1);
    expect(await supervisor.end(signal)).toBe(0);
    await supervisor.nothingRuns();
    expect(supervisor.pids()).toHaveLength(1);
  });

  test("ends the page's supervisor and a program that ignores signals", async () => {
    const deaf = `process.on("SIGTERM", () => {}).on("SIGINT", () => {}); ${READY}`;
    const supervisor = await SupervisorProcess.make(OLD, { [READY]: deaf, "STOP_MS = 5_000": "STOP_MS = 50" });
    await reachAgent(supervisor);
    expect(await supervisor.end(signal)).toBe(0);
    await supervisor.nothingRuns();
  });

  test("during a trial takes the offer back, which is not reported as failed", async () => {
    const supervisor = await SupervisorProcess.make(OLD, { [READY]: `if (level !== "slow") ${READY}` });
    const agent = await reachAgent(supervisor);
    agent.offerConfig({ "program.json": '{ "level": "slow" }' });
    await supervisor.started(2);
    expect(await supervisor.end(signal)).toBe(0);
    await supervisor.nothingRuns();
    expect(supervisor.file()).toBe(OLD);
    expect(agent.remoteConfig?.status).toBe("applying");
    expect(supervisor.pids()).toHaveLength(2);
  });
});

test("the page's supervisor shows a restart that failed, and an end that nobody asked for", async () => {
  const supervisor = await SupervisorProcess.make(OLD);
  const agent = await reachAgent(supervisor);
  const [program = 0] = supervisor.pids();
  process.kill(program, "SIGKILL");
  const lastError = () => agent.health?.components?.["program"]?.lastError;
  await agent.until(() => lastError() === "the program was killed by SIGKILL");
  expect(supervisor.output).toContain("the program was killed by SIGKILL");

  rmSync(supervisor.place("program.json"));
  agent.restart();
  await agent.until(() => lastError()?.includes("exited with code 1") === true);
  expect(lastError()).toContain("ENOENT");
  expect(supervisor.output).toContain("the program exited with code 1");
  expect(await supervisor.end("SIGTERM")).toBe(0);
});
