import { describe, expect, test } from "vitest";
import { readAgentConfig } from "../../../src/agent/file/agent-config.js";
import { OpAMPError } from "../../../src/errors.js";

const SERVER = "server: { ws: { endpoint: ws://h/ } }\n";
const SECRET = "tok-4711";

function refused(text: string, env: Record<string, string> = {}): OpAMPError {
  try {
    readAgentConfig(text, { env, platform: "linux" });
  } catch (error) {
    if (!(error instanceof OpAMPError)) throw error;
    expect(`${error.message}${error.hint}`).not.toContain(SECRET);
    return error;
  }
  throw new Error(`taken: ${text}`);
}

/** The path and the place that each line begins with. */
function told(text: string): readonly string[] {
  return refused(text).message.split("\n");
}

const MANY = `
log: { level: loud, formt: json }
extensions:
  opamp:
    servr: {}
    server:
      ws:
        endpoint: http://h/
        headers: { X-A: 7 }
        tls: { min_version: "9", ca_file: a, ca_pem: ${SECRET} }
        auth: bearertokenauth
    instance_uid: ${SECRET}
    capabilities: { reports_health: ${SECRET}, report_heartbeat: true }
    ppid: -1
  bearertokenauth: { tokn: ${SECRET} }
storage: { directory: '' }
remote_config:
  direcory: ./c
  timeout: 30
  reload_signal: SIGNOT
  file_mode: "0999"
health: { url: ftp://h/, components: { api: {} } }
restart: {}
service: { telemetry: { resource: { a: { b: ${SECRET} }, service.instance.id: ${SECRET} } } }
backoff: { min: ${SECRET} }
`;

describe("a file with many mistakes", () => {
  test("has all of them in one answer, by their lines, each with what to write", () => {
    const lines = told(MANY);
    const places = lines.map((line) => Number(/\(line (\d+), column \d+\)/.exec(line)?.[1]));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(lines.map((line) => /^([^ ]+): /.exec(line)?.[1])).toEqual([
      "log.level",
      "log",
      "extensions.opamp",
      "extensions.opamp.server.ws.endpoint",
      "extensions.opamp.server.ws.headers.X-A",
      "extensions.opamp.server.ws.tls.min_version",
      "extensions.opamp.server.ws.tls.ca_pem",
      "extensions.opamp.instance_uid",
      "extensions.opamp.capabilities.reports_health",
      "extensions.opamp.capabilities",
      "extensions.opamp.ppid",
      "extensions.bearertokenauth",
      "storage.directory",
      "remote_config.pid_file",
      "remote_config",
      "remote_config.timeout",
      "remote_config.reload_signal",
      "remote_config.file_mode",
      "health.url",
      "health.components.api",
      "restart.command",
      "service.telemetry.resource.a",
      'service.telemetry.resource["service.instance.id"]',
      "backoff.min",
    ]);
    for (const line of lines) expect(line).toMatch(/ \(.+\)$/);
  });

  test("is one error whose cause has an error for each", () => {
    const { code, cause } = refused(MANY);
    expect(code).toBe("ERR_OPAMP_OPTION");
    const errors: unknown[] = cause instanceof AggregateError ? cause.errors : [];
    expect(errors.map((each) => each instanceof OpAMPError && each.message.split("\n").length)).toEqual(
      told(MANY).map(() => 1),
    );
  });

  test("of which there is no end has the first hundred", () => {
    const keys = Array.from({ length: 5_000 }, (_, index) => `q${index}: 1\n`).join("");
    const lines = told(`${SERVER}${keys}`);
    expect(lines).toHaveLength(101);
    expect(lines[0]).toMatch(/^config: unknown key "q0" \(line 2, column 1\)/);
    expect(lines.at(-1)).toBe("there are more mistakes, which are not listed");
  });
});

describe("what is missing", () => {
  test.each([
    [
      "remote_config: { direcory: ./c }",
      ['remote_config: unknown key "direcory" (line 2, column 18). Did you mean "directory"?'],
    ],
    ["remote_config: { directory: 5 }", ["remote_config.directory: must be text, not a number (line 2, column 18)"]],
    ["restart: { comand: a }", ['restart: unknown key "comand" (line 2, column 12). Did you mean "command"?']],
    ["health: { components: 5 }", ["health.components: must be a map of keys, not a number (line 2, column 11)"]],
  ])("is not told where another mistake is why: %s", (text, messages) => {
    expect(told(`${SERVER}${text}\n`)).toEqual(messages);
  });

  test.each([
    ["extensions: { opamp: { servr: {} } }", ["extensions.opamp"]],
    ["extensions: { opamp: { endpoint: ws://h/ } }", ["extensions.opamp"]],
    ["extensions: { opamp: { heartbeat_interval: 3s } }", ["extensions.opamp.server", "extensions.opamp"]],
  ])("is not told of a block that another key was meant to be: %s", (text, paths) => {
    expect(told(`${text}\n`).map((line) => line.split(":", 1)[0])).toEqual(paths);
  });

  test("is told beside a mistake that is not why", () => {
    expect(told(`${SERVER}remote_config: { colour: red }\n`)).toEqual([
      expect.stringMatching(/^remote_config\.directory: is missing \(line 2, column 1\) \(give the directory/),
      expect.stringMatching(/^remote_config: unknown key "colour" \(line 2, column 18\) \(valid keys: directory, /),
    ]);
  });

  test("has the variable that is not set as its reason", () => {
    const text = `server: { ws: { endpoint: "\${env:OPAMP_URL}" } }\nrestart: { command: '\${RESTART}' }\n`;
    expect(told(text)).toEqual([
      expect.stringMatching(
        /^server\.ws\.endpoint: .* provided; the environment variable OPAMP_URL is not set \(line 1/,
      ),
      expect.stringMatching(/^restart\.command: .*; the environment variable RESTART is not set \(line 2/),
    ]);
  });
});

test("no mistake in a part keeps the other parts from being read, and nothing half read gets out", () => {
  const text = "extensions: {}\nremote_config: { directory: /x, timeout: 0s }\nlog: { level: loud }\n";
  expect(told(text).map((line) => line.split(":", 1)[0])).toEqual(["extensions", "remote_config.timeout", "log.level"]);
});

test("what contains itself twice is refused, and reading it ends", () => {
  const health = "health: &h { url: http://h/, components: { a: *h, b: *h } }";
  expect(told(`${SERVER}${health}\n`).every((line) => /nests too deeply, or contains itself/.test(line))).toBe(true);
  const command = "restart: { command: &c [*c, *c] }";
  expect(told(`${SERVER}${command}\n`)[0]).toMatch(/^restart\.command: nests too deeply, or contains itself/);
});
