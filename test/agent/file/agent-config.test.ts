import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { agentSections, readAgentConfig } from "../../../src/agent/file/agent-config.js";
import { OpAMPError } from "../../../src/errors.js";
import { folderForTest } from "../config-directory/folder.js";

const SERVER = "server: { ws: { endpoint: ws://h/ } }\n";
const COMMAND_FORM = 'write a text for the shell, or a list such as ["systemctl", "reload", "my-agent"]';
const CHECK_FORM = "give either url, such as http://127.0.0.1:13133/, or command";
const MAP = "indent its keys below it";
const QUOTES = "put it in quotes";
const OTHER_TIME = "write it such as 30s, or remove the key";
const INSIDE = "give a directory inside it or elsewhere, or remove the key";
const DIRECTORY = "give the directory that the program reads its configuration from";

/** What is wrong with `<section>: <value>` in line 2: the path, the problem, where that is, and the fix. */
const MISTAKES: Readonly<Record<string, readonly [value: string, problem: string, fix: string][]>> = {
  storage: [
    ["/var/lib/x", ": must be a map of keys, not text (line 2, column 1)", MAP],
    ["{ directory: '' }", ".directory: is empty (line 2, column 12)", "give a directory, or remove the key"],
    ["{ directory: 7 }", ".directory: must be text, not a number (line 2, column 12)", QUOTES],
    ["{ path: /x }", `: unknown key "path" (line 2, column 12)`, "write directory"],
    [
      "{ direktory: /x }",
      `: unknown key "direktory" (line 2, column 12). Did you mean "directory"?`,
      "write directory",
    ],
  ],
  remote_config: [
    ["{}", ".directory: is missing (line 2, column 1)", DIRECTORY],
    ["{ directory: '' }", ".directory: is missing (line 2, column 18)", DIRECTORY],
    ['{ directory: "a\\0b" }', ".directory: must be the path of a directory (line 2, column 18)", DIRECTORY],
    ["{ directory: 5 }", ".directory: must be text, not a number (line 2, column 18)", QUOTES],
    [
      "{ directory: /x, comand: a }",
      `: unknown key "comand" (line 2, column 33). Did you mean "command"?`,
      "write command",
    ],
    ["{ directory: /x, command: '' }", ".command: is empty (line 2, column 33)", COMMAND_FORM],
    ["{ directory: /x, command: [] }", ".command: is empty (line 2, column 33)", COMMAND_FORM],
    ["{ directory: /x, command: 7 }", ".command: must be a command (line 2, column 33)", COMMAND_FORM],
    ["{ directory: /x, command: ' ' }", ".command: is empty (line 2, column 33)", COMMAND_FORM],
    ["{ directory: /x, command: ['', x] }", ".command[0]: is empty (line 2, column 43)", COMMAND_FORM],
    ["{ directory: /x, command: [x, 5] }", ".command[1]: must be text, not a number (line 2, column 46)", QUOTES],
    ['{ directory: /x, command: "a\\0b" }', ".command: has a NUL in it (line 2, column 33)", COMMAND_FORM],
    [
      "{ directory: /x, validate_command: { a: b } }",
      ".validate_command: must be a command (line 2, column 33)",
      COMMAND_FORM,
    ],
    [
      "{ directory: /x, reload_signal: HUP }",
      ".pid_file: is missing (line 2, column 1)",
      "give the file with the process id that reload_signal is sent to",
    ],
    [
      "{ directory: /x, pid_file: /p }",
      ".pid_file: belongs to reload_signal (line 2, column 33)",
      "give reload_signal: SIGHUP too, or remove it",
    ],
    [
      "{ directory: /x, reload_signal: SIGFOO, pid_file: /p }",
      ".reload_signal: must be the name of a signal (line 2, column 33)",
      "write it such as SIGHUP",
    ],
    [
      "{ directory: /x, timeout: 30 }",
      ".timeout: is a number without a unit (line 2, column 33)",
      "write 30s for thirty seconds",
    ],
    ["{ directory: /x, timeout: 0s }", ".timeout: must be above 0 (line 2, column 33)", OTHER_TIME],
    [
      "{ directory: /x, timeout: soon }",
      ".timeout: must be a duration (line 2, column 33)",
      "write it as Go does, such as 300ms, 30s or 1h30m",
    ],
    ["{ directory: /x, file_mode: 0640 }", ".file_mode: must be text, not a number (line 2, column 33)", QUOTES],
    [
      "{ directory: /x, file_mode: '0999' }",
      ".file_mode: must be permissions such as 0640 (line 2, column 33)",
      'write them in quotes, such as "0640"',
    ],
    [
      "{ directory: /x, file_mode: '0040' }",
      ".file_mode: must be permissions with which the owner can read (line 2, column 33)",
      'write them in quotes, such as "0640"',
    ],
    [
      "{ directory: /x/y, state_directory: /x }",
      ".state_directory: must not be remote_config.directory, nor around it (line 2, column 35)",
      INSIDE,
    ],
    [
      "{ directory: /var/lib/opamp-agent }",
      ".directory: must not be storage.directory (line 2, column 18)",
      "give each a directory of its own",
    ],
    [
      "{ directory: /x, state_directory: /var/lib/opamp-agent/ }",
      ".state_directory: must not be storage.directory (line 2, column 33)",
      "give each a directory of its own",
    ],
    [
      "{ directory: /x, state_directory: '' }",
      ".state_directory: must be the path of a directory (line 2, column 33)",
      INSIDE,
    ],
    [
      "{ directory: /x, local_files: [a, ../b] }",
      '.local_files[1]: has ".." as a part (line 2, column 50)',
      "give names of files in remote_config.directory",
    ],
    [
      "{ directory: /x, local_files: { a: b } }",
      ".local_files: must be a list, not a map (line 2, column 33)",
      "write the items with a dash before each",
    ],
  ],
  effective_config: [
    ["{ file: [/a] }", `: unknown key "file" (line 2, column 21). Did you mean "files"?`, "write files"],
    [
      "{ files: 7 }",
      ".files: must be a list, not a number (line 2, column 21)",
      "write the items with a dash before each",
    ],
    [
      "{ max_bytes: 67108865 }",
      ".max_bytes: must be from 0 to 67108864 (line 2, column 21)",
      "write a number within these bounds",
    ],
    ["{ files: { a: 7 } }", ".files.a: must be text, not a number (line 2, column 30)", QUOTES],
    ["{ files: { a: '' } }", ".files.a: has no path (line 2, column 30)", "give one, or remove the name"],
    ["{ files: [/a, /b/] }", ".files[1]: must be the path of a file (line 2, column 33)", "give the path of a file"],
    [
      "{ files: [/a/x, /b/x] }",
      ".files[1]: has the name of an earlier file (line 2, column 35)",
      "give a map from names to paths instead of a list",
    ],
    ["{ raw_file: '' }", ".raw_file: is empty (line 2, column 21)", "give the path of a file, or remove the key"],
    ["{ redact: maybe }", ".redact: must be a map of keys, not text (line 2, column 21)", MAP],
    [
      "{ redact: { alow: [a] } }",
      `.redact: unknown key "alow" (line 2, column 31). Did you mean "allow"?`,
      "write allow",
    ],
  ],
  health: [
    ["{}", ": checks nothing (line 2, column 1)", CHECK_FORM],
    ["{ ur: http://h/ }", `: unknown key "ur" (line 2, column 11). Did you mean "url"?`, "write url"],
    ["{ endpoint: http://h/ }", `: unknown key "endpoint" (line 2, column 11)`, "write url"],
    ["{ url: ftp://h/ }", ".url: must be an http or https URL (line 2, column 11)", CHECK_FORM],
    ["{ url: http://h/, command: a }", ".command: is one check too many (line 2, column 27)", CHECK_FORM],
    ["{ interval: 0s, url: http://h/ }", ".interval: must be above 0 (line 2, column 11)", OTHER_TIME],
    [
      "{ timeout: 5, url: http://h/ }",
      ".timeout: is a number without a unit (line 2, column 11)",
      "write 30s for thirty seconds",
    ],
    ["{ components: [a] }", ".components: must be a map of keys, not a list (line 2, column 11)", MAP],
    ["{ components: { api: {} } }", ".components.api: checks nothing (line 2, column 25)", CHECK_FORM],
    [
      "{ components: { '': { url: http://h/ } } }",
      '.components[""]: must have a name (line 2, column 25)',
      "give the component a name",
    ],
    [
      "{ components: { api: { url: http://h/, interval: 3s } } }",
      `.components.api: unknown key "interval" (line 2, column 48)`,
      "valid keys: url, command, components",
    ],
  ],
  available_components: [
    [
      "{ receiver: [otlp] }",
      `: unknown key "receiver" (line 2, column 25). Did you mean "receivers"?`,
      "write receivers",
    ],
    ["{ receivers: 7 }", ".receivers: must be a map of keys, not a number (line 2, column 25)", MAP],
    ["{ receivers: [7] }", ".receivers[0]: must be text, not a number (line 2, column 37)", QUOTES],
    [
      "{ receivers: { otlp: { a: b } } }",
      ".receivers.otlp: must be text, not a map (line 2, column 38)",
      "write a text",
    ],
  ],
  restart: [
    ["{}", ".command: is missing (line 2, column 1)", "give the command that restarts the program"],
    ["systemctl restart x", ": must be a map of keys, not text (line 2, column 1)", MAP],
    ["{ cmd: a }", `: unknown key "cmd" (line 2, column 12)`, "write command"],
    ["{ command: '' }", ".command: is empty (line 2, column 12)", COMMAND_FORM],
    ["{ command: a, timeout: 0s }", ".timeout: must be above 0 (line 2, column 24)", OTHER_TIME],
  ],
  heartbeat: [
    ["30s", ": must be a map of keys, not text (line 2, column 1)", MAP],
    ["{ interval: 0s }", ".interval: must be above 0 (line 2, column 14)", OTHER_TIME],
    ["{ every: 3s }", `: unknown key "every" (line 2, column 14)`, "valid keys: interval"],
  ],
  backoff: [
    ["{ min: 5 }", ".min: is a number without a unit (line 2, column 12)", "write 30s for thirty seconds"],
    ["{ max: -1s }", ".max: must be above 0 (line 2, column 12)", OTHER_TIME],
    ["{ min: 10s, max: 5s }", ".max: must not be below backoff.min (line 2, column 22)", "raise max, or lower min"],
    ["{ limit: 3s }", `: unknown key "limit" (line 2, column 12)`, "valid keys: min, max, spread"],
  ],
  log: [
    ["debug", ": must be a map of keys, not text (line 2, column 1)", MAP],
    ["{ lvl: debug }", `: unknown key "lvl" (line 2, column 8)`, "valid keys: level, format"],
    [
      "{ level: verbose }",
      ".level: must be one of info, debug, warn, error (line 2, column 8)",
      "write one of these words",
    ],
    ["{ format: xml }", ".format: must be one of text, json (line 2, column 8)", "write one of these words"],
  ],
};

function refused(text: string): OpAMPError {
  try {
    readAgentConfig(text, { env: {} });
  } catch (error) {
    if (error instanceof OpAMPError) return error;
    throw error;
  }
  throw new Error(`taken: ${text}`);
}

describe("a mistake is reported with the key, the line and the fix", () => {
  for (const [section, mistakes] of Object.entries(MISTAKES)) {
    test(`in ${section}`, () => {
      for (const [value, problem, fix] of mistakes) {
        const { code, message, hint } = refused(`${SERVER}${section}: ${value}\n`);
        expect({ value, code, message, hint }).toEqual({
          value,
          code: "ERR_OPAMP_OPTION",
          message: `${section}${problem}`,
          hint: fix,
        });
      }
    });
  }

  test("every section of the command is covered by these cases", () => {
    expect(Object.keys(MISTAKES).sort()).toEqual([...agentSections].sort());
  });

  test("in the name of a section", () => {
    const { message, hint } = refused(`${SERVER}remote_confg: {}\n`);
    expect(message).toBe('config: unknown key "remote_confg" (line 2, column 1). Did you mean "remote_config"?');
    expect(hint).toBe("write remote_config");
  });

  test("in two files under one name", () => {
    const text = `${SERVER}reports_raw_config: true\neffective_config: { files: { raw: /x }, raw_file: /y }\n`;
    const { message, hint } = refused(text);
    expect([message, hint]).toEqual([
      "effective_config.files: has a file called raw, as raw_file is (line 3, column 21)",
      "give it another name",
    ]);
  });

  test("the value behind a reference is never shown", () => {
    const env = { SECRET: "tok-4711" };
    for (const value of [
      `storage: { directory: ['\${SECRET}'] }`,
      `log: { level: '\${SECRET}' }`,
      `health: { url: '\${SECRET}' }`,
    ]) {
      expect(() => readAgentConfig(SERVER + value, { env })).toThrow(/^(?!.*4711)/s);
    }
  });
});

test("a config directory is refused on Windows, with what to do instead", () => {
  const text = `${SERVER}remote_config: { directory: /x }\n`;
  expect(() => readAgentConfig(text, { platform: "win32" })).toThrow(
    expect.objectContaining({
      code: "ERR_OPAMP_OPTION",
      message: expect.stringContaining("remote_config: cannot change a configuration as a whole on Windows"),
      hint: "remove it, or run the agent on another system",
    }),
  );
});

test("the extension's block alone is enough", () => {
  expect(readAgentConfig(SERVER)).toMatchObject({
    stateDirectory: "/var/lib/opamp-agent",
    remoteConfig: undefined,
    effectiveConfig: { files: {}, rawFile: undefined, redact: {}, maxBytes: 4_194_304 },
    health: undefined,
    availableComponents: undefined,
    restart: undefined,
    heartbeatMs: undefined,
    backoff: { minMs: 1_000, maxMs: 30_000 },
    log: { level: "info", format: "text" },
  });
});

test("two directories that a link makes the same are refused", () => {
  const work = folderForTest();
  mkdirSync(join(work, "conf"));
  symlinkSync(join(work, "conf"), join(work, "link"));
  const { message } = refused(
    `${SERVER}storage: { directory: ${work}/link }\nremote_config: { directory: ${work}/conf }\n`,
  );
  expect(message).toMatch(/^remote_config\.directory: must not be storage\.directory/);
  const around = refused(`${SERVER}remote_config: { directory: ${work}/conf/a, state_directory: ${work}/link }\n`);
  expect(around.message).toMatch(
    /^remote_config\.state_directory: must not be remote_config\.directory, nor around it/,
  );
});

test("offers cannot write the agent's storage or its configuration file", () => {
  const text = `${SERVER}storage: { directory: /x/state }\nremote_config: { directory: /x }\n`;
  const { remoteConfig } = readAgentConfig(text, { file: "/x/agent.yaml" });
  expect(remoteConfig).toMatchObject({ state: "/x/.opamp", ownPaths: ["/x/state", "/x/agent.yaml"] });
  expect(readAgentConfig(text).remoteConfig?.ownPaths).toEqual(["/x/state"]);
});

test("a Collector's file takes the agent's sections beside it, with their references expanded", () => {
  const text = `
extensions: { opamp: { server: { http: { endpoint: http://h/ } } } }
service: { extensions: [opamp] }
storage: { directory: "\${env:HOME}/state" }
remote_config: { directory: /x, file_mode: "\${MODE}", timeout: 5s, command: [a, b], reload_signal: HUP, pid_file: /p }
effective_config: { files: [/etc/a.yaml, b.yaml], redact: { allow: [token_count] }, max_bytes: 1000 }
health: { command: check, interval: 3s, components: { api: { url: "http://h:1/" } } }
restart: { command: restart }
heartbeat: { interval: 10s }
backoff: { min: 500ms, max: 8s, spread: 2m }
log: { level: warn, format: json }
`;
  expect(readAgentConfig(text, { env: { HOME: "/home/x", MODE: "0600" } })).toMatchObject({
    extension: { server: { transport: "http", endpoint: "http://h/" } },
    stateDirectory: "/home/x/state",
    remoteConfig: {
      directory: "/x",
      fileMode: 0o600,
      timeoutMs: 5_000,
      command: ["a", "b"],
      reload: { signal: "SIGHUP", pidFile: "/p" },
    },
    effectiveConfig: {
      files: { "a.yaml": "/etc/a.yaml", "b.yaml": "b.yaml" },
      redact: { allow: ["token_count"], deny: [] },
      maxBytes: 1_000,
    },
    health: {
      check: { command: "check" },
      intervalMs: 3_000,
      timeoutMs: 5_000,
      components: { api: { check: { url: "http://h:1/" } } },
    },
    restart: { command: "restart", timeoutMs: 30_000 },
    heartbeatMs: 10_000,
    backoff: { minMs: 500, maxMs: 8_000, spreadMs: 120_000 },
    log: { level: "warn", format: "json" },
  });
});
