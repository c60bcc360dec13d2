import { describe, expect, test } from "vitest";
import {
  extensionConfigOf,
  openConfig,
  readExtensionConfig,
} from "../../../src/extension/config/read-extension-config.js";
import { ref, refused, SECRET, serverWith } from "../reading.js";

const BLOCK = serverWith("ws", {});
const named = (name: string) => serverWith("ws", { headers: { "X-Name": name } });
const nameOf = (config: object) => readExtensionConfig(config).server.headers["X-Name"];

const WHOLE = `
receivers:
  otlp: { protocols: { grpc: null } }
exporters:
  debug: { verbosity: "${ref("yaml:anything")}" }
extensions:
  health_check:
  bearertokenauth/mine: { token: ${SECRET} }
  opamp:
    server:
      http:
        endpoint: https://opamp.example.com/v1/opamp
        polling_interval: 10s
        auth: bearertokenauth/mine
    agent_description:
      non_identifying_attributes: { team: a }
service:
  extensions: [bearertokenauth/mine, opamp]
  telemetry:
    logs: { level: debug }
    resource:
      service.name: collector
      service.version:
      replicas: 3
      zip: ${ref("env:ZIP")}
  pipelines: {}
`;

test("a Collector's whole file is accepted unchanged", () => {
  const config = readExtensionConfig(WHOLE, { env: { ZIP: "007" } });
  expect(config).toEqual({
    server: {
      transport: "http",
      endpoint: "https://opamp.example.com/v1/opamp",
      tls: undefined,
      headers: {},
      auth: expect.any(Function),
      pollingIntervalMs: 10_000,
    },
    instanceUid: undefined,
    capabilities: {
      reportsEffectiveConfig: true,
      reportsHealth: true,
      reportsAvailableComponents: true,
      acceptsRestartCommand: false,
      reportsHeartbeat: false,
    },
    reportsRawConfig: false,
    agentDescription: { nonIdentifyingAttributes: { team: "a" }, includeResourceAttributes: false },
    ppid: 0,
    ppidPollIntervalMs: 5_000,
    resource: { "service.name": "collector", replicas: 3, zip: "007" },
  });
});

describe("the accepted shapes of a configuration", () => {
  test.each([
    ["a file", { extensions: { opamp: named("a") }, service: null, connectors: {} }],
    ["the extensions alone", { opamp: named("a"), zpages: {} }],
    ["the block", named("a")],
    ["the one with a name", { extensions: { "opamp/a": named("a"), zpages: {} } }],
    [
      "the one of several that the service uses",
      { extensions: { opamp: named("b"), "opamp/a": named("a") }, service: { extensions: ["zpages", "opamp / a"] } },
    ],
  ])("include %s", (_what, config) => {
    expect(nameOf(config)).toBe("a");
    expect(nameOf(JSON.parse(JSON.stringify(config)))).toBe("a");
  });

  test.each([
    ["extensions.opamp.server.ws.endpont", { extensions: { opamp: { server: { ws: { endpont: 1 } } } } }],
    ["extensions.opamp/a.server.ws.endpont", { extensions: { "opamp/a": { server: { ws: { endpont: 1 } } } } }],
    ["opamp.server.ws.endpont", { opamp: { server: { ws: { endpont: 1 } } } }],
    ["server.ws.endpont", { server: { ws: { endpont: 1 } } }],
  ])("an unknown key is reported as it was written: %s", (path, config) => {
    expect(refused(config).message).toBe(
      `${path.replace(/\.endpont$/, "")}: unknown key "endpont". Did you mean "endpoint"?`,
    );
  });

  test.each([
    [{}, /^server: opamp server must have at least ws or http set/],
    [{ extensions: {} }, /^extensions: has no opamp extension/],
    [{ extensions: null }, /^extensions: has no opamp extension/],
    [{ extensions: [SECRET] }, /^extensions: must be a map of keys, not a list/],
    [{ extensions: { opamp: null } }, /^extensions\.opamp\.server: opamp server must have at least/],
    [{ service: {}, receivers: {} }, /^config: has no extensions/],
    [{ extension: { opamp: BLOCK } }, /^config: unknown key "extension". Did you mean "extensions"/],
    [{ extensions: { opamp: BLOCK }, exporter: {} }, /^config: unknown key "exporter". Did you mean "exporters"/],
    [{ extensions: { opamp: BLOCK }, storage: {} }, /^config: unknown key "storage"/],
    [{ extensions: { opamp: BLOCK, "opamp/a": BLOCK } }, /has several opamp extensions: opamp, opamp\/a/],
    [
      { extensions: { opamp: BLOCK, "opamp/a": BLOCK }, service: { extensions: ["opamp", "opamp/a"] } },
      /has several opamp extensions/,
    ],
    [[], /^config: must be a map of keys, not a list/],
    ["", /^config: is empty/],
    ["# nothing", /^config: is empty/],
    [SECRET, /^config: must be a map of keys, not text/],
  ])("%j is refused", (config, problem) => {
    expect(refused(config)).toMatchObject({ code: "ERR_OPAMP_OPTION", message: expect.stringMatching(problem) });
  });
});

test("ignored sections are skipped in every shape, and can be read separately", () => {
  const more = { storage: { directory: ref("env:DIR") }, remote_config: { timeout: 5 } };
  const ignore = ["storage", "remote_config"];
  for (const config of [{ extensions: { opamp: BLOCK } }, { opamp: BLOCK }, BLOCK]) {
    const root = openConfig({ ...config, ...more }, { env: { DIR: "/d" } });
    expect(extensionConfigOf(root, { ignore }).config.server.transport).toBe("ws");
    expect(root.section("storage")?.text("directory")).toBe("/d");
    const readTimeout = () => ({ ms: root.section("remote_config")?.durationMs("timeout") });
    expect(() => root.whole(readTimeout)).toThrow(/^remote_config\.timeout: is a number/);
  }
});

describe("text that is not YAML is refused with line and column, without any of it", () => {
  test.each([
    [
      `server:\n  ws: {endpoint: "${SECRET}`,
      /a quote, a bracket, a comma or a colon is missing \(line 2, column \d+\)/,
    ],
    [`server: 1\n\tx: ${SECRET}`, /\(line 2, column 1\)/],
    [`a: [1, 2\nb: ${SECRET}`, /a quote, a bracket, a comma or a colon is missing \(line 2, column 1\)/],
    [`a: 1\na: ${SECRET}`, /duplicate key \(line 2, column 1\)/],
    [`a: *${SECRET}`, /an alias has no anchor before it \(line 1, column 4\)/],
    [`a: b: ${SECRET}`, /\(line 1, column 4\)/],
    [`a: 1\n---\nb: ${SECRET}`, /more than one document/],
    [`[${SECRET}]: 1`, /a key is not text/],
  ])("%j", (text, problem) => {
    expect(refused(text)).toMatchObject({ code: "ERR_OPAMP_OPTION", message: expect.stringMatching(problem) });
    expect(refused(text).message).toMatch(/^config: this is not YAML: /);
  });

  test("what nests too deeply, or contains itself, is refused", () => {
    expect(refused(`a: ${"[".repeat(10_000)}`).message).toBe("config: this is not YAML: it nests too deeply");
    const resource = "service: {telemetry: {resource: {a: &a [*a]}}}";
    expect(refused(`extensions: {opamp: {server: {ws: {endpoint: "ws://h/"}}}}\n${resource}`).message).toMatch(
      /^service\.telemetry\.resource\.a: nests too deeply, or contains itself/,
    );
  });

  test("a merge of something other than a map is refused", () => {
    expect(refused("server:\n  <<: 5\n").message).toBe(
      "config: this is not YAML: what `<<` merges is not a map (line 2, column 3)",
    );
  });

  test("aliases that expand too much are refused", () => {
    const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
    for (let at = 1; at < 10; at += 1)
      lines.push(
        `a${at}: &a${at} [${Array(10)
          .fill(`*a${at - 1}`)
          .join(", ")}]`,
      );
    expect(refused(lines.join("\n")).message).toMatch(
      /^config: its aliases stand for too much \(line \d+, column \d+\)$/,
    );
  });
});

test("a wrong key in a text is named with its line", () => {
  const text = "extensions:\n  opamp:\n    server:\n      ws:\n        endpoint: ws://h\n        hedaers: {}\n";
  expect(refused(text).message).toBe(
    `extensions.opamp.server.ws: unknown key "hedaers" (line 6, column 9). Did you mean "headers"?`,
  );
});

test("anchors and merge keys work, as in the Collector", () => {
  const text = `
common: &common { endpoint: "ws://127.0.0.1:4320" }
extensions:
  opamp: { server: { ws: { <<: *common, headers: { X-Name: a } } } }
`;
  const { server } = readExtensionConfig(text, { ignore: ["common"] });
  expect(server).toMatchObject({ endpoint: "ws://127.0.0.1:4320", headers: { "X-Name": "a" } });
});

describe("the resource", () => {
  const read = (resource: unknown) =>
    readExtensionConfig({ extensions: { opamp: BLOCK }, service: { telemetry: { resource } } }, { env: {} }).resource;

  test("may be written as a list of attributes", () => {
    const attributes = [
      { name: "service.name", value: "a" },
      { name: "n", value: 5, type: "int" },
      { name: "off", value: null },
    ];
    expect(read({ schema_url: "x", attributes })).toEqual({ "service.name": "a", n: 5 });
  });

  test("is empty if nothing is given", () => {
    expect(read(undefined)).toEqual({});
    expect(read({ a: ref("env:UNSET") })).toEqual({});
    expect(readExtensionConfig(BLOCK).resource).toEqual({});
  });

  test("is refused if it is not made of attributes", () => {
    expect(() => read([SECRET])).toThrow(/^service\.telemetry\.resource: must be a map of keys/);
    expect(() => read({ a: { b: SECRET } })).toThrow(/^service\.telemetry\.resource\.a: must be text, not a map/);
    expect(() => read({ attributes: [{ value: 1 }] })).toThrow(/resource\.attributes\[0\]\.name: is missing/);
  });
});
