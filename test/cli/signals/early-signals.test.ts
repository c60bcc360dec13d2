import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { startTcp } from "../../transport/raw-servers.js";
import { builtCommand } from "../agent-work.js";

const built = builtCommand();

/** Any free port, where the debugger is opened after all. */
const env = { NODE_OPTIONS: "--inspect-port=0" };

/** Runs `opamp doctor` against a server that hangs up after `meanwhile`. @returns what it complained of */
async function doctor(nodeArgs: readonly string[], meanwhile: (child: ChildProcess) => void): Promise<string> {
  const { host, heard } = await startTcp();
  const args = [...nodeArgs, built.program, "doctor", "--proxy", "none", `ws://${host}/`];
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: ["ignore", "ignore", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const err = text(child.stderr);
  const { socket } = await heard.next();
  meanwhile(child);
  socket.destroy();
  return await err;
}

test("SIGUSR1 opens no debugger in an agent, which goes on", async () => {
  const { server, work } = await built.begin();
  work.configure({ remote_config: {} });
  const agent = work.start({ env });
  const seen = await server.firstAgent();
  agent.signal("SIGUSR1");
  seen.offerConfig({ "a.yaml": "x: 1\n" });
  await seen.until((one) => one.hasApplied());
  expect(await agent.end()).toBe(0);
  expect(agent.log).not.toMatch(/debugger|SIGUSR1/i);
});

test("SIGHUP that comes before the agent has loaded does not end it", async () => {
  const { server, work } = await built.begin();
  work.configure({});
  const hook = work.path("early-signal.cjs");
  // The program's first lines have run, and the rest of it is being loaded.
  const look = "process.listenerCount('SIGUSR1') ? process.kill(process.pid, 'SIGHUP') : setImmediate(look)";
  writeFileSync(hook, `setImmediate(function look() { ${look}; });`);
  const agent = work.start({ env: { NODE_OPTIONS: `--require ${hook}` } });
  await server.firstAgent();
  expect(await agent.end()).toBe(0);
});

test("SIGUSR1 opens no debugger in the doctor", async () => {
  expect(await doctor([], (child) => child.kill("SIGUSR1"))).toBe("");
});

test("a debugger that was asked for is there", async () => {
  expect(await doctor(["--inspect=0"], () => undefined)).toMatch(/Debugger listening/);
});

test("commands that an agent runs have the signal as the system has it by itself", async () => {
  const { server, work } = await built.begin();
  const command = "sed -n 's/^SigIgn:[[:space:]]*//p' /proc/self/status > ignored; (kill -USR1 $$$$)";
  work.configure({ remote_config: { command } });
  const agent = work.start();
  (await server.firstAgent()).offerConfig({ "a.yaml": "x: 1\n" });
  expect(await agent.line(/Remote config \w+ failed/)).toMatch(/SIGUSR1/);
  expect(Number.parseInt(work.read("ignored"), 16) & (1 << 9)).toBe(0);
});
