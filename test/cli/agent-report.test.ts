import { existsSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { describe, expect, test } from "vitest";
import { capabilityNames, has } from "../../src/core/capabilities.js";
import { isFull } from "../end-to-end/full/long-tests.js";
import { startHttp } from "../transport/raw-servers.js";
import { builtCommand } from "./agent-work.js";

const built = builtCommand();
const SECRET = "tok-4711";

// What differs is the connection alone.
describe.each(isFull ? (["ws", "http"] as const) : (["ws"] as const))("over %s", (transport) => {
  test("the first report has description, capabilities, health and effective config", async () => {
    const { server, work } = await built.begin(transport);
    const own = work.write("own.yaml", `receivers: { otlp: {} }\napi_key: ${SECRET}\n`);
    work.write("config/local.yaml", "level: info\n");
    work.write("config/unrelated.txt", "nobody's business\n");
    work.configure({
      agent_description: { non_identifying_attributes: { team: "blue" } },
      remote_config: { local_files: ["local.yaml"] },
      effective_config: { files: { "own.yaml": own } },
      available_components: { receivers: { otlp: "1.2.3" }, exporters: ["debug"] },
    });
    const agent = work.start();
    const seen = await server.firstAgent();
    const [first] = seen.received;
    expect(seen.attributes.identifying).toEqual({
      "service.name": "opamp-agent",
      "service.version": expect.stringMatching(/^\d+\.\d+\.\d+$/),
      "service.instance.id": seen.uidText,
    });
    expect(seen.attributes.nonIdentifying).toMatchObject({ "host.name": hostname(), team: "blue" });
    expect(capabilityNames.filter((name) => has(first?.capabilities ?? 0n, name))).toEqual([
      "reportsStatus",
      "acceptsRemoteConfig",
      "reportsEffectiveConfig",
      "reportsHealth",
      "reportsRemoteConfig",
      "reportsAvailableComponents",
    ]);
    expect(first?.availableComponents?.hash).toHaveLength(32);
    await seen.until(({ reported: { effectiveConfig } }) => effectiveConfig !== undefined);
    expect(Object.keys(seen.effectiveFiles).sort()).toEqual(["local.yaml", "own.yaml"]);
    expect(seen.effectiveFiles["local.yaml"]?.text()).toBe("level: info\n");
    expect(seen.effectiveFiles["own.yaml"]).toMatchObject({ contentType: "text/yaml" });
    expect(seen.effectiveFiles["own.yaml"]?.text()).toMatch(/^receivers: \{ otlp: \{\} \}\napi_key: (?!tok)/);
    // Nothing is checked.
    expect(first?.health).toMatchObject({ healthy: true });
    seen.requestComponents();
    await seen.until(({ availableComponents }) => availableComponents?.components["receivers"] !== undefined);
    expect(Object.keys(seen.availableComponents?.components ?? {})).toEqual(
      expect.arrayContaining(["receivers", "exporters"]),
    );
    expect(await agent.end()).toBe(0);
    expect(agent.log).not.toContain(SECRET);
  });
});

test("the effective config has the offer over the program's own file, with secrets hidden", async () => {
  const { server, work } = await built.begin("ws");
  const own = work.write("own.yaml", "own: true\n");
  work.configure({
    remote_config: { command: "cp {directory}/agent.yaml program" },
    effective_config: { files: [own] },
  });
  const agent = work.start();
  const seen = await server.firstAgent();
  seen.offerConfig({ "agent.yaml": { body: `password: ${SECRET}\nlevel: debug\n`, contentType: "text/yaml" } });
  await seen.until(({ effectiveFiles }) => effectiveFiles["agent.yaml"] !== undefined);
  expect(seen.effectiveFiles["agent.yaml"]?.text()).toMatch(/^password: (?!tok).*\nlevel: debug\n$/);
  expect(seen.effectiveFiles["own.yaml"]?.text()).toBe("own: true\n");
  await seen.until((one) => one.hasApplied());
  expect(work.read("program")).toContain(SECRET);
  expect(await agent.end()).toBe(0);
  expect(agent.log).not.toContain(SECRET);
});

test("secrets are reported if redaction is off, with the raw file beside them", async () => {
  const { server, work } = await built.begin("ws");
  const own = work.write("own.yaml", `password: ${SECRET}\n`);
  work.configure({
    reports_raw_config: true,
    effective_config: { files: { "own.yaml": own }, raw_file: own, redact: false },
  });
  work.start();
  const seen = await server.firstAgent();
  await seen.until(({ reported: { effectiveConfig } }) => effectiveConfig !== undefined);
  expect(Object.keys(seen.effectiveFiles)).toEqual(["own.yaml", "raw"]);
  expect(seen.effectiveFiles["own.yaml"]?.text()).toBe(`password: ${SECRET}\n`);
});

test("health follows what checks of the program and its components say", async () => {
  const { server, work } = await built.begin("ws");
  let status = 503;
  // The first of two failures is the one that the agent reports as its own.
  let answer: () => void = () => undefined;
  const programFailed = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const { host } = await startHttp((_request, response) => {
    void programFailed.then(() => response.writeHead(status).end());
  });
  const well = work.path("well");
  work.configure({
    health: {
      command: `test -e ${well} || { echo 'no such luck, token=${SECRET}'; exit 3; }`,
      interval: "30ms",
      components: { api: { url: `http://${host}/healthz` } },
    },
  });
  const agent = work.start();
  void agent.line(/WARN {2}Health of the program/).then(answer);
  const seen = await server.firstAgent();
  expect(seen.received[0]?.health).toMatchObject({ healthy: false });
  await seen.until(({ health }) => /no such luck/.test(health?.lastError ?? ""));
  expect(seen.health).toMatchObject({ healthy: false, status: "StatusRecoverableError" });
  expect(seen.health?.components?.["api"]).toMatchObject({ healthy: false, lastError: `${host} answered 503` });
  writeFileSync(well, "");
  status = 204;
  await seen.until(({ health }) => health?.healthy === true);
  expect(seen.health).toMatchObject({ status: "StatusOK" });
  expect(seen.health?.components?.["api"]).toMatchObject({ healthy: true, status: "StatusOK" });
  rmSync(well);
  await seen.until(({ health }) => health?.healthy === false);
  expect(await agent.end()).toBe(0);
  expect(agent.count(/Health of the program: ok/)).toBe(1);
  expect(agent.count(/WARN {2}Health of api: .* answered 503/)).toBe(1);
  expect(agent.log + JSON.stringify(seen.received, plain)).not.toContain(SECRET);
});

test("a file of the effective config that disappears is left out and logged once", async () => {
  const { server, work } = await built.begin("ws");
  const [own, gone] = [work.write("own.yaml", "own: true\n"), work.path("gone.yaml")];
  work.configure({ remote_config: {}, effective_config: { files: { own, gone } } });
  const agent = work.start();
  const seen = await server.firstAgent();
  await seen.until(({ reported: { effectiveConfig } }) => effectiveConfig !== undefined);
  expect(Object.keys(seen.effectiveFiles)).toEqual(["own"]);
  seen.offerConfig({ "a.yaml": "a: 1\n" });
  await seen.until(({ effectiveFiles }) => effectiveFiles["a.yaml"] !== undefined);
  expect(existsSync(gone)).toBe(false);
  writeFileSync(gone, "back: true\n");
  seen.offerConfig({ "a.yaml": "a: 2\n" });
  await seen.until(({ effectiveFiles }) => effectiveFiles["gone"] !== undefined);
  expect(await agent.end()).toBe(0);
  expect(agent.count(/gone\.yaml cannot be read and is left out: ENOENT/)).toBe(1);
  expect(agent.count(/gone\.yaml can be read again/)).toBe(1);
});

function plain(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
