import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { agentSections, readAgentConfig } from "../../src/agent/file/agent-config.js";
import { agentCommand } from "../../src/cli/agent.js";
import { OpAMPError } from "../../src/errors.js";
import { opamp } from "../cli/terminal.js";
import { agentKeys } from "./generate/agent-keys.js";

const page = readFileSync(new URL("../../docs/agent.md", import.meta.url), "utf8");

function blocksOf(language: string): readonly string[] {
  return [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].flatMap(([, of, text = ""]) =>
    of === language ? text : [],
  );
}

function exampleText(file: string): string {
  return readFileSync(new URL(`../../docs/examples/agent/${file}`, import.meta.url), "utf8");
}

describe("the page's configuration files", () => {
  const files = blocksOf("yaml").filter((text) => text.startsWith("# opamp.yaml"));

  test("are a minimal one and a complete one", () => {
    expect(files).toHaveLength(2);
  });

  test.each(files)("are accepted: %#", (text) => {
    const warnings: string[] = [];
    const config = readAgentConfig(text, { env: {}, onWarning: (warning) => warnings.push(warning) });
    expect(config.remoteConfig?.directory).toMatch(/conf|my-program/);
    expect(warnings).toEqual([]);
  });

  test("have every section in the complete one", () => {
    const [, whole = ""] = files;
    expect(Object.keys(parseAllDocuments(whole)[0]?.toJS() as object)).toEqual(
      expect.arrayContaining([...agentSections]),
    );
  });

  test("are valid YAML, as is every other YAML block", () => {
    for (const text of blocksOf("yaml")) {
      for (const { errors } of parseAllDocuments(text)) expect(errors).toEqual([]);
    }
  });
});

describe("the list of keys has the known keys of each level, and nothing else", () => {
  const base = { server: { ws: { endpoint: "ws://127.0.0.1:4320/v1/opamp" } } };

  const levels: readonly [level: string, given: (slip: object) => object][] = [
    ["storage", (storage) => ({ storage })],
    ["remote_config", (slip) => ({ remote_config: { directory: "conf", ...slip } })],
    ["effective_config", (effective_config) => ({ effective_config })],
    ["effective_config.redact", (redact) => ({ effective_config: { redact } })],
    ["health", (slip) => ({ health: { command: "true", ...slip } })],
    ["available_components", (available_components) => ({ available_components })],
    ["restart", (slip) => ({ restart: { command: "true", ...slip } })],
    ["log", (log) => ({ log })],
  ];

  test.each(levels)("%s", (level, given) => {
    const known = refusalOf({ extensions: { opamp: base }, ...given({ zzzzzzzzzzzz: 1 }) }).hint;
    const listed = agentKeys
      .filter(({ key }) => key.startsWith(`${level}.`))
      .map(({ key }) => key.slice(level.length + 1).split(".")[0]);
    expect(known.replace("valid keys: ", "").split(", ").toSorted()).toEqual([...new Set(listed)].sort());
  });

  test("every section is listed", () => {
    const sections = new Set(agentKeys.map(({ key }) => key.split(".")[0]));
    expect([...sections].sort()).toEqual([...agentSections].sort());
  });
});

test("the list of keys has the actual defaults", () => {
  const source = "extensions: { opamp: { server: { ws: { endpoint: 'ws://127.0.0.1/' } } } }\nhealth: { command: x }\n";
  const { stateDirectory, health, log } = readAgentConfig(`${source}restart: { command: x }`, { env: {} });
  const defaults = Object.fromEntries(agentKeys.map(({ key, default: words }) => [key, words]));
  expect(defaults).toMatchObject({
    "storage.directory": stateDirectory,
    "health.interval": `${(health?.intervalMs ?? 0) / 1_000}s`,
    "health.timeout": `${(health?.timeoutMs ?? 0) / 1_000}s`,
    "log.level": log.level,
    "log.format": log.format,
  });
});

describe("the page agrees with the command's help", () => {
  test("on exit codes", async () => {
    const { out } = await opamp("agent", "--help");
    const codes = [...page.matchAll(/^\| (\d) \| (.+) \|$/gm)].map(([, code, text = ""]) => [code, text]);
    expect(codes.map(([code]) => code)).toEqual(["0", "1", "2", "3"]);
    for (const [code] of codes) expect(out).toContain(`  ${code}  `);
  });

  test("on options", () => {
    const { options } = agentCommand({ colours: false, print() {}, complain() {}, exit() {} });
    for (const { long } of options) expect(page).toContain(long);
  });
});

describe("the systemd unit", () => {
  const lines = exampleText("opamp-agent.service").trim().split("\n");

  test("has its settings in sections, once each", () => {
    const seen = new Set<string>();
    let section = "";
    for (const line of lines.filter((text) => text !== "" && !text.startsWith("#"))) {
      const header = /^\[(\w+)\]$/.exec(line)?.[1];
      const setting = /^([A-Z]\w+)=/.exec(line)?.[1];
      if (header !== undefined) section = header;
      const name = `${section}.${setting ?? ""}`;
      expect(header ?? setting, line).toBeDefined();
      expect(section, line).not.toBe("");
      expect(seen.has(name), line).toBe(false);
      seen.add(name);
    }
    expect([...seen].filter((name) => name.endsWith(".")).sort()).toEqual(["Install.", "Service.", "Unit."]);
  });

  test("keeps the state in the agent's default directory", () => {
    expect(lines).toContain("StateDirectory=opamp-agent");
    const defaults = agentKeys.find(({ key }) => key === "storage.directory");
    expect(defaults?.default).toBe("/var/lib/opamp-agent");
  });
});

function refusalOf(config: object): OpAMPError {
  try {
    readAgentConfig(JSON.stringify(config), { env: {} });
  } catch (thrown) {
    if (thrown instanceof OpAMPError) return thrown;
  }
  throw new Error("it was taken");
}
