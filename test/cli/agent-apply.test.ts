import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { describe, expect, onTestFinished, test } from "vitest";
import { RemoteConfigStatuses } from "../../src/gen/opamp/v1/opamp_pb.js";
import type { ServerAgent } from "../../src/testing/index.js";
import { everything, litter, visible } from "../agent/config-directory/folder.js";
import { builtCommand } from "./agent-work.js";

const built = builtCommand();
const { RemoteConfigStatuses_APPLIED: APPLIED, RemoteConfigStatuses_FAILED: FAILED } = RemoteConfigStatuses;

function text(seen: ServerAgent, name: string): string | undefined {
  return seen.effectiveFiles[name]?.text();
}

/** What came of an offer. */
async function failure(seen: ServerAgent, hash: Uint8Array): Promise<string> {
  await seen.until((one) => one.hasFailed(hash));
  return seen.remoteConfig?.error ?? "";
}

/** Has a program take what it reads. */
const TAKE = 'cat "$OPAMP_CONFIG_DIR"/*.yaml > program';

describe.each(["ws", "http"] as const)("over %s", (transport) => {
  test("an offer is written, checked, taken by the program, reported as applied, and in effect", async () => {
    const { server, work } = await built.begin(transport);
    const validate = 'echo "checked $OPAMP_CONFIG_HASH" >> steps; grep -q x: {directory}/a.yaml';
    const command = `${TAKE}; echo "taken $OPAMP_CONFIG_HASH" >> steps`;
    work.configure({ remote_config: { validate_command: validate, command } });
    const agent = work.start();
    const seen = await server.firstAgent();
    const offered = { "a.yaml": "x: 1\n", "conf.d/b.yaml": "y: 2\n" };
    const hash = Buffer.from(seen.offerConfig(offered)).toString("hex");
    await seen.until((one) => one.hasApplied() && text(one, "a.yaml") !== undefined);
    expect(visible(work.directory)).toEqual(offered);
    expect(work.read("program")).toBe("x: 1\n");
    expect(work.read("steps")).toBe(`checked ${hash}\ntaken ${hash}\n`);
    expect([text(seen, "a.yaml"), text(seen, "conf.d/b.yaml")]).toEqual(["x: 1\n", "y: 2\n"]);
    expect(await agent.end()).toBe(0);
    expect(agent.count(new RegExp(`Remote config ${hash.slice(0, 8)} applied`))).toBe(1);
    expect(litter(work.directory)).toEqual([]);
  });

  test("a command that fails restores the old config, is run again for it, and is reported", async () => {
    const { server, work } = await built.begin(transport);
    const command = `${TAKE}; if grep -q broken program; then echo "no broken config please" >&2; exit 4; fi`;
    work.configure({ remote_config: { command } });
    const agent = work.start();
    const seen = await server.firstAgent();
    const good = { "a.yaml": "x: 1\n", "conf.d/b.yaml": "y: 1\n" };
    seen.offerConfig(good);
    await seen.until((one) => one.hasApplied());
    const hash = seen.offerConfig({ "a.yaml": "broken\n", "c.yaml": "z: 1\n" });
    expect(await failure(seen, hash)).toMatch(/ended with exit code 4\nno broken config please$/);
    expect(visible(work.directory)).toEqual(good);
    expect(work.read("program")).toBe("x: 1\n");
    expect(text(seen, "a.yaml")).toBe("x: 1\n");
    expect(await agent.end()).toBe(0);
    expect(agent.count(/no broken config please/)).toBe(1);
    expect(litter(work.directory)).toEqual([]);
  });
});

test("an invalid config changes nothing, and the validator's output is reported", async () => {
  const { server, work } = await built.begin();
  const validate = 'echo "a.yaml:3: no such key" >&2; exit 2';
  work.configure({ remote_config: { validate_command: validate, command: "touch taken" } });
  work.write("config/a.yaml", "own: true\n");
  work.start();
  const seen = await server.firstAgent();
  const hash = seen.offerConfig({ "a.yaml": "x: 1\n" });
  expect(await failure(seen, hash)).toMatch(/ended with exit code 2\na\.yaml:3: no such key$/);
  expect(visible(work.directory)).toEqual({ "a.yaml": "own: true\n" });
  expect(existsSync(work.path("taken"))).toBe(false);
});

test("an offer with a name that is not safe is refused, and nothing of it is written", async () => {
  const { server, work } = await built.begin();
  work.configure({ remote_config: { command: "touch taken" } });
  work.start();
  const seen = await server.firstAgent();
  const before = everything(work.directory);
  for (const name of ["../evil.yaml", "/etc/evil.yaml", "conf.d/../../evil.yaml", ".opamp/current"]) {
    const hash = seen.offerConfig({ "a.yaml": "x: 1\n", [name]: "evil\n" });
    expect(await failure(seen, hash)).toContain(`the name ${JSON.stringify(name)}`);
    expect(everything(work.directory)).toEqual(before);
  }
  expect(existsSync(work.path("taken"))).toBe(false);
});

test("an empty offer restores the user's own files", async () => {
  const { server, work } = await built.begin();
  work.write("config/a.yaml", "own: true\n");
  work.configure({ remote_config: { command: TAKE, local_files: ["a.yaml"] } });
  work.start();
  const seen = await server.firstAgent();
  seen.offerConfig({ "a.yaml": "x: 1\n", "b.yaml": "y: 1\n" });
  await seen.until((one) => one.hasApplied() && text(one, "b.yaml") !== undefined);
  expect(work.read("program")).toBe("x: 1\ny: 1\n");
  seen.offerConfig({});
  await seen.until((one) => one.hasApplied() && text(one, "b.yaml") === undefined);
  expect(visible(work.directory)).toEqual({ "a.yaml": "own: true\n" });
  expect(text(seen, "a.yaml")).toBe("own: true\n");
  expect(work.read("program")).toBe("own: true\n");
});

test("of offers that come while the command runs only the newest is reported", async () => {
  const { server, work } = await built.begin();
  work.configure({ remote_config: { command: `${TAKE}; if grep -q slow program; then echo slow; exec sleep 60; fi` } });
  const agent = work.start({ args: ["--log-level", "debug"] });
  const seen = await server.firstAgent();
  const slow = seen.offerConfig({ "a.yaml": "slow: 1\n" });
  await agent.line(/: slow /);
  seen.offerConfig({ "a.yaml": "slow: 2\n" });
  const newest = seen.offerConfig({ "b.yaml": "fast: true\n" });
  await seen.until((one) => one.hasApplied(newest));
  expect(visible(work.directory)).toEqual({ "b.yaml": "fast: true\n" });
  const ends = seen.received.flatMap(({ remoteConfigStatus }) =>
    remoteConfigStatus?.status === APPLIED || remoteConfigStatus?.status === FAILED ? [remoteConfigStatus] : [],
  );
  expect(ends.map(({ lastRemoteConfigHash }) => lastRemoteConfigHash)).toEqual([newest]);
  expect(Buffer.compare(slow, newest)).not.toBe(0);
  expect(await agent.end()).toBe(0);
});

test("a program with a pid file is signalled instead of a command, and reads the file again", async () => {
  const { server, work } = await built.begin();
  const file = work.write("config/program.yaml", "level: info\n");
  const source = `
    import { readFileSync, writeFileSync } from "node:fs";
    const read = () => console.log(readFileSync(${JSON.stringify(file)}, "utf8").trim());
    process.on("SIGHUP", read);
    setInterval(() => undefined, 60_000);
    writeFileSync(${JSON.stringify(work.path("program.pid"))}, process.pid + "\\n");
    read();`;
  const program = spawn(process.execPath, ["--input-type=module", "--eval", source], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void program.kill("SIGKILL"));
  const lines = createInterface({ input: program.stdout })[Symbol.asyncIterator]();
  expect((await lines.next()).value).toBe("level: info");
  work.configure({ remote_config: { reload_signal: "SIGHUP", pid_file: work.path("program.pid") } });
  work.start();
  const seen = await server.firstAgent();
  seen.offerConfig({ "program.yaml": "level: debug\n" });
  expect((await lines.next()).value).toBe("level: debug");
  await seen.until((one) => one.hasApplied());
  program.kill("SIGKILL");
  await once(program, "exit");
  const hash = seen.offerConfig({ "program.yaml": "level: warn\n" });
  expect(await failure(seen, hash)).toMatch(/no process \d+ is running, though .*program\.pid names it/);
  expect(work.read("config/program.yaml")).toBe("level: debug\n");
});
