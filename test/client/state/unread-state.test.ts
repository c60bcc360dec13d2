import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import timers from "node:timers/promises";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { fileStore, type StoredState } from "../../../src/index.js";
import { peekState } from "../../../src/store/peek-store.js";
import { config, filesIn, found, saved, storeIn, temporaryFolder, uid } from "../../store/store-fixture.js";
import { hosted } from "../hosted.js";

const STATE: StoredState = { instanceUid: uid(1), lastGoodConfig: config(1, "a: 1") };

const waits: number[] = [];
/** Called at each wait, which is over at once. */
let waited = (): void => undefined;
beforeEach(() => {
  waits.length = 0;
  waited = () => undefined;
  const spy = vi.spyOn(timers, "setTimeout").mockImplementation(async (ms = 0) => {
    waits.push(ms);
    waited();
  });
  syncBuiltinESMExports();
  onTestFinished(() => {
    spy.mockRestore();
    syncBuiltinESMExports();
  });
});

/** A directory with {@link STATE} in it, of which files with this in their path cannot be read until `repair` is called. */
async function unreadable(which: string, code: string, operation: "readFile" | "readdir" = "readFile") {
  const directory = await temporaryFolder();
  await saved(directory, STATE);
  const files = await filesIn(directory);
  const { readFile, readdir } = fs;
  const isRefused = (path: unknown) => String(path).includes(join(directory, which));
  const refusal = () => Promise.reject(Object.assign(new Error(`${code}: said the system`), { code }));
  const spy =
    operation === "readFile"
      ? vi.spyOn(fs, "readFile").mockImplementation((path, options) => {
          return isRefused(path) ? refusal() : readFile(path, options);
        })
      : vi.spyOn(fs, "readdir").mockImplementation((path, options) => {
          return isRefused(path) ? refusal() : readdir(path, options);
        });
  const repair = () => spy.mockRestore();
  onTestFinished(repair);
  return { directory, repair, files };
}

const REFUSED = { code: "ERR_OPAMP_STORE", foreignStore: true, retryable: true };
const AFTER_ALL = [100, 200, 400, 800, 1_600, 3_200];

describe("a state that cannot be read now", () => {
  test.each([
    ["EACCES", "readFile", [], /make it readable for the user that the agent runs as/],
    ["EPERM", "readFile", [], /make it readable for the user that the agent runs as/],
    ["EIO", "readFile", AFTER_ALL, /look at the system's log/],
    ["EMFILE", "readFile", AFTER_ALL, /ulimit -n/],
    ["EISDIR", "readFile", AFTER_ALL, /start the agent again/],
    ["ESTALE", "readFile", AFTER_ALL, /start the agent again/],
    ["EACCES", "readdir", [], /make it readable for the user that the agent runs as/],
    ["EMFILE", "readdir", AFTER_ALL, /ulimit -n/],
  ] as const)("because of %s (%s) refuses the load, and stays as it is", async (code, operation, expected, hint) => {
    const { directory, repair, files } = await unreadable(operation === "readdir" ? "" : "state.json", code, operation);
    const { store, reports, load } = storeIn(directory);
    const message = expect.stringMatching(/state\.json cannot be read: .*said the system; it was left as it is$/);
    await expect(load()).rejects.toMatchObject({ ...REFUSED, message, hint: expect.stringMatching(hint) });
    expect(waits).toEqual(expected);
    await expect(store.save({ instanceUid: uid(2) })).rejects.toMatchObject({ code: "ERR_OPAMP_STORE" });
    repair();
    for (let save = 1; save <= 2; save++) {
      await expect(store.save({ instanceUid: uid(2) })).rejects.toMatchObject({
        message: `${directory} holds a state that could not be read at first, and is not overwritten`,
      });
    }
    expect([reports, await filesIn(directory)]).toEqual([[], files]);
    expect(await load()).toEqual(STATE);
  });

  test("is used where a later try can read it", async () => {
    const { directory, repair } = await unreadable("state.json", "EMFILE");
    waited = () => void (waits.length === 3 && repair());
    expect(await found(directory)).toEqual({ state: STATE, reports: [] });
    expect(waits).toEqual([100, 200, 400]);
  });

  test("stops a client before anything is sent, which says what to do", async () => {
    const { directory, files } = await unreadable("state.json", "EACCES");
    const lines: string[] = [];
    const note = (text: string) => void lines.push(text);
    const logger = { debug: () => undefined, info: note, warn: note, error: note };
    const { client, server } = await hosted({ store: fileStore(directory), logger });
    client.start();
    await vi.waitFor(() => expect(client.phase).toBe("stopped"));
    expect(lines[0]).toContain("make it readable for the user that the agent runs as");
    expect([server.connections.total, await filesIn(directory)]).toEqual([0, files]);
  });

  test("is neither set aside nor overwritten by a save that finds it so, and later ones are kept", async () => {
    const { directory, repair, files } = await unreadable("state.json", "EACCES");
    repair();
    const { store, load } = storeIn(directory);
    await load();
    const { readFile } = fs;
    const spy = vi.spyOn(fs, "readFile").mockImplementation((...given) => {
      if (!String(given[0]).endsWith("state.json")) return readFile(...given);
      return Promise.reject(Object.assign(new Error("EACCES: no"), { code: "EACCES" }));
    });
    const refused = { code: "ERR_OPAMP_STORE", foreignStore: false, retryable: true };
    await expect(store.save({ ...STATE, heartbeatMs: 5 })).rejects.toMatchObject(refused);
    spy.mockRestore();
    expect(await filesIn(directory)).toEqual(files);
    await store.save({ ...STATE, heartbeatMs: 6 });
    await store.close();
    expect((await found(directory)).state?.heartbeatMs).toBe(6);
  });

  test("is told to one who only looks", async () => {
    const { directory } = await unreadable("state.json", "EACCES");
    await expect(peekState(directory)).rejects.toMatchObject(REFUSED);
    const causes: unknown[] = [];
    expect(await peekState(directory, (cause) => causes.push(cause))).toBeUndefined();
    expect(causes).toMatchObject([{ code: "EACCES" }]);
  });
});

describe("a last good config that cannot be read now", () => {
  test.each(["EACCES", "EPERM", "EIO"])("because of %s is reported, stays, and the rest is used", async (code) => {
    const { directory, repair, files } = await unreadable("config-", code);
    const { state, reports } = await found(directory);
    expect(state).toEqual({ instanceUid: uid(1) });
    expect(reports).toMatchObject([{ message: expect.stringMatching(/^the last good config cannot be read: /) }]);
    repair();
    expect(await filesIn(directory)).toEqual(files);
    expect(await found(directory)).toEqual({ state: STATE, reports: [] });
  });

  test("because of too many open files refuses the load, and stays", async () => {
    const { directory, repair } = await unreadable("config-", "EMFILE");
    await expect(storeIn(directory).load()).rejects.toMatchObject(REFUSED);
    repair();
    expect(await found(directory)).toEqual({ state: STATE, reports: [] });
  });
});
