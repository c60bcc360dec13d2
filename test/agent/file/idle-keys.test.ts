import { expect, test } from "vitest";
import { readAgentConfig } from "../../../src/agent/file/agent-config.js";

const SERVER = "server: { ws: { endpoint: ws://h/ } }\n";
const ON = "capabilities: { reports_effective_config: true, reports_available_components: true }\n";

function warningsOf(text: string): readonly string[] {
  const warnings: string[] = [];
  readAgentConfig(text, { env: {}, platform: "linux", onWarning: (warning) => warnings.push(warning) });
  return warnings;
}

test("a section whose capability is off is a warning", () => {
  const off = "reports_effective_config: false, reports_health: false, reports_available_components: false";
  const text = `${SERVER}capabilities: { ${off} }
restart: { command: a }
health: { command: a }
available_components: { receivers: [otlp] }
effective_config: { files: [/a], raw_file: /b }
heartbeat: { interval: 5s }
`;
  expect(warningsOf(text)).toEqual([
    "restart (line 3, column 1): has no effect without capabilities.accepts_restart_command: true",
    "health (line 4, column 1): has no effect without capabilities.reports_health: true",
    "available_components (line 5, column 1): has no effect without capabilities.reports_available_components: true",
    "effective_config.files (line 6, column 21): has no effect without capabilities.reports_effective_config: true",
    "effective_config.raw_file (line 6, column 34): has no effect without reports_raw_config: true",
    "heartbeat.interval (line 7, column 14): has no effect without capabilities.reports_heartbeat: true",
  ]);
});

test("a capability that is written and has nothing to report is a warning, and its default is none", () => {
  expect(warningsOf(SERVER)).toEqual([]);
  expect(warningsOf(`${SERVER}${ON}reports_raw_config: true\n`)).toEqual([
    "capabilities.reports_effective_config (line 2, column 17): has no effect: name files in effective_config.files, or give remote_config",
    "capabilities.reports_available_components (line 2, column 49): has no effect without the section available_components",
    "reports_raw_config (line 3, column 1): has no effect without effective_config.raw_file",
  ]);
  const given = "effective_config: { files: [/a] }\navailable_components: { exporters: [file] }\n";
  expect(warningsOf(`${SERVER}${ON}${given}`)).toEqual([]);
  expect(warningsOf(`extensions: { opamp: { ${SERVER.trim()}, ${ON.trim()} } }\n${given}`)).toEqual([]);
});

test.each([
  [
    "server: { ws: { endpoint: ws://h/, tls: { ca_file: /x } } }",
    /^server\.ws\.tls .*: has no effect: a ws URL has no TLS/,
  ],
  ["server: { http: { endpoint: http://h/, tls: { ca_file: /x } } }", /: has no effect: a http URL has no TLS/],
  [
    "server: { ws: { endpoint: wss://h/, tls: { insecure: true } } }",
    /tls\.insecure .*has no effect: a wss URL has TLS/,
  ],
  ["server: { ws: { endpoint: wss://h/, tls: { reload_interval: 5s } } }", /reload_interval .*: has no effect/],
  [`${SERVER}ppid_poll_interval: 3s`, /^ppid_poll_interval \(line 2, column 1\): has no effect without ppid$/],
  [`${SERVER}effective_config: { redact: { deny: [x] } }`, /^effective_config\.redact .*: no file is reported$/],
  [`${SERVER}remote_config: { directory: /x, timeout: 5s }`, /timeout .*without command or validate_command$/],
  [
    "server: { http: { endpoint: http://h/ } }\nheartbeat: { interval: 5s }",
    /^heartbeat\.interval .*: has no effect: polling_interval counts over http$/,
  ],
  [
    "extensions: { opamp: { server: { ws: { endpoint: ws://h/, auth: basicauth } } }, basicauth: { client_auth: { username: s3cret, username_file: /x } } }",
    /^extensions\.basicauth\.client_auth\.username .*: has no effect: username_file counts$/,
  ],
  [
    "extensions: { opamp: { server: { ws: { endpoint: ws://h/, auth: bearertokenauth } } }, bearertokenauth: { tokens: [s3cret, b] } }",
    /^extensions\.bearertokenauth\.tokens .*: has more than one token, and only the first is sent$/,
  ],
])("a key without effect is a warning: %s", (text, warning) => {
  const warnings = warningsOf(`${text}\n`);
  expect(warnings).toEqual([expect.stringMatching(warning)]);
  expect(warnings.join()).not.toContain("s3cret");
});

test.each([
  "server: { ws: { endpoint: ws://h/, tls: { insecure: true } } }",
  "server: { ws: { endpoint: wss://h/, tls: { insecure: false, ca_file: /x } } }",
  `${SERVER}capabilities: { reports_heartbeat: true }\nheartbeat: { interval: 5s }`,
  `${SERVER}ppid: 7\nppid_poll_interval: 3s`,
  `${SERVER}remote_config: { directory: /x, command: a, timeout: 5s }`,
])("a key that has its effect causes none: %s", (text) => {
  expect(warningsOf(`${text}\n`)).toEqual([]);
});
