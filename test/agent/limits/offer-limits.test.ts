import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type OfferLimits, refuseBeyondLimits } from "../../../src/agent/limits/offer-limits.js";
import { patternOf } from "../../../src/agent/limits/patterns.js";
import { messageOf } from "../../../src/errors.js";
import { verifies } from "../../conformance/verifies.js";
import { folderForTest } from "../config-directory/folder.js";

interface Rules {
  names?: string[];
  max_bytes?: number;
  keys?: string[];
  paths?: string[];
  commands?: string[];
}

function limitsOf(rules: Rules): OfferLimits {
  return {
    names: rules.names?.map((rule) => patternOf(rule, "/")),
    maxBytes: rules.max_bytes,
    keys: rules.keys?.map((rule) => patternOf(rule, ".")),
    paths: rules.paths,
    commands: rules.commands?.map((rule) => patternOf(rule, "/")),
  };
}

/** What is said of an offer, or "allowed". */
function outcome(rules: Rules, files: Readonly<Record<string, string | Uint8Array>>): string {
  const offered = Object.entries(files).map(([path, body]) => ({ path, body: Buffer.from(body) }));
  try {
    refuseBeyondLimits(offered, limitsOf(rules));
    return "allowed";
  } catch (error) {
    return messageOf(error);
  }
}

const inMain = (rules: Rules, text: string): string => outcome(rules, { "main.yaml": text });

describe("remote_config.allow.names", () => {
  const names = ["main.yaml", "conf.d/*.yaml", "deep/**", "a-b(1)+.yaml"];
  test.each(["main.yaml", "conf.d/a.yaml", "deep/a/b.txt", "a-b(1)+.yaml"])("allows %s", (name) => {
    expect(outcome({ names }, { [name]: "a" })).toBe("allowed");
  });

  verifies(["SEC-03", "SEC-04"], "refuses a file that no rule names", () => {
    for (const name of ["other.yaml", "Main.yaml", "main.yaml.sh", "conf.d/a.sh", "conf.d/x/a.yaml", "a/main.yaml"]) {
      const expected = `the file "${name}" is not allowed by remote_config.allow.names of the agent`;
      expect(outcome({ names }, { "main.yaml": "a", [name]: "b" })).toBe(expected);
    }
  });

  test("with an empty list allows no file, and an offer without files", () => {
    expect(outcome({ names: [] }, { "main.yaml": "a" })).toMatch(/"main.yaml" is not allowed/);
    expect(outcome({ names: [] }, {})).toBe("allowed");
  });
});

verifies(["SEC-03", "SEC-04"], "remote_config.allow.max_bytes counts the bytes of all files together", () => {
  expect(outcome({ max_bytes: 4 }, { a: "éé" })).toBe("allowed");
  expect(outcome({ max_bytes: 4 }, { a: "é", b: "abc" })).toBe(
    "the configuration has 5 bytes, and 4 are allowed by remote_config.allow.max_bytes of the agent",
  );
});

describe("remote_config.allow.keys", () => {
  const keys = ["receivers.*", "service.pipelines.**", "exporters.otlp*.endpoint", "list"];
  test.each([
    "receivers: { otlp: 1 }",
    "receivers: { otlp: }",
    "receivers: { otlp: [] }",
    "service: { pipelines: { traces: { receivers: [a, b] } } }",
    "service: { pipelines: {} }",
    "exporters: { otlp/2: { endpoint: h:1 }, otlp: { endpoint: h } }",
    "list: [1, [2, 3]]",
    "# nothing",
    '{"receivers": {"a": true}}',
    "receivers: &r { a: 1 }\nservice: { pipelines: *r }",
  ])("allows %s", (text) => {
    expect(inMain({ keys }, text)).toBe("allowed");
  });

  const refusals: readonly [text: string, item: string][] = [
    ["extensions: { a: 1 }", "extensions.a"],
    ["receivers: { otlp: { protocols: 1 } }", "receivers.otlp.protocols"],
    ["receivers: {}", "receivers"],
    ["receivers: 5", "receivers"],
    ["service: { telemetry: { logs: 1 } }", "service.telemetry.logs"],
    ["receivers: { a: 1 }\n---\nother: 1", "other"],
    ["receivers: { a: 1 }\nReceivers: { a: 1 }", "Receivers.a"],
    ["receivers::otlp::x: 1", "receivers::otlp::x"],
    ["exporters: { 'otlp.a': { endpoint: 1 } }", "exporters.otlp.a.endpoint"],
    ["exporters: { 'otlp::a': { endpoint: 1 } }", "exporters.otlp::a.endpoint"],
    ["list: [{ x: 1 }]", "list.x"],
    ["exporters: &e { otlp: { endpoint: h } }\nother: *e", "other.otlp.endpoint"],
    ["- 1", "the whole content"],
    ["just text", "the whole content"],
  ];
  for (const [text, item] of refusals) {
    verifies(["SEC-03", "SEC-04"], `refuses ${JSON.stringify(text)}`, () => {
      expect(inMain({ keys }, text)).toBe(
        `the key ${JSON.stringify(item)} in "main.yaml" is not allowed by remote_config.allow.keys of the agent`,
      );
    });
  }

  test.each([
    ["receivers: { a: 1, a: 2 }", 'has the key "a" twice in one map'],
    ['{"receivers": {"a": 1}, "receivers": {"b": 1}}', 'has the key "receivers" twice in one map'],
    ["receivers: { <<: { a: 1 } }", "has a merge key (<<)"],
    ["receivers: { a: !include x.yaml }", "has a YAML tag"],
    ["%TAG ! tag:x,1:\n---\nreceivers: { a: 1 }", "has a YAML directive"],
    ["receivers: { ? [a] : 1 }", "has a key that is not plain text"],
    ["receivers: [", "is not valid YAML or JSON"],
    [Buffer.from("receivers: \xff", "latin1"), "is not UTF-8 text"],
    [Buffer.from("receivers: { a: 1 }", "utf16le"), "is not UTF-8 text"],
    ...["\r", "\u0085", "\u2028", "\u2029"].map((odd): [string, string] => [
      `receivers: { a: 1 } # x${odd}exec: { command: id }\n`,
      "has line breaks that programs read in different ways",
    ]),
    [`a: &a [1,1,1,1,1,1,1,1,1]\n${bomb()}`, "has too many values, or values too deep"],
  ])("refuses what programs read in different ways: %s", (text, problem) => {
    expect(outcome({ keys: ["**"] }, { "main.yaml": text })).toBe(
      `the file "main.yaml" cannot be checked: it ${problem}, which remote_config.allow.keys requires`,
    );
  });

  test("refuses a .json file that is not JSON, and takes Windows line breaks", () => {
    for (const text of ["receivers: { a: 1 }", '{"receivers": {"a": 1},}', '{"a": 1} # x']) {
      expect(outcome({ keys: ["**"] }, { "main.json": text })).toMatch(/cannot be checked: it is not valid JSON/);
    }
    expect(outcome({ keys: ["**"] }, { "main.json": '{\r\n"a": 1 }\r\n', "a.yaml": "a: 1\r\nb: 2\r\n" })).toBe(
      "allowed",
    );
  });

  test("refuses files that are neither YAML nor JSON by their names", () => {
    expect(outcome({ keys: ["**"] }, { "main.conf": "a: 1" })).toMatch(
      /^the file "main.conf" cannot be checked: its name/,
    );
  });
});

/** Levels of nine aliases each. */
function bomb(): string {
  const level = (name: string, of: string) => `${name}: &${name} [${Array(9).fill(`*${of}`).join(",")}]`;
  return [..."bcdefgh"].map((name, index) => level(name, "abcdefgh".charAt(index))).join("\n");
}

describe("remote_config.allow.commands", () => {
  const commands = ["/opt/scripts/*", "/usr/bin/date", "uptime"];
  test.each([
    "command: /opt/scripts/a.sh --flag value",
    "command: [/opt/scripts/a.sh, '$(x)', '; rm']",
    "exec: { command: uptime, interval: 10s }",
    "exec: { path: /usr/bin/date }",
    "commands: [uptime, /opt/scripts/b]",
    "commands: [[uptime, x], [/usr/bin/date]]",
    "ExecStart: uptime",
    "command: ''",
    "command: null",
    "exec_timeout: 5s",
    "description: rm -rf /",
  ])("allows %s", (text) => {
    expect(inMain({ commands }, text)).toBe("allowed");
  });

  const refusals: readonly [text: string, item: string][] = [
    ["command: /bin/sh", "command"],
    ["command: /opt/scripts/../../bin/sh", "command"],
    ["command: /opt/scripts/x/../a", "command"],
    ["command: /opt/scripts//a", "command"],
    ["command: /opt/scripts/sub/a", "command"],
    ["command: opt/scripts/a", "command"],
    ["command: uptime; rm -rf /", "command"],
    ["command: uptime $(id)", "command"],
    ["command: 'uptime `id`'", "command"],
    ["command: |\n  uptime\n  id", "command"],
    ["command: uptime & id", "command"],
    ["command: A=1 uptime", "command"],
    ["command: [sh, -c, uptime]", "command"],
    ["commands: [uptime, id]", "commands"],
    ["commands: [[uptime], [id]]", "commands"],
    ["a: { b: [{ c: { execStart: id } }] }", "a.b.c.execStart"],
    ["exec: { path: /bin/sh }", "exec.path"],
    ["exec: [{ file: /bin/sh }]", "exec.file"],
    ["pre_start_script: id", "pre_start_script"],
    ["shell: id", "shell"],
    ["exec: { command: { a: id } }", "exec.command"],
    ["commands: { a: { b: id } }", "commands"],
    ["command: [{ x: id }]", "command"],
    ["x: &c id\ncommand: *c", "command"],
  ];
  for (const [text, item] of refusals) {
    verifies(["SEC-03", "SEC-04"], `refuses ${JSON.stringify(text)}`, () => {
      expect(inMain({ commands }, text)).toBe(
        `the command at ${JSON.stringify(item)} in "main.yaml" is not allowed by remote_config.allow.commands of the agent`,
      );
    });
  }

  test("with an empty list allows no command", () => {
    expect(inMain({ commands: [] }, "command: uptime")).toMatch(/^the command at "command"/);
    expect(inMain({ commands: [] }, "interval: 5s")).toBe("allowed");
  });
});

describe("remote_config.allow.paths", () => {
  const paths = ["/var/log", "/opt/data"];
  test.each([
    "include: /var/log/app/*.log",
    "include: [/var/log, '/opt/data/a b.log']",
    "include: --file=/var/log/x",
    "endpoint: https://host:4318/v1/traces",
    "endpoint: http://$" + "{env:HOST}/v1/traces",
    "type: application/json",
    "a: { b: 5, c: true }",
    "x: $" + "{env:TOKEN}",
  ])("allows %s", (text) => {
    expect(inMain({ paths }, text)).toBe("allowed");
  });

  const refusals: readonly [text: string, item: string][] = [
    ["include: /etc/shadow", "include"],
    ["include: [/var/log/a, /etc/shadow]", "include"],
    ["include: /var/log/../../etc/shadow", "include"],
    ["include: /var/logs/a", "include"],
    ["include: //etc/shadow", "include"],
    ["include: ../secret", "include"],
    ["include: ./secret", "include"],
    ["include: ~/secret", "include"],
    ["include: logs/../../secret", "include"],
    ["include: file:///etc/shadow", "include"],
    ["include: file://localhost/etc/shadow", "include"],
    ["include: unix:///run/docker.sock", "include"],
    ["x: $" + "{file:/etc/shadow}", "x"],
    ["x: $" + "{env:HOME}/secret", "x"],
    ["x: $HOME/secret", "x"],
    ["run: cat /etc/shadow", "run"],
    ["x: '{/etc/shadow,/var/log/a}'", "x"],
    ["x: http://h/a,/etc/shadow", "x"],
    ["x: '@/etc/shadow'", "x"],
    ["x: -o=%/etc/shadow", "x"],
    ["x: FILE:/var/log/a", "x"],
    ["/etc/shadow: { a: 1 }", "/etc/shadow"],
  ];
  for (const [text, item] of refusals) {
    verifies(["SEC-03", "SEC-04"], `refuses ${JSON.stringify(text)}`, () => {
      expect(inMain({ paths }, text)).toBe(
        `the path at ${JSON.stringify(item)} in "main.yaml" is not allowed by remote_config.allow.paths of the agent`,
      );
    });
  }

  test("leaves the program of a command to remote_config.allow.commands, and not what it is given", () => {
    const rules = { paths, commands: ["/usr/bin/cat"] };
    expect(inMain(rules, "command: [/usr/bin/cat, /var/log/a]\nexec: /usr/bin/cat /var/log/a")).toBe("allowed");
    expect(inMain(rules, "command: [/usr/bin/cat, /etc/shadow]")).toMatch(/^the path at "command"/);
    expect(inMain(rules, "exec: /usr/bin/cat /etc/shadow")).toMatch(/^the path at "exec"/);
    expect(inMain(rules, "include: /usr/bin/cat")).toMatch(/^the path at "include"/);
  });

  test("refuses a path that a link leads elsewhere, and follows links of the rule", () => {
    const work = folderForTest();
    mkdirSync(join(work, "real"));
    writeFileSync(join(work, "secret"), "");
    symlinkSync("real", join(work, "logs"));
    symlinkSync("../secret", join(work, "real/link"));
    const rules = { paths: [join(work, "logs")] };
    expect(inMain(rules, `include: ${work}/logs/a.log`)).toBe("allowed");
    expect(inMain(rules, `include: ${work}/logs/link`)).toMatch(/^the path at "include"/);
  });
});
