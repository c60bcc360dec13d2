import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { fileStore } from "../../../src/store/file-store.js";
import { everything, folderForTest } from "../../agent/config-directory/folder.js";
import { startServer } from "../../server/server-fixture.js";
import { opamp } from "../terminal.js";

const SECRET = "tok-4711";
const UID = "01890a5d-ac96-774b-bcce-b302099a8057";

/** A configuration in a folder of its own, with a file of the program's. */
function configured(endpoint: string, more = ""): { folder: string; path: string } {
  const folder = folderForTest();
  mkdirSync(join(folder, "config"));
  writeFileSync(join(folder, "config/own.yaml"), `level: info\npassword: ${SECRET}\n`);
  writeFileSync(
    join(folder, "opamp.yaml"),
    `server: { ws: { endpoint: "${endpoint}", headers: { Authorization: Bearer ${SECRET}, X-Team: ${SECRET} } } }
storage: { directory: ${folder}/state }
remote_config: { directory: ${folder}/config, local_files: [own.yaml], command: touch ${folder}/ran }
health: { command: touch ${folder}/ran }
${more}`,
  );
  return { folder, path: join(folder, "opamp.yaml") };
}

test("a dry run shows what would be sent and done, without secrets, and does nothing", async () => {
  const server = await startServer();
  const { folder, path } = configured(server.url.replace("//", `//user:${SECRET}@`));
  const before = everything(folder);
  const { code, out, err } = await opamp("agent", "--config", path, "--dry-run");
  expect([code, err]).toEqual([0, ""]);
  expect(out).not.toContain(SECRET);
  const parts = out.split(/^first report {6}/m);
  expect(parts[0]?.split("\n")).toEqual([
    `server            ${server.url}`,
    "headers           Authorization, X-Team",
    `state directory   ${folder}/state`,
    `config directory  ${folder}/config`,
    "capabilities      reportsStatus, acceptsRemoteConfig, reportsEffectiveConfig, reportsHealth, reportsRemoteConfig",
    "",
  ]);
  const [report = "", files = ""] = parts[1]?.split(/^effective config /m) ?? [];
  expect(JSON.parse(report)).toMatchObject({
    agentDescription: { identifyingAttributes: { "service.name": "opamp-agent" } },
    health: { healthy: false },
  });
  expect(files).toMatch(/^"own\.yaml"\n {2}level: info\n {2}password: \S+\n$/);
  expect(everything(folder)).toEqual(before);
  expect(server.attempts).toEqual([]);
});

test("a dry run prints one JSON object, with the state of an earlier run", async () => {
  const { folder, path } = configured("ws://127.0.0.1:1/v1/opamp", "log: { format: json }\n");
  const store = fileStore(join(folder, "state"));
  await store.load();
  await store.save({
    instanceUid: new Uint8Array(Buffer.from(UID.replaceAll("-", ""), "hex")),
    remoteConfig: { hash: new Uint8Array([1, 2]), status: "applied", error: "" },
  });
  await store.close();
  const { out } = await opamp("agent", "--config", path, "--dry-run");
  expect(JSON.parse(out)).toEqual({
    server: "ws://127.0.0.1:1/v1/opamp",
    headers: ["Authorization", "X-Team"],
    stateDirectory: `${folder}/state`,
    configDirectory: `${folder}/config`,
    capabilities: expect.arrayContaining(["acceptsRemoteConfig"]),
    firstReport: expect.objectContaining({
      instanceUid: UID,
      remoteConfigStatus: expect.objectContaining({ lastRemoteConfigHash: "0102", status: 1 }),
    }),
    effectiveConfig: { "own.yaml": expect.stringMatching(/^level: info\n/) },
  });
});

test("a dry run shows the proxy of the environment, without its credentials", async () => {
  vi.stubEnv("HTTP_PROXY", `http://user:${SECRET}@proxy.example.com:3128`);
  onTestFinished(() => void vi.unstubAllEnvs());
  const { path } = configured("ws://server.example.com/v1/opamp");
  const { out } = await opamp("agent", "--config", path, "--dry-run");
  expect(out).toMatch(/^server {12}ws:\/\/server\.example\.com\/v1\/opamp\nproxy {13}proxy\.example\.com:3128\n/);
  expect(out).not.toContain(SECRET);
  const json = await opamp("agent", "--config", path, "--dry-run", "--log-format", "json");
  expect(JSON.parse(json.out)).toMatchObject({ proxy: "proxy.example.com:3128" });
});

test("a dry run without health checks reports a healthy agent and warns about a missing file", async () => {
  const folder = folderForTest();
  const path = join(folder, "opamp.yaml");
  const [gone, state] = [join(folder, "gone.yaml"), join(folder, "state")];
  const server = "server: { http: { endpoint: http://127.0.0.1:1/v1/opamp } }";
  writeFileSync(path, `${server}\nstorage: { directory: ${state} }\neffective_config: { files: [${gone}] }\n`);
  const { code, out, err } = await opamp("agent", "-c", path, "--dry-run", "--log-format", "json");
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ firstReport: { health: { healthy: true } }, effectiveConfig: {} });
  expect(JSON.parse(err)).toMatchObject({ level: "warn", message: expect.stringContaining(`${gone} cannot be read`) });
  expect(existsSync(state)).toBe(false);
});

test.each([
  [["agent"], /required option '-c, --config <path>' not specified/],
  [
    ["agent", "--config", "/nowhere/opamp.yaml"],
    /^error: the configuration cannot be read: ENOENT.*\(check the path given/,
  ],
  [["agent", "--config", "/"], /^error: the configuration cannot be read: EISDIR/],
  [["agent", "--config", "x", "--log-format", "xml"], /Allowed choices are text, json/],
  [["agent", "--config", "x", "--log-level", "loud"], /Allowed choices are debug, info, warn, error/],
  [["agent", "-c", "x", "--dryrun"], /unknown option '--dryrun'/],
])("a wrong command line exits with 2 and says why: %j", async (args, text) => {
  expect(await opamp(...args)).toMatchObject({ code: 2, err: expect.stringMatching(text) });
});

test("a wrong configuration is reported as JSON if requested", async () => {
  const { code, out, err } = await opamp("agent", "-c", "/nowhere/opamp.yaml", "--log-format", "json");
  expect([code, out]).toEqual([2, ""]);
  expect(JSON.parse(err)).toMatchObject({ level: "error", message: expect.stringMatching(/cannot be read: ENOENT/) });
});

test("help lists the sections, the signals and the exit codes", async () => {
  const { code, out } = await opamp("agent", "--help");
  expect(code).toBe(0);
  for (const word of ["remote_config", "available_components", "SIGHUP", "--dry-run"]) expect(out).toContain(word);
  expect(out).toMatch(/Exit codes:\n {2}0 {2}stopped by a signal\n {2}1 {2}.*\n {2}2 {2}.*\n/);
});
