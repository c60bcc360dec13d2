import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { everything } from "../agent/config-directory/folder.js";
import { builtCommand } from "./agent-work.js";

const built = builtCommand();
const SECRET = "tok-4711";

test("a config directory that cannot be used makes the agent exit with 1 and say why", async () => {
  const { server, work } = await built.begin();
  work.configure({ remote_config: { directory: work.write("file", "") } });
  const agent = work.start();
  expect(await agent.ended).toBe(1);
  expect(agent.log).toMatch(
    /^\S+ ERROR remote_config\.directory: \S+\/file cannot be used: EEXIST: .* \(check that the directory may be written, and that its disk is not full\) \(ERR_OPAMP_STORE\)$/,
  );
  expect(server.connections.total).toBe(0);
});

test("a directory of another program in place of the versions makes the agent exit with 3 and name it", async () => {
  const { server, work } = await built.begin();
  work.configure({ remote_config: { state_directory: work.path("app") } });
  work.write("app/opamp-config/data", "theirs");
  const agent = work.start();
  expect(await agent.ended).toBe(3);
  expect(agent.log).toMatch(
    /^\S+ ERROR remote_config\.directory: \S+\/config cannot be used: \S+\/app\/opamp-config was not made by this agent: .* \(move it away, or give another remote_config\.state_directory; it is left as it is\) \(ERR_OPAMP_STORE\)$/m,
  );
  expect(everything(work.path("app/opamp-config"))).toEqual({ data: "theirs" });
  expect(server.connections.total).toBe(0);
});

test("a state directory that cannot be used is logged, and the agent runs without one", async () => {
  const { server, work } = await built.begin();
  work.configure({ storage: { directory: `${work.write("file", "")}/state` } });
  const agent = work.start();
  const seen = await server.firstAgent();
  await seen.until(({ health }) => health?.healthy === true);
  expect(await agent.end()).toBe(0);
  expect(agent.log).toMatch(/^\S+ WARN {2}\S+\/file\/state cannot be read: /);
});

test.each([
  ["of a later version", '{"format":"opamp-client","version":2}', "is of a later version", "update opamp-client"],
  ["of another program", '{"sessions":[]}', "is not a state of opamp-client", "move it away"],
])("a state %s makes the agent exit with 3 before anything is sent or changed", async (_, content, why, hint) => {
  const { server, work } = await built.begin();
  work.configure({ remote_config: { command: "true" } });
  const state = work.write("state/state.json", content);
  const before = everything(work.folder);
  const agent = work.start();
  expect(await agent.ended).toBe(3);
  expect(agent.log).toMatch(
    /^\S+ ERROR \S+[^\n]*; it was left as it is \([^\n]* another directory for its state\) \(ERR_OPAMP_STORE\)$/,
  );
  for (const words of [state, why, hint]) expect(agent.log).toContain(words);
  expect(everything(work.folder)).toEqual(before);
  expect(server.connections.total).toBe(0);
});

test("a wrong configuration makes the process exit with 2 before anything is done", async () => {
  const { work } = await built.begin();
  const missing = work.start();
  expect(await missing.ended).toBe(2);
  expect(missing.log).toMatch(
    /^error: the configuration cannot be read: ENOENT.* \(check the path given to --config\)$/,
  );
  work.configure({ remote_config: { comand: "true" }, health: {} });
  const wrong = work.start();
  expect(await wrong.ended).toBe(2);
  expect(wrong.log).toMatch(
    /^error: 2 mistakes\n {2}remote_config: unknown key "comand" \(line 12, column 5\)\. Did .*\(write command\)\n {2}health: checks nothing \(line 14/,
  );
  expect(existsSync(work.path("state"))).toBe(false);
});

test("every line of a JSON log has a time, a level and a message, and no secret", async () => {
  const { server, work } = await built.begin();
  const command = `printf 'first line\\nkey=%s\\n' "token=${SECRET}"; exit 1`;
  work.configure({
    server: { ws: { endpoint: server.url.replace("ws://", `ws://user:${SECRET}@`), headers: { "X-Key": SECRET } } },
    remote_config: { command },
    agent_description: { non_identifying_attributes: { team: `\${env:TEAM_NOT_SET}` } },
  });
  const agent = work.start({ args: ["--log-format", "json", "--log-level", "debug"] });
  const seen = await server.firstAgent();
  seen.offerConfig({ "a.yaml": `token: ${SECRET}\n` });
  await agent.line(/"warn".*failed/);
  expect(await agent.end()).toBe(0);
  const lines = agent.log.split("\n").map((line) => JSON.parse(line) as Record<string, string>);
  for (const line of lines) {
    expect(Object.keys(line).slice(0, 3)).toEqual(["time", "level", "message"]);
    expect(line["time"]).toBe(new Date(line["time"] ?? "").toISOString());
    expect(["debug", "info", "warn", "error"]).toContain(line["level"]);
  }
  expect(lines.map(({ message }) => message)).toContainEqual(expect.stringMatching(/TEAM_NOT_SET, which is not set/));
  expect(lines).toContainEqual(
    expect.objectContaining({ level: "debug", message: expect.stringMatching(/: first line$/) }),
  );
  const connected = lines.findIndex(({ message }) => message?.startsWith("Connected"));
  for (const line of lines.slice(connected)) expect(line["instance_uid"]).toBe([...server.agents.keys()][0]);
  const hash = Buffer.from(seen.remoteConfig?.hash ?? []).toString("hex");
  const ofOffer = lines.filter((line) => line["hash"] === hash).map(({ message }) => message);
  for (const words of ["applying", "in use on trial", ": first line", "failed"]) {
    expect(ofOffer).toContainEqual(expect.stringContaining(words));
  }
  expect(agent.log).not.toContain(SECRET);
});

test("only lines of the requested level are logged, and the command line overrides the file", async () => {
  const { server, work } = await built.begin();
  work.configure({ remote_config: { validate_command: "exit 3" }, log: { level: "debug", format: "json" } });
  const agent = work.start({ args: ["--log-level", "warn", "--log-format", "text"] });
  const seen = await server.firstAgent();
  seen.offerConfig({ "a.yaml": "x: 1\n" });
  await agent.line(/WARN {2}Remote config \w+ failed: `exit 3` ended with exit code 3 /);
  expect(await agent.end()).toBe(0);
  expect(agent.log.split("\n").filter((line) => !/^\S+ (WARN|ERROR)/.test(line))).toEqual([]);
});

test("a dry run works while the agent runs, shows what it has, and touches nothing", async () => {
  const { server, work } = await built.begin();
  work.write("config/own.yaml", "own: true\n");
  const remote = { command: "true", local_files: ["own.yaml"] };
  work.configure({ remote_config: remote });
  work.start();
  const seen = await server.firstAgent();
  seen.offerConfig({ "a.yaml": { body: `password: ${SECRET}\n`, contentType: "text/yaml" } });
  await seen.until((one) => one.hasApplied() && one.reported.effectiveConfig !== undefined);
  const before = everything(work.directory);
  const dry = work.start({ args: ["--dry-run", "--log-format", "json"] });
  expect(await dry.ended).toBe(0);
  expect(JSON.parse(dry.log)).toMatchObject({
    level: "info",
    message: expect.stringContaining("is in use by the agent of"),
  });
  const shown = JSON.parse(await dry.output);
  expect(shown).toMatchObject({
    server: server.url,
    stateDirectory: work.path("state"),
    configDirectory: work.directory,
  });
  expect(shown.firstReport).toMatchObject({ instanceUid: seen.uidText });
  expect(Object.keys(shown.effectiveConfig).sort()).toEqual(["a.yaml", "own.yaml"]);
  expect(await dry.output).not.toContain(SECRET);
  expect(everything(work.directory)).toEqual(before);
  expect(server.agents.size).toBe(1);
  expect(seen.connections.total).toBe(1);
});
