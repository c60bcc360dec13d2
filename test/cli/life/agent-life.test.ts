import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, onTestFinished, test } from "vitest";
import { OpAMPServer } from "../../../src/testing/index.js";
import { litter, visible } from "../../agent/config-directory/folder.js";
import { startServer } from "../../server/server-fixture.js";
import { startTcp } from "../../transport/raw-servers.js";
import type { AgentProcess } from "../agent-process.js";
import { builtCommand, type Work } from "../agent-work.js";

const built = builtCommand();
/** Well above what a goodbye may take. */
const SOON_MS = 4_000;

/** A process that has nothing to do with the agent. */
function stranger(): { pid: number; end(): Promise<unknown> } {
  const child = spawn("sleep", ["60"], { stdio: "ignore" });
  onTestFinished(() => void child.kill("SIGKILL"));
  const exited = once(child, "exit");
  return {
    pid: child.pid ?? 0,
    end() {
      child.kill("SIGKILL");
      return exited;
    },
  };
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test("an agent without a server starts anyway, says what to check, and connects once the server is up", async () => {
  const gone = await OpAMPServer.start();
  const { port } = gone;
  const work = built.work(gone);
  await gone.close();
  work.configure();
  const agent = work.start();
  expect(await agent.line(/Connection failed/)).toMatch(
    /WARN {2}Connection failed \(no connection to 127\.0\.0\.1:\d+: .*nothing listens there: check that the server is up/,
  );
  const server = await startServer({ port });
  await server.firstAgent();
  await agent.line(/INFO {2}Connected to the OpAMP server over websocket, after \d+ attempts/);
  expect(await agent.end()).toBe(0);
});

describe("a restart that the server asks for", () => {
  test("runs the command, whose failure is logged", async () => {
    const { server, work } = await built.begin();
    const command = "if [ -e fine ]; then echo restarted; else echo no way; exit 7; fi";
    work.configure({ capabilities: { accepts_restart_command: true }, restart: { command } });
    const agent = work.start({ args: ["--log-level", "debug"] });
    const seen = await server.firstAgent();
    seen.restart();
    expect(await agent.line(/restart failed/)).toMatch(/WARN {2}restart failed: .* ended with exit code 7\\nno way/);
    work.write("fine", "");
    seen.restart();
    await agent.line(/DEBUG .*: restarted /);
    expect(seen.connections.total).toBe(1);
  });

  test("without a command restarts the agent, with the same uid and the current file", async () => {
    const { server, work } = await built.begin();
    const config = (team: string) => ({
      capabilities: { accepts_restart_command: true },
      agent_description: { non_identifying_attributes: { team } },
    });
    work.configure(config("blue"));
    const agent = work.start();
    const seen = await server.firstAgent();
    expect(seen.attributes.nonIdentifying["team"]).toBe("blue");
    work.configure(config("red"));
    seen.restart();
    await seen.until(({ attributes }) => attributes.nonIdentifying["team"] === "red");
    expect(server.agents.size).toBe(1);
    expect(seen.received.filter(({ agentDisconnect }) => agentDisconnect !== undefined)).toHaveLength(1);
    expect(await agent.end()).toBe(0);
    expect(agent.count(/INFO {2}SIGHUP: restarting/)).toBe(1);
    expect(agent.count(new RegExp(`INFO  Agent ${seen.uidText} for `))).toBe(2);
  });
});

test("SIGHUP with a broken file changes nothing and says why, and may be repeated", async () => {
  const { server, work } = await built.begin();
  work.configure({ remote_config: {} });
  const agent = work.start();
  const seen = await server.firstAgent();
  const config = work.read("opamp.yaml");
  work.write("opamp.yaml", "server: { ws: { endpoint: ws://h/ } }\nstorage:\n  directroy: /tmp\n");
  agent.signal("SIGHUP");
  expect(await agent.line(/SIGHUP/)).toMatch(
    /ERROR SIGHUP: keeping the old configuration: storage: unknown key "directroy" \(line 3, column 3\). Did you mean "directory"\?/,
  );
  seen.offerConfig({ "a.yaml": "x: 1\n" });
  await seen.until((one) => one.hasApplied());
  expect(seen.connections.total).toBe(1);
  work.write("opamp.yaml", config);
  // More than one while the agent starts again is as good as one after that.
  for (let count = 0; count < 5; count += 1) agent.signal("SIGHUP");
  await seen.until(({ connections }) => connections.total >= 2);
  expect(await agent.end()).toBe(0);
  expect(agent.count(/SIGHUP: restarting/)).toBeLessThan(4);
});

test("SIGHUP with a file that a dry run refuses names all mistakes and keeps the connection", async () => {
  const { server, work } = await built.begin();
  work.configure({ remote_config: {} });
  const agent = work.start();
  const seen = await server.firstAgent();
  work.configure({
    remote_config: { command: ["nosuchprog-4711"], validate_command: ["nosuchcheck-4711"] },
    server: { ws: { endpoint: server.url.replace("ws:", "wss:"), tls: { ca_file: "/nowhere/ca.pem" } } },
  });
  agent.signal("SIGHUP");
  const kept = "ERROR SIGHUP: keeping the old configuration: ";
  await agent.line(/nosuchprog-4711/);
  for (const about of [
    /ca_file: cannot read \/nowhere\/ca\.pem/,
    /"nosuchprog-4711" was not found/,
    /"nosuchcheck-4711"/,
  ]) {
    expect(agent.count(new RegExp(`${kept}.*${about.source}`))).toBe(1);
  }
  seen.offerConfig({ "a.yaml": "x: 1\n" });
  await seen.until((one) => one.hasApplied());
  expect(seen.connections.total).toBe(1);
  expect(agent.count(/SIGHUP: restarting|Client stopped/)).toBe(0);
  expect(await agent.end()).toBe(0);
});

test("SIGHUP retries an offer that failed", async () => {
  const { server, work } = await built.begin();
  work.configure({ remote_config: { command: "test -e room" } });
  const agent = work.start();
  const seen = await server.firstAgent();
  seen.offerConfig({ "a.yaml": "x: 1\n" });
  await agent.line(/Remote config \w+ failed/);
  work.write("room", "");
  agent.signal("SIGHUP");
  await agent.line(/Remote config \w+ applied/);
  expect(visible(work.directory)).toEqual({ "a.yaml": "x: 1\n" });
  await seen.until((one) => one.hasApplied());
  expect(await agent.end()).toBe(0);
});

test("an agent whose watched process is gone tells the server and exits with 1", async () => {
  const { server, work } = await built.begin();
  const parent = stranger();
  work.configure({ ppid: parent.pid, ppid_poll_interval: "20ms" });
  const agent = work.start();
  const seen = await server.firstAgent();
  await seen.until(({ health }) => health?.healthy === true);
  await parent.end();
  expect(await agent.ended).toBe(1);
  const error = `the agent was orphaned, process with pid ${parent.pid} does not exist`;
  expect(seen.health).toMatchObject({ healthy: false, status: "StatusFatalError", lastError: error });
  expect(seen.disconnected).toBe(true);
  expect(agent.count(new RegExp(`ERROR Stopped: ${error}`))).toBe(1);
});

describe.each(["SIGTERM", "SIGINT"] as const)("%s", (signal) => {
  test("sends agent_disconnect and exits with 0", async () => {
    const { server, work } = await built.begin();
    work.configure();
    const agent = work.start();
    const seen = await server.firstAgent();
    await seen.until(({ health }) => health?.healthy === true);
    expect(await agent.end(signal)).toBe(0);
    expect(seen.disconnected).toBe(true);
    expect(seen.health).toMatchObject({ healthy: false });
    expect(agent.log).toMatch(/Shutting down: .*\n.*stopped.*$/);
  });
});

describe("a second signal to end", () => {
  test("ends the agent at once, even if it is another signal", async () => {
    const { server, work } = await built.begin();
    work.configure({ remote_config: { command: 'trap "" TERM; echo $$$$ > pid; echo deaf; sleep 60' } });
    const agent = work.start({ args: ["--log-level", "debug"] });
    (await server.firstAgent()).offerConfig({ "a.yaml": "x: 1\n" });
    await agent.line(/: deaf /);
    onTestFinished(() => void process.kill(-Number(work.read("pid")), "SIGKILL"));
    agent.signal("SIGTERM");
    // Not heard while it may be the first one that comes twice.
    const again = setInterval(() => agent.signal("SIGINT"), 50);
    onTestFinished(() => clearInterval(again));
    expect(await agent.ended).toBe("SIGINT");
  });

  test("is ignored if it comes together with the first, as from a terminal through npx", async () => {
    const { server, work } = await built.begin();
    work.configure();
    const agent = work.start();
    const seen = await server.firstAgent();
    agent.signal("SIGTERM");
    expect(await agent.end("SIGINT")).toBe(0);
    expect(seen.disconnected).toBe(true);
  });
});

/** Ends an agent, and with it the process whose number its command wrote down. */
async function endsWithCommand(agent: AgentProcess, work: Work): Promise<void> {
  const began = performance.now();
  expect(await agent.end()).toBe(0);
  expect(performance.now() - began).toBeLessThan(SOON_MS);
  const pid = Number(work.read("pid"));
  expect(pid).toBeGreaterThan(1);
  expect(exists(pid)).toBe(false);
}

describe("an agent that gets SIGTERM", () => {
  test("ends a running command and rolls its config back", async () => {
    const { server, work } = await built.begin();
    const command = "if [ -e {directory}/b.yaml ]; then echo $$$$ > pid; echo slow; exec sleep 60; fi";
    work.configure({ remote_config: { command } });
    const agent = work.start({ args: ["--log-level", "debug"] });
    const seen = await server.firstAgent();
    seen.offerConfig({ "a.yaml": "x: 1\n" });
    await seen.until((one) => one.hasApplied());
    seen.offerConfig({ "b.yaml": "y: 1\n" });
    await agent.line(/: slow /);
    await endsWithCommand(agent, work);
    expect(visible(work.directory)).toEqual({ "a.yaml": "x: 1\n" });
    expect(litter(work.directory)).toEqual([]);
    expect(seen.disconnected).toBe(true);
    expect(agent.count(/rolled back/)).toBe(1);
  });

  test("ends a running restart command", async () => {
    const { server, work } = await built.begin();
    const restart = { command: "echo $$$$ > pid; echo slow; exec sleep 60" };
    work.configure({ capabilities: { accepts_restart_command: true }, restart });
    const agent = work.start({ args: ["--log-level", "debug"] });
    (await server.firstAgent()).restart();
    await agent.line(/: slow /);
    await endsWithCommand(agent, work);
  });

  test("exits while no server can be reached, or while one is silent", async () => {
    const silent = await startTcp();
    for (const host of ["127.0.0.1:1", silent.host]) {
      const work = built.work({ url: `ws://${host}/v1/opamp`, httpUrl: "" });
      work.configure();
      const agent = work.start();
      await agent.line(host === silent.host ? /INFO {2}Agent / : /Connection failed/);
      const began = performance.now();
      expect(await agent.end()).toBe(0);
      expect(performance.now() - began).toBeLessThan(SOON_MS);
    }
  });
});
