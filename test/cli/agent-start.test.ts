import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { everything } from "../agent/config-directory/folder.js";
import { builtCommand } from "./agent-work.js";

const built = builtCommand();

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
