import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { decodeState, encodeState } from "../../src/store/state-format.js";
import { config, filesIn, found, saved, storeIn, temporaryFolder, uid } from "./store-fixture.js";

const UID_TEXT = "0190f3c5-8a5c-7c3e-9c61-1f5a3b1f7a10";
const SECRET = "hunter2";

/** Everything in a directory with what it holds, sockets left out. */
async function everything(directory: string): Promise<Record<string, string>> {
  const entries = await fs.readdir(directory, { withFileTypes: true, recursive: true });
  const contents = entries.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    if (entry.isSymbolicLink()) return [path, `-> ${await fs.readlink(path)}`];
    return [path, entry.isFile() ? await fs.readFile(path, "utf8") : entry.isDirectory() ? "/" : "other"];
  });
  return Object.fromEntries(await Promise.all(contents));
}

/** A start is refused, and everything stays as it is, also for one who would save all the same. */
async function expectRefused(directory: string, name: string, why: RegExp, hint: RegExp): Promise<void> {
  const before = await everything(directory);
  const { store, reports, load } = storeIn(directory, { lockWaitMs: 0 });
  const refusal = {
    code: "ERR_OPAMP_STORE",
    retryable: false,
    foreignStore: true,
    message: expect.stringMatching(why),
    hint: expect.stringMatching(hint),
  };
  for (let round = 1; round <= 2; round++) {
    const error: unknown = await load().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject(refusal);
    expect(String(error)).toContain(join(directory, name));
    expect(String(error)).toContain("it was left as it is");
    expect(String(error)).not.toContain(SECRET);
    await expect(store.save({ instanceUid: uid(2), lastGoodConfig: config(2, "b: 2") })).rejects.toMatchObject(refusal);
  }
  await store.close();
  expect(reports).toEqual([]);
  expect(await everything(directory)).toEqual(before);
  expect(await fs.readdir(directory)).not.toContainEqual(expect.stringMatching(/\.sock$/));
}

/** A directory with one file, or whatever else `make` puts at its path. */
async function directoryWith(name: string, make: string | ((path: string) => Promise<unknown>)): Promise<string> {
  const directory = await temporaryFolder();
  const path = join(directory, name);
  await (typeof make === "string" ? fs.writeFile(path, make) : make(path));
  return directory;
}

describe("a state.json of another program", () => {
  test.each([
    ["an object of another form", `{"lastRun": 17, "token": "${SECRET}"}`],
    ["an empty object", "{}"],
    ["a list", `["${SECRET}"]`],
    ["null", "null"],
    ["text", `"${SECRET}"`],
    ["a version that is text", '{"version": "1", "heartbeatMs": 5}'],
    ["a version that never was", '{"version": 0, "heartbeatMs": 5}'],
    ["a version and other members", '{"version": 1, "serial": 4, "resources": []}'],
    ["a later version and other members", '{"version": 4, "serial": 4, "resources": []}'],
    ["a uid of another form", '{"version": 1, "instanceUid": "01J0ZX7X5TZK9V4E8Y2N3M6QWB"}'],
    ["the mark of another format", `{"format": "other", "version": 1, "instanceUid": "${UID_TEXT}"}`],
  ])("with %s is left alone, and the start refused", async (_, content) => {
    const directory = await directoryWith("state.json", content);
    await fs.writeFile(join(directory, "state.json.0123456789ab.tmp"), "its own");
    await expectRefused(
      directory,
      "state.json",
      /is not a state of opamp-client/,
      /move it away, or .* another directory/,
    );
  });

  test.each<[string, RegExp, (path: string) => Promise<unknown>]>([
    ["a directory", /is not a regular file/, (path) => fs.mkdir(path)],
    ["a pipe", /is not a regular file/, async (path) => execFileSync("mkfifo", [path])],
    ["a link to itself", /is a symbolic link/, (path) => fs.symlink("state.json", path)],
    ["a link to nothing", /is a symbolic link/, (path) => fs.symlink("missing", path)],
    ["a link to a device", /is a symbolic link/, (path) => fs.symlink("/dev/zero", path)],
  ])("that is %s is neither opened nor replaced, and the start refused", async (_, why, make) => {
    await expectRefused(await directoryWith("state.json", make), "state.json", why, /move it away/);
  });

  test("that is a link to a state of ours is not followed", async () => {
    const elsewhere = await temporaryFolder();
    await saved(elsewhere, { instanceUid: uid(1) });
    const before = await everything(elsewhere);
    const directory = await directoryWith("state.json", (path) => fs.symlink(join(elsewhere, "state.json"), path));
    await expectRefused(directory, "state.json", /is a symbolic link/, /move it away/);
    expect(await everything(elsewhere)).toEqual(before);
  });

  test.each<[string, (path: string) => Promise<unknown>]>([
    ["a file", (path) => fs.writeFile(path, '{"mine": true}')],
    ["a link", (path) => fs.symlink("/dev/null", path)],
  ])("that replaces ours while it is in use is left alone too: %s", async (_, make) => {
    const directory = await temporaryFolder();
    const { store, load } = storeIn(directory);
    await load();
    await store.save({ instanceUid: uid(1) });
    await fs.unlink(join(directory, "state.json"));
    await make(join(directory, "state.json"));
    const before = await everything(directory);
    await expect(store.save({ instanceUid: uid(1), heartbeatMs: 1 })).rejects.toMatchObject({ foreignStore: true });
    expect(await everything(directory)).toEqual(before);
  });
});

describe("a state of a later version", () => {
  test.each([
    ["marked", '{"format": "opamp-client", "version": 2, "agents": []}'],
    ["without a mark", `{"version": 2, "instanceUid": "${UID_TEXT}"}`],
    ["with nothing in it", '{"version": 2}'],
  ])("that is %s is left alone, with its configs, and the start refused", async (_, content) => {
    const directory = await temporaryFolder();
    await saved(directory, { lastGoodConfig: config(1, "a: 1") });
    await fs.writeFile(join(directory, "state.json"), content);
    const why = /is of a later version: it has the format 2, and this version knows 1/;
    await expectRefused(directory, "state.json", why, /^update opamp-client, or give the agent another directory/);
  });
});

describe("the config that a state names", () => {
  test.each<[string, (path: string) => Promise<unknown>]>([
    ["a directory", (path) => fs.mkdir(path)],
    ["a link to a copy", (path) => fs.rename(path, `${path}.copy`).then(() => fs.symlink(`${path}.copy`, path))],
  ])("and that is %s is left alone, and the start refused", async (what, make) => {
    const directory = await temporaryFolder();
    await saved(directory, { lastGoodConfig: config(1, "a: 1") });
    const [name = ""] = await filesIn(directory);
    if (what === "a directory") await fs.unlink(join(directory, name));
    await make(join(directory, name));
    await expectRefused(directory, name, /is not a regular file|is a symbolic link/, /move it away/);
  });
});

describe("other files in the directory of a store", () => {
  const digest = (content: string): string => createHash("sha256").update(content).digest("hex");
  const zeros = "0".repeat(64);

  test.each<[string, string, string | ((path: string) => Promise<unknown>)]>([
    ["a file of the application", "app.yaml", "a: 1"],
    ["a config of the application", "config-foo", "a: 1"],
    ["another's file with a name of our form", `config-${zeros}`, "of nobody"],
    ["another's file that is named after its content", `config-${digest("a: 1\n")}`, "a: 1\n"],
    [
      "a directory with a name of our form",
      `config-${zeros}`,
      (path) => fs.mkdir(join(path, "x"), { recursive: true }),
    ],
    ["a link with a name of our form", `config-${zeros}`, (path) => fs.symlink("/dev/null", path)],
    ["the directory of a volume", "lost+found", (path) => fs.mkdir(path)],
    ["a temporary file of the application", "config-foo.0123456789ab.tmp", "half"],
    ["a temporary file of another form", "state.json.tmp", "half"],
    ["a file with a temporary name of ours", "state.json.0123456789ab.tmp", "half"],
    ["a file with the temporary name of a config", `config-${"0".repeat(64)}.0123456789ab.tmp`, "half"],
    ["a directory with a temporary name of ours", "state.json.0123456789ab.tmp", (path) => fs.mkdir(path)],
    ["a link with a temporary name of ours", "state.json.0123456789ab.tmp", (path) => fs.symlink("gone", path)],
    ["a file with the name of a lock", "lock-0123456789abcdef.sock", "held by the application"],
    ["a link with the name of a lock", "lock-0123456789abcdef.sock", (path) => fs.symlink("gone", path)],
    ["a file that was set aside", "state.json.corrupt", "damage"],
  ])("are left alone: %s", async (_, name, make) => {
    const directory = await directoryWith(name, make);
    const before = await everything(directory);
    for (let round = 1; round <= 3; round++) {
      await saved(directory, { lastGoodConfig: config(round, `round: ${round}`) }, { instanceUid: uid(round) });
    }
    const { [join(directory, "state.json")]: state, ...others } = await everything(directory);
    expect(others).toEqual(before);
    expect(state).toContain('"format": "opamp-client"');
  });

  test("are left alone: a socket of the application with no listener", async () => {
    const directory = await temporaryFolder();
    const made = createServer().listen(join(directory, "lock-app.sock"));
    await new Promise((resolve) => made.once("listening", resolve));
    await fs.link(join(directory, "lock-app.sock"), join(directory, "lock-app-2.sock"));
    await new Promise((resolve) => made.close(resolve));
    await saved(directory, { instanceUid: uid(1) });
    expect(await fs.readdir(directory)).toEqual(expect.arrayContaining(["lock-app-2.sock", "state.json"]));
  });

  test("are not taken for a config of ours, and a damaged config is set aside before ours is written", async () => {
    const directory = await temporaryFolder();
    const [content, name] = ['{"files":[damage', `config-${"0".repeat(64)}`];
    await saved(directory, { lastGoodConfig: config(1, "a: 1") });
    const [ours = ""] = await filesIn(directory);
    await saved(directory, {});
    await fs.writeFile(join(directory, ours), content);
    await fs.writeFile(join(directory, name), content);
    await saved(directory, { lastGoodConfig: config(1, "a: 1") });
    expect(await found(directory)).toEqual({ state: { lastGoodConfig: config(1, "a: 1") }, reports: [] });
    expect(await fs.readFile(join(directory, "config.corrupt"), "utf8")).toBe(content);
    expect(await filesIn(directory)).toEqual([name, ours, "config.corrupt", "state.json"].sort());
  });
});

describe("a directory made by version 0.1.0", () => {
  const configFile = "config-2e25132f68c8093dec9c7fa0cfd021646dfc4654ec3dba057c672b051200e4d7";
  const CONFIG = '{"files":[{"name":"agent.yaml","contentType":"text/yaml","bytes":5}]}\na: 1\n';
  const STATE = `{
  "version": 1,
  "instanceUid": "${UID_TEXT}",
  "remoteConfig": {
    "hash": "0a0b",
    "status": "applied",
    "error": ""
  },
  "lastGoodConfig": {
    "hash": "0a0b",
    "file": "${configFile}"
  },
  "heartbeatMs": 5000
}
`;
  const state = {
    instanceUid: Uint8Array.from(Buffer.from(UID_TEXT.replaceAll("-", ""), "hex")),
    remoteConfig: { hash: Uint8Array.of(10, 11), status: "applied", error: "" } as const,
    lastGoodConfig: {
      hash: Uint8Array.of(10, 11),
      files: { "agent.yaml": { body: Uint8Array.from(Buffer.from("a: 1\n")), contentType: "text/yaml" } },
    },
    heartbeatMs: 5_000,
  };

  test("whose uid is all zeros loses only that uid", async () => {
    const directory = await temporaryFolder();
    const nil = "00000000-0000-0000-0000-000000000000";
    await fs.writeFile(join(directory, "state.json"), `{"version": 1, "instanceUid": "${nil}"}`);
    const { state, reports } = await found(directory);
    expect(state).toEqual({});
    expect(reports).toMatchObject([{ code: "ERR_OPAMP_STORE", message: expect.stringContaining("its instanceUid") }]);
  });

  test("keeps identity, outcome and config, and is marked by the next save", async () => {
    const directory = await temporaryFolder();
    await fs.writeFile(join(directory, "state.json"), STATE);
    await fs.writeFile(join(directory, configFile), CONFIG);
    expect(await found(directory)).toEqual({ state, reports: [] });
    expect(await fs.readFile(join(directory, "state.json"), "utf8")).toBe(STATE);
    await saved(directory, state);
    expect(await fs.readFile(join(directory, "state.json"), "utf8")).toBe(
      STATE.replace("{\n", '{\n  "format": "opamp-client",\n'),
    );
    expect(await fs.readFile(join(directory, configFile), "utf8")).toBe(CONFIG);
    expect(await found(directory)).toEqual({ state, reports: [] });
  });

  test.each(["instanceUid", "remoteConfig", "lastGoodConfig", "heartbeatMs"])(
    "is recognised by its %s alone, whatever later versions add",
    (name) => {
      const { [name]: member } = JSON.parse(STATE);
      const { rest } = decodeState(JSON.stringify({ version: 1, [name]: member, keys: 1 }), "state.json");
      expect(rest).toEqual({ keys: 1 });
    },
  );

  test("is recognised by its version alone", () => {
    expect(decodeState('{"version": 1}', "state.json").state).toEqual({});
    expect(decodeState(Buffer.from(encodeState({}, undefined, {})).toString(), "state.json").state).toEqual({});
  });
});
