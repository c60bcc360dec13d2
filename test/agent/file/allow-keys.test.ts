import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readAgentConfig } from "../../../src/agent/file/agent-config.js";
import { OpAMPError } from "../../../src/errors.js";
import { folderForTest } from "../config-directory/folder.js";

function read(allow: string, directory = "/x/conf") {
  const text = `server: { ws: { endpoint: ws://h/ } }\nremote_config:\n  directory: ${directory}\n  allow: ${allow}\n`;
  return readAgentConfig(text, { env: {} }).remoteConfig?.allow;
}

function refused(allow: string, directory?: string): OpAMPError {
  try {
    read(allow, directory);
  } catch (error) {
    if (error instanceof OpAMPError) return error;
    throw error;
  }
  throw new Error(`taken: ${allow}`);
}

describe("remote_config.allow", () => {
  test("has each list that is given, and an empty one allows nothing", () => {
    expect(read("{ names: [a.yaml], max_bytes: 1024, commands: [] }")).toEqual({
      names: [[/^a\.yaml$/u]],
      maxBytes: 1024,
      keys: undefined,
      paths: undefined,
      commands: [],
    });
    expect(read("{ paths: [/var/log/, /opt/x/..], keys: [a.**] }")).toMatchObject({
      paths: ["/var/log", "/opt"],
      keys: [[/^a$/u, "**"]],
    });
  });

  test("takes a command next to the directory for offers", () => {
    expect(read("{ commands: [/x/conf.sh, /x/configure, /x/bin/*, uptime] }")?.commands).toHaveLength(4);
  });

  const LIST = "give a list, where [] allows nothing, or remove the key";
  const mistakes: readonly [allow: string, problem: string, hint: string][] = [
    ["", "allow: has no limits in it", "give names, max_bytes, keys, paths or commands, or remove the key"],
    ["{}", "allow: has no limits in it", "give names, max_bytes, keys, paths or commands, or remove the key"],
    ["{ names: }", "allow.names: is empty", LIST],
    ["{ commands: ~ }", "allow.commands: is empty", LIST],
    ["{ names: [''] }", "allow.names[0]: must be a rule", "write a rule, or remove the item"],
    ["{ keys: [a, ' '] }", "allow.keys[1]: must be a rule", "write a rule, or remove the item"],
    ["{ names: [7] }", "allow.names[0]: must be text, not a number", "put it in quotes"],
    ["{ max_bytes: 0 }", "allow.max_bytes: must be above 0", "give a number of bytes, or remove the key"],
    ["{ max_bytes: 1KiB }", "allow.max_bytes: must be a whole number, not text", "write it without quotes"],
    ["{ paths: [logs] }", "allow.paths[0]: must be an absolute path", "write it such as /var/log, without *"],
    ["{ paths: [/a/*] }", "allow.paths[0]: must be an absolute path", "write it such as /var/log, without *"],
    [
      "{ commands: [bin/a] }",
      "allow.commands[0]: must be an absolute path, or a name without a slash",
      "write it such as /usr/bin/my-program or /opt/scripts/*",
    ],
    ["{ name: [a] }", `allow: unknown key "name" (line 4, column 12). Did you mean "names"?`, "write names"],
  ];
  test.each(mistakes)("refuses %s", (allow, problem, hint) => {
    const error = refused(allow);
    expect(error.message.startsWith(`remote_config.${problem}`)).toBe(true);
    expect([error.code, error.hint]).toEqual(["ERR_OPAMP_OPTION", hint]);
  });

  test("tells every mistake in one answer", () => {
    const { message } = refused(
      "{ names: ['', ' '], max_bytes: 1KiB, paths: [logs, /a, b], commands: [bin/a], dir: 1 }",
    );
    const places = ["names[0]", "names[1]", "max_bytes", "paths[0]", "paths[2]", "commands[0]"];
    for (const place of places) expect(message).toContain(`remote_config.allow.${place}: `);
    expect(message).toContain('unknown key "dir"');
  });

  test("refuses commands where offers are written, also through links and patterns", () => {
    const work = folderForTest();
    mkdirSync(join(work, "conf"));
    symlinkSync("conf", join(work, "link"));
    for (const rule of ["conf/a.sh", "conf/*", "*/a.sh", "**", "c*/x/*", "link/a.sh", "link/*"]) {
      const { message } = refused(`{ commands: ["${work}/${rule}"] }`, join(work, "conf"));
      expect(message).toMatch(/^remote_config\.allow\.commands\[0\]: allows programs in remote_config\.directory/);
    }
    expect(refused(`{ commands: ["${work}/conf/a"] }`, join(work, "link")).message).toContain("allows programs in");
  });
});
