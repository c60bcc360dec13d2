import fs from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { fileStore, type StoredConfig, type StoredState } from "../../src/index.js";
import { verifies } from "../conformance/verifies.js";
import { config, filesIn, found, saved, storeIn, temporaryFolder, uid } from "./store-fixture.js";

const EVERYTHING: StoredState = {
  instanceUid: uid(1),
  remoteConfig: { hash: Uint8Array.of(0, 255), status: "failed", error: 'cannot bind "0.0.0.0"' },
  lastGoodConfig: config(2, "a: 1\n"),
  heartbeatMs: 5_000,
};

const mode = async (path: string): Promise<number> => (await fs.stat(path)).mode & 0o777;

/** The names of the files that are written from here on. */
function written(): readonly string[] {
  const names: string[] = [];
  const { open } = fs;
  const spy = vi.spyOn(fs, "open").mockImplementation((path, flags, ...more) => {
    if (flags === "wx") names.push(/(state\.json|config)/.exec(String(path))?.[0] ?? "");
    return open(path, flags, ...more);
  });
  onTestFinished(() => spy.mockRestore());
  return names;
}

describe("a state in a file", () => {
  verifies(["UID-03", "CFG-05"], "comes back as it was saved", async () => {
    const directory = await temporaryFolder();
    await saved(directory, EVERYTHING);
    expect(await found(directory)).toEqual({ state: EVERYTHING, reports: [] });
  });

  test.each<[string, StoredState]>([
    ["nothing", {}],
    ["heartbeats that are off", { heartbeatMs: Number.POSITIVE_INFINITY }],
    ["an empty hash", { remoteConfig: { hash: new Uint8Array(), status: "applied", error: "" } }],
    ["a config without files", { lastGoodConfig: { hash: Uint8Array.of(1), files: {} } }],
  ])("can hold %s", async (_, state) => {
    const directory = await temporaryFolder();
    await saved(directory, state);
    expect(await found(directory)).toEqual({ state, reports: [] });
  });

  test("is human-readable", async () => {
    const directory = await temporaryFolder();
    await saved(directory, { ...EVERYTHING, heartbeatMs: Number.POSITIVE_INFINITY });
    expect(JSON.parse(await fs.readFile(join(directory, "state.json"), "utf8"))).toEqual({
      format: "opamp-client",
      version: 1,
      instanceUid: "01010101-0101-0101-0101-010101010101",
      remoteConfig: { hash: "00ff", status: "failed", error: 'cannot bind "0.0.0.0"' },
      lastGoodConfig: { hash: "02", file: expect.stringMatching(/^config-[0-9a-f]{64}$/) },
      heartbeatMs: "off",
    });
  });

  test("keeps the digest of an offer without a hash", async () => {
    const directory = await temporaryFolder();
    const remoteConfig = {
      hash: new Uint8Array(),
      status: "failed",
      error: "no",
      digest: Uint8Array.of(0, 255),
    } as const;
    await saved(directory, { remoteConfig });
    expect(await found(directory)).toEqual({ state: { remoteConfig }, reports: [] });
  });

  test("is read even if an editor added a byte order mark", async () => {
    const directory = await temporaryFolder();
    await saved(directory, EVERYTHING);
    const path = join(directory, "state.json");
    await fs.writeFile(path, `\ufeff${await fs.readFile(path, "utf8")}`);
    expect(await found(directory)).toEqual({ state: EVERYTHING, reports: [] });
  });

  test("is empty in a missing directory, which is created for its owner only", async () => {
    const directory = join(await temporaryFolder(), "var", "opamp");
    expect(await found(directory)).toEqual({ state: undefined, reports: [] });
    await saved(directory, EVERYTHING);
    expect([await mode(join(directory, "..")), await mode(directory)]).toEqual([0o700, 0o700]);
    for (const name of await filesIn(directory))
      expect([name, await mode(join(directory, name))]).toEqual([name, 0o600]);
  });

  test("keeps what a later version of the same format put there", async () => {
    const directory = await temporaryFolder();
    const extra = { keys: { tls: "PEM" } };
    await fs.writeFile(join(directory, "state.json"), JSON.stringify({ version: 1, heartbeatMs: 2_000, ...extra }));
    await saved(directory, { heartbeatMs: 3_000 });
    const json: unknown = JSON.parse(await fs.readFile(join(directory, "state.json"), "utf8"));
    expect(json).toEqual({ format: "opamp-client", version: 1, heartbeatMs: 3_000, keys: { tls: "PEM" } });
  });
});

describe("the last good config", () => {
  const body = new Uint8Array(9_000_000).map((_, index) => index % 251);

  test("is returned whole, whatever its files are called and contain", async () => {
    const files: Record<string, { body: Uint8Array; contentType: string }> = Object.create(null);
    for (const name of ["", "../../etc/passwd", "__proto__", "a\nb\0c", "half \ud800"]) {
      files[name] = { body: new TextEncoder().encode(`\n${name}\n`), contentType: "text/x-\u00fc" };
    }
    files["large"] = { body, contentType: "" };
    files["empty"] = { body: new Uint8Array(), contentType: "" };
    const directory = await temporaryFolder();
    await saved(directory, { lastGoodConfig: { hash: Uint8Array.of(1), files } });
    const { state } = await found(directory);
    const back = state?.lastGoodConfig?.files ?? {};
    expect(Object.keys(back)).toEqual(Object.keys(files));
    for (const [name, file] of Object.entries(files)) {
      expect(back[name]?.contentType).toBe(file.contentType);
      expect(Buffer.compare(back[name]?.body ?? Buffer.from("none"), file.body)).toBe(0);
    }
  });

  const first = config(1, body);
  const steps: readonly [string, StoredConfig | undefined, readonly string[]][] = [
    ["is written first", first, ["config", "state.json"]],
    ["is not written again", first, ["state.json"]],
    ["nor where it is another object", config(1, body), ["state.json"]],
    ["nor under another hash", config(2, body), ["state.json"]],
    ["but when it is another one", config(2, "b: 2"), ["config", "state.json"]],
    ["and not when it goes", undefined, ["state.json"]],
  ];
  test("is written only when it changes, and removed when no state names it", async () => {
    const directory = await temporaryFolder();
    const { store, load } = storeIn(directory);
    await load();
    const names = written();
    for (const [what, lastGoodConfig, expected] of steps) {
      const before = names.length;
      await store.save(lastGoodConfig === undefined ? {} : { lastGoodConfig });
      expect([what, names.slice(before)]).toEqual([what, expected]);
      const files = await filesIn(directory);
      expect([what, files.length]).toEqual([what, lastGoodConfig === undefined ? 1 : 2]);
    }
  });

  test("is not read again while it is the same object", async () => {
    const { store, load } = storeIn(await temporaryFolder());
    await load();
    let looks = 0;
    const files = {
      get "agent.yaml"() {
        looks += 1;
        return { body, contentType: "" };
      },
    };
    await store.save({ lastGoodConfig: { hash: Uint8Array.of(1), files } });
    const before = looks;
    await store.save({ lastGoodConfig: { hash: Uint8Array.of(1), files }, heartbeatMs: 1 });
    expect([before > 0, looks]).toEqual([true, before]);
  });

  test("is not written again after a restart", async () => {
    const directory = await temporaryFolder();
    await saved(directory, EVERYTHING);
    const names = written();
    await saved(directory, EVERYTHING, { ...EVERYTHING, heartbeatMs: 1_000 });
    expect(names).toEqual(["state.json", "state.json"]);
    expect((await found(directory)).state).toEqual({ ...EVERYTHING, heartbeatMs: 1_000 });
  });
});

describe("a file store", () => {
  test("can be loaded again once it is closed, and not be saved to in between", async () => {
    const directory = await temporaryFolder();
    const { store, load } = storeIn(directory);
    const notLoaded = { code: "ERR_OPAMP_STORE", message: `${directory} cannot be written: it is not loaded` };
    await expect(store.save({})).rejects.toMatchObject(notLoaded);
    await load();
    await store.save({ heartbeatMs: 1 });
    await store.close();
    await store.close();
    await expect(store.save({})).rejects.toMatchObject(notLoaded);
    expect(await load()).toEqual({ heartbeatMs: 1 });
  });

  test("does one thing after the other, however it is called", async () => {
    const directory = await temporaryFolder();
    const { store } = storeIn(directory);
    const ends = await Promise.allSettled([
      store.load(),
      ...[1, 2, 3].map((heartbeatMs) =>
        store.save({ heartbeatMs, lastGoodConfig: config(heartbeatMs, `${heartbeatMs}`) }),
      ),
      store.close(),
      store.load(),
    ]);
    expect(ends.map(({ status }) => status)).toEqual(Array(6).fill("fulfilled"));
    expect(ends.at(-1)).toMatchObject({ value: { heartbeatMs: 3 } });
  });

  test("keeps its directory when the process changes its working directory", async () => {
    const [home, elsewhere, before] = [await temporaryFolder(), await temporaryFolder(), process.cwd()];
    onTestFinished(() => process.chdir(before));
    process.chdir(home);
    const { store, load } = storeIn("opamp");
    process.chdir(elsewhere);
    await load();
    await store.save({ heartbeatMs: 1 });
    expect(await filesIn(join(home, "opamp"))).toEqual(["state.json"]);
  });

  const wrong: readonly [unknown, unknown, RegExp][] = [
    ["", {}, /directory: must be a path/],
    [undefined, {}, /directory: must be a path/],
    ["x", null, /options: must be given an object, not null/],
    ["x", { lockWait: 1 }, /lockWait: is not an option\. Did you mean lockWaitMs\? \(known are lockWaitMs/],
    ["x", { lockWaitMs: -1 }, /lockWaitMs: must be milliseconds, 0 to 20000/],
    ["x", { lockWaitMs: Number.POSITIVE_INFINITY }, /lockWaitMs: must be milliseconds, 0 to 20000/],
    ["x", { lockWaitMs: "1s" }, /lockWaitMs: must be milliseconds/],
  ];
  test.each(wrong)("refuses the directory %j with the options %j", (directory, options, message) => {
    const make = (): unknown => Reflect.apply(fileStore, undefined, [directory, options]);
    expect(make).toThrow(
      expect.objectContaining({ code: "ERR_OPAMP_OPTION", message: expect.stringMatching(message) }),
    );
  });
});
