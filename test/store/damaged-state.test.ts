import fs from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { StoredState } from "../../src/index.js";
import { config, filesIn, found, saved, storeIn, temporaryFolder, uid } from "./store-fixture.js";

const UID_TEXT = "0190f3c5-8a5c-7c3e-9c61-1f5a3b1f7a10";
const SECRET = "hunter2";

const STATE: StoredState = {
  instanceUid: uid(1),
  remoteConfig: { hash: Uint8Array.of(1), status: "applied", error: "" },
  lastGoodConfig: config(1, `password: ${SECRET}`),
  heartbeatMs: 1_000,
};

/** A directory with a state in it. */
async function directoryWith(content: string | Uint8Array): Promise<string> {
  const directory = await temporaryFolder();
  await fs.writeFile(join(directory, "state.json"), content);
  return directory;
}

/** A directory with {@link STATE} in it, and the path of its config. */
async function directoryWithConfig(): Promise<{ directory: string; configFile: string }> {
  const directory = await temporaryFolder();
  await saved(directory, STATE);
  const name = (await filesIn(directory)).find((file) => file.startsWith("config-"));
  return { directory, configFile: join(directory, name ?? "none") };
}

/** Has reads of a file fail as the system would. */
function failsToRead(path: string, code: string): () => void {
  const { readFile } = fs;
  const spy = vi.spyOn(fs, "readFile").mockImplementation((file, options) => {
    if (String(file) === path) return Promise.reject(Object.assign(new Error(`${code}: no`), { code }));
    return readFile(file, options);
  });
  onTestFinished(() => spy.mockRestore());
  return () => spy.mockRestore();
}

describe("a state that cannot be used", () => {
  test.each<[string, string | Uint8Array, RegExp]>([
    ["empty", "", /it is not JSON/],
    ["half", `{"version": 1, "instanceUid": "${SECRET}`, /it is not JSON/],
    ["binary", Uint8Array.from({ length: 4_096 }, (_, index) => (index * 7) % 256), /it is not JSON/],
    ["zeros, as after a power cut", new Uint8Array(512), /it is not JSON/],
  ])("because it is %s is set aside and reported, and the agent starts without it", async (_, content, why) => {
    const directory = await directoryWith(content);
    const { state, reports } = await found(directory);
    expect(state).toBeUndefined();
    expect(reports).toMatchObject([{ code: "ERR_OPAMP_STORE", message: expect.stringMatching(why) }]);
    const [{ message, hint } = { message: "", hint: "" }] = reports;
    expect(message).toContain(join(directory, "state.json"));
    expect(message).toContain("it was set aside as state.json.corrupt");
    expect(hint).toMatch(/give it its old name back; until then the agent has a new identity/);
    expect(`${message} ${hint}`).not.toContain(SECRET);
    await saved(directory, { heartbeatMs: 1 });
    expect(await fs.readFile(join(directory, "state.json.corrupt"))).toEqual(Buffer.from(content));
    expect(await found(directory)).toEqual({ state: { heartbeatMs: 1 }, reports: [] });
  });

  test("because it is far too large is set aside as well, without being read", async () => {
    const directory = await directoryWith('{"version": 1}');
    await fs.truncate(join(directory, "state.json"), 5_000_000_000);
    const { state, reports } = await found(directory);
    expect(state).toBeUndefined();
    expect(reports).toMatchObject([{ message: expect.stringMatching(/5000000000 bytes, and at most \d+ are read/) }]);
  });

  test("never replaces an earlier one, and all are kept", async () => {
    const directory = await temporaryFolder();
    for (let round = 1; round <= 7; round++) {
      await fs.writeFile(join(directory, "state.json"), `damage ${round}`);
      await found(directory);
    }
    const names = await filesIn(directory);
    expect(names).toEqual(["", "-2", "-3", "-4", "-5", "-6", "-7"].map((number) => `state.json.corrupt${number}`));
    for (const [index, name] of names.entries()) {
      expect(await fs.readFile(join(directory, name), "utf8")).toBe(`damage ${index + 1}`);
    }
  });

  test("never replaces one with a very high number", async () => {
    const directory = await temporaryFolder();
    const taken = ["state.json.corrupt", "state.json.corrupt-999999999", "state.json.corrupt-1000000000"];
    for (const name of taken) await fs.writeFile(join(directory, name), name);
    for (const text of ["{ one", "{ two"]) {
      await fs.writeFile(join(directory, "state.json"), text);
      await found(directory);
    }
    for (const name of taken) expect(await fs.readFile(join(directory, name), "utf8")).toBe(name);
    expect(await fs.readFile(join(directory, "state.json.corrupt-3"), "utf8")).toBe("{ two");
  });

  test("keeps the config that it names, so that it can be used again", async () => {
    const { directory, configFile } = await directoryWithConfig();
    const path = join(directory, "state.json");
    const text = await fs.readFile(path, "utf8");
    await fs.writeFile(path, text.replace('"version": 1', '"version": '));
    await found(directory);
    await saved(directory, { lastGoodConfig: config(2, "other") }, {});
    await fs.rename(join(directory, "state.json.corrupt"), path);
    await fs.writeFile(path, text);
    expect(await found(directory)).toEqual({ state: STATE, reports: [] });
    await saved(directory, {});
    await expect(fs.stat(configFile)).rejects.toMatchObject({ code: "ENOENT" });
  });
});

describe("a state that was set aside and cannot be read", () => {
  test.each<[string, (path: string) => Promise<unknown>]>([
    ["far too large", (path) => fs.truncate(path, 5_000_000_000)],
    ["not readable", async (path) => failsToRead(path, "EACCES")],
    ["on a bad disk", async (path) => failsToRead(path, "EIO")],
  ])("because it is %s may name any config, so each is kept", async (_, make) => {
    const { directory, configFile } = await directoryWithConfig();
    const aside = join(directory, "state.json.corrupt");
    await fs.rename(join(directory, "state.json"), aside);
    await make(aside);
    await found(directory);
    await saved(directory, { lastGoodConfig: config(2, "other") }, {});
    expect((await filesIn(directory)).filter((name) => name.startsWith("config-"))).toHaveLength(2);
    expect(await fs.readFile(configFile, "utf8")).toContain(SECRET);
  });
});

describe("an invalid member", () => {
  const whole = { instanceUid: UID_TEXT, remoteConfig: { hash: "01", status: "applied", error: "" }, heartbeatMs: 5 };
  test.each<[keyof typeof whole | "lastGoodConfig", unknown]>([
    ["instanceUid", `${UID_TEXT}0`],
    ["instanceUid", 7],
    ["instanceUid", null],
    ["remoteConfig", "applied"],
    ["remoteConfig", { hash: "0", status: "applied", error: "" }],
    ["remoteConfig", { hash: [1], status: "applied", error: "" }],
    ["remoteConfig", { hash: "01", status: "applying", error: "" }],
    ["remoteConfig", { hash: "01", status: "failed" }],
    ["remoteConfig", { hash: "", status: "failed", error: "", digest: 1 }],
    ["heartbeatMs", "on"],
    ["heartbeatMs", 0],
    ["heartbeatMs", -1],
    ["lastGoodConfig", []],
    ["lastGoodConfig", { hash: "01" }],
    ["lastGoodConfig", { hash: "zz", file: "config" }],
  ])("is dropped alone: %s %j", async (name, value) => {
    const directory = await directoryWith(JSON.stringify({ version: 1, ...whole, [name]: value }));
    const { state = {}, reports } = await found(directory);
    const others = ["instanceUid", "remoteConfig", "heartbeatMs"].filter((other) => other !== name);
    expect(Object.keys(state)).toEqual(others);
    expect(reports).toMatchObject([
      { code: "ERR_OPAMP_STORE", message: expect.stringContaining(`its ${name} is not`) },
    ]);
    expect(await filesIn(directory)).toEqual(["state.json"]);
  });
});

describe("members unknown to this version", () => {
  test.each<[string, string]>([
    ["deep", `${"[".repeat(100_000)}${"]".repeat(100_000)}`],
    ["large", JSON.stringify("x".repeat(9_000_000))],
  ])("that are too %s to be written again are reported and left out", async (_, json) => {
    const directory = await directoryWith(`{"version": 1, "heartbeatMs": 5, "later": ${json}}`);
    const { state, reports } = await found(directory);
    expect(state).toEqual({ heartbeatMs: 5 });
    expect(reports).toMatchObject([{ message: expect.stringContaining("too large or too deep to be written again") }]);
    await saved(directory, { heartbeatMs: 6 });
    expect(await found(directory)).toEqual({ state: { heartbeatMs: 6 }, reports: [] });
  });
});

describe("a state that is too large to be read again", () => {
  test("is not written, and the previous one stays", async () => {
    const directory = await temporaryFolder();
    await saved(directory, STATE);
    const { store, load } = storeIn(directory);
    await load();
    const error = "x".repeat(17_000_000);
    const saving = store.save({ remoteConfig: { hash: Uint8Array.of(2), status: "failed", error } });
    await expect(saving).rejects.toMatchObject({
      message: expect.stringMatching(/would have 17\d{6} bytes, and may have/),
    });
    await store.close();
    expect(await found(directory)).toEqual({ state: STATE, reports: [] });
  });
});

describe("a last good config that cannot be used", () => {
  const { lastGoodConfig: _, ...rest } = STATE;

  test.each<[string, (path: string) => Promise<void>]>([
    ["changed", async (path) => fs.writeFile(path, (await fs.readFile(path, "utf8")).replace("password", "passw0rd"))],
    ["cut short", (path) => fs.truncate(path, 20)],
    ["empty", (path) => fs.truncate(path, 0)],
  ])("because it was %s is set aside and reported, and the rest of the state stays", async (_what, damage) => {
    const { directory, configFile } = await directoryWithConfig();
    await damage(configFile);
    const { state, reports } = await found(directory);
    expect(state).toEqual(rest);
    expect(reports).toMatchObject([
      { code: "ERR_OPAMP_STORE", message: expect.stringContaining("it was set aside as config.corrupt") },
    ]);
    expect(reports[0]?.message).not.toContain(SECRET);
    await saved(directory, STATE);
    expect(await found(directory)).toEqual({ state: STATE, reports: [] });
    expect(await filesIn(directory)).toContain("config.corrupt");
  });

  test("because it is gone is reported, and the rest of the state stays", async () => {
    const { directory, configFile } = await directoryWithConfig();
    await fs.unlink(configFile);
    const { state, reports } = await found(directory);
    expect(state).toEqual(rest);
    expect(reports).toMatchObject([{ code: "ERR_OPAMP_STORE", message: expect.stringContaining("ENOENT") }]);
  });

  test("because its name leads outside the directory is never read", async () => {
    const lastGoodConfig = { hash: "01", file: "../config" };
    const directory = await directoryWith(JSON.stringify({ version: 1, heartbeatMs: 5, lastGoodConfig }));
    const { state, reports } = await found(directory);
    expect([state, reports.map(({ code }) => code)]).toEqual([{ heartbeatMs: 5 }, ["ERR_OPAMP_STORE"]]);
  });

  test("is kept each time, since it may be the only copy", async () => {
    const directory = await temporaryFolder();
    for (let round = 1; round <= 4; round++) {
      await saved(directory, { lastGoodConfig: config(round, `round: ${round}`) });
      const [name = ""] = (await filesIn(directory)).filter((file) => file.startsWith("config-"));
      await fs.truncate(join(directory, name), round);
      await found(directory);
    }
    const aside = ["config.corrupt", "config.corrupt-2", "config.corrupt-3", "config.corrupt-4"];
    expect(await filesIn(directory)).toEqual([...aside, "state.json"]);
    for (const [index, name] of aside.entries()) expect((await fs.stat(join(directory, name))).size).toBe(index + 1);
  });
});
