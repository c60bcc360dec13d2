import { describe, expect, test } from "vitest";
import { readAgentConfig } from "../../../src/agent/file/agent-config.js";
import { readExtensionConfig } from "../../../src/extension/config/read-extension-config.js";
import { refusal } from "../../client/refusal.js";

const SECRET = "s3cret-4711";
const WS = "server: { ws: { endpoint: wss://h/ } }";

/** The lines that `opamp agent`, or a program with the extension's configuration, gives as its answer. */
function answer(surface: "agent" | "program", text: string): readonly string[] {
  const read = surface === "agent" ? readAgentConfig : readExtensionConfig;
  const { message, hint } = refusal(() => read(text, { env: {}, platform: "linux" }));
  expect(message + hint).not.toContain(SECRET);
  const lines = message.split("\n");
  return lines.length === 1 ? [`${message} (${hint})`] : lines;
}

const inBlock = (more: string): string => `extensions:\n  opamp:\n    ${WS}\n    ${more}\n`;

describe("a key that belongs somewhere else is answered with where", () => {
  const rows: readonly [more: string, key: string, advice: RegExp][] = [
    ["agent_description: { identifying_attributes: {} }", "identifying_attributes", /service\.telemetry\.resource/],
    [
      "capabilities: { accepts_remote_config: true }",
      "accepts_remote_config",
      /supervisor; here the section remote_config/,
    ],
    [
      "capabilities: { reports_remote_config: true }",
      "reports_remote_config",
      /supervisor; here the section remote_config/,
    ],
    ["capabilities: { accepts_packages: true }", "accepts_packages", /supervisor; packages are not supported yet/],
    [
      "capabilities: { reports_own_metrics: true }",
      "reports_own_metrics",
      /supervisor; opamp agent sends no telemetry of its own/,
    ],
    [
      "capabilities: { reports_own_logs: true }",
      "reports_own_logs",
      /supervisor; opamp agent sends no telemetry of its own/,
    ],
    [
      "capabilities: { reports_own_traces: true }",
      "reports_own_traces",
      /supervisor; opamp agent sends no telemetry of its own/,
    ],
    [
      "capabilities: { accepts_opamp_connection_settings: true }",
      "accepts_opamp_connection_settings",
      /supervisor; here connection_settings: \{ accept: true \} at the top of the file turns this on/,
    ],
    [
      "capabilities: { accepts_other_connection_settings: true }",
      "accepts_other_connection_settings",
      /supervisor; opamp agent has no other connections/,
    ],
    ["connection_settings: {}", "connection_settings", /at the top of the file, beside extensions/],
    ["capabilities: { reports_status: true }", "reports_status", /always reported/],
    ["heartbeat_interval: 30s", "heartbeat_interval", /heartbeat: \{ interval: 30s \} at the top of the file/],
    ["endpoint: wss://h/", "endpoint", /below server\.ws, or below server\.http/],
    ["tls: {}", "tls", /below server\.ws/],
    ["http: {}", "http", /below server$/],
    ["reports_health: true", "reports_health", /below capabilities/],
    ["accepts_remote_config: true", "accepts_remote_config", /remote_config turns this on/],
    ["non_identifying_attributes: {}", "non_identifying_attributes", /below agent_description/],
    ["remote_config: {}", "remote_config", /at the top of the file, beside extensions/],
    ["storage: {}", "storage", /at the top of the file, beside extensions/],
    ["insecure: true", "insecure", /a ws or http URL has no TLS/],
    ["agent: {}", "agent", /key of the OpAMP supervisor/],
  ];
  test.each(rows)("%s", (more, key, advice) => {
    const lines = answer("agent", inBlock(more));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(`unknown key "${key}" (line 4, column `);
    expect(/ \((?!line)(.+)\)$/.exec(lines[0] ?? "")?.[1]).toMatch(advice);
    expect(lines[0]).not.toContain("Did you mean");
  });

  test.each([
    ["server: { endpoint: wss://h/ }", ["endpoint"]],
    [
      "server: { endpoint: wss://h/, tls: {}, headers: {}, polling_interval: 3s }",
      ["endpoint", "tls", "headers", "polling_interval"],
    ],
    ["server: { ws: { url: wss://h/ } }", ["url"]],
    [
      "server: { ws: { endpoint: wss://h/, ca_file: a, insecure: true, polling_interval: 1s } }",
      ["ca_file", "insecure", "polling_interval"],
    ],
    ["server: { ws: { endpoint: wss://h/, tls: { ca: a, cert: b, key: c } } }", ["ca", "cert", "key"]],
  ])("in %s, and nothing is told to be missing", (text, keys) => {
    const lines = answer("agent", `${text}\n`);
    expect(lines.map((line) => /unknown key "(\w+)"/.exec(line)?.[1])).toEqual(keys);
    for (const line of lines) expect(line).toMatch(/\((write|remove)[^)]*( \{[^}]*\})?[^)]*\)$/);
  });

  test("at the top of the file", () => {
    const lines = answer("agent", `${inBlock("")}capabilities: {}\nheartbeat_interval: 3s\ntelemetry: {}\nagent: {}\n`);
    expect(lines).toEqual([
      expect.stringMatching(/"capabilities" \(line 5, column 1\) \(write it below extensions: opamp:/),
      expect.stringMatching(/"heartbeat_interval" .*heartbeat: \{ interval: 30s \}/),
      expect.stringMatching(/"telemetry" .*\(write it below service\)/),
      expect.stringMatching(/"agent" .*supervisor.*remote_config and restart\)/),
    ]);
  });

  test("in the words of a program that reads it", () => {
    const text = inBlock("capabilities: { accepts_remote_config: true }\n    heartbeat_interval: 3s");
    const [remote, heartbeat] = answer("program", text);
    expect(remote).toMatch(/here the option remoteConfig turns this on/);
    expect(heartbeat).toMatch(/give the client the option heartbeat: \{ intervalMs \}/);
  });
});

describe("attributes as a list", () => {
  test.each([
    [
      "agent_description: { non_identifying_attributes: [{ key: a, string_value: b }, { key: c, int_value: 1 }] }",
      /write key: value for each/,
    ],
    [
      "agent_description: { non_identifying_attributes: [{ name: a, value: s3cret-4711 }] }",
      /write key: value for each/,
    ],
    [
      "agent_description: { non_identifying_attributes: [{ os.type: linux }, { a: s3cret-4711 }] }",
      /write key: value without a dash/,
    ],
    ["agent_description: { non_identifying_attributes: [a, b] }", /indent its keys below it/],
  ])("are answered with how to write them: %s", (more, hint) => {
    const [line, ...others] = answer("agent", inBlock(more));
    expect(others).toEqual([]);
    expect(line).toContain("must be a map of keys, not a list (line 4, column 26)");
    expect(line).toMatch(hint);
  });
});

const SUPERVISOR = `
server:
  endpoint: wss://h/
  headers: { Authorization: ${SECRET} }
  tls: { insecure_skip_verify: true }
capabilities:
  accepts_remote_config: true
  reports_effective_config: true
  reports_own_metrics: true
agent:
  executable: /usr/bin/otelcol
  config_files: [/etc/otelcol.yaml]
storage: { directory: /var/lib/supervisor }
telemetry: { logs: { level: debug } }
`;

describe("the file of a supervisor", () => {
  test.each([
    ["as a whole", SUPERVISOR, "agent: this is the file of an OpAMP supervisor", "line 10"],
    ["with auth extensions", `${SUPERVISOR}extensions: { basicauth: {} }\n`, "agent: this is the file", "line 10"],
    ["without agent", SUPERVISOR.replace(/agent:\n.*\n.*\n/, ""), "capabilities: this is the file", "line 6"],
    ["with agent alone", "agent: { executable: /x }\n", "agent: this is the file", "line 1"],
  ])("is named as one, once: %s", (_, text, start, place) => {
    for (const surface of ["agent", "program"] as const) {
      const [line = "", ...others] = answer(surface, text);
      expect(others).toEqual([]);
      expect(line.startsWith(start)).toBe(true);
      expect(line).toContain(place);
    }
  });

  test("is not what a Collector's file is with a few of its keys", () => {
    const lines = answer("agent", `${inBlock("")}agent: { executable: /x }\nserver: { endpoint: x }\n`);
    expect(lines.map((line) => /unknown key "(\w+)"/.exec(line)?.[1])).toEqual(["agent", "server"]);
  });
});

test("an extension whose name is near opamp is answered with it", () => {
  expect(answer("agent", "extensions: { opmap: {} }\n")).toEqual([
    expect.stringMatching(/^extensions\.opmap: .*opamp\? \(line 1/),
  ]);
});
