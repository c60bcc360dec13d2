import fs, { type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { StoredState } from "../../src/index.js";
import { config, filesIn, found, saved, storeIn, temporaryFolder, uid } from "./store-fixture.js";

const OLD: StoredState = { instanceUid: uid(1), lastGoodConfig: config(1, "old: 1") };
const NEW: StoredState = { instanceUid: uid(2), lastGoodConfig: config(2, "new: 2") };

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: said the system`), { code });
}

/** Has one operation on files fail, from its nth call on, until the function returned is called. */
async function failing(operation: string, code: string, from = 1): Promise<() => void> {
  const probe = await fs.open(".", "r");
  const handles: FileHandle = Object.getPrototypeOf(probe);
  await probe.close();
  let calls = 0;
  const due = (): boolean => {
    calls += 1;
    return calls >= from;
  };
  const spies: { mockRestore(): void }[] = [];
  if (operation === "write") {
    const { writeFile } = handles;
    const spy = vi.spyOn(handles, "writeFile").mockImplementation(async function (this: FileHandle, data, options) {
      if (!due()) return writeFile.call(this, data, options);
      // A disk that fills up takes what it can.
      await writeFile.call(this, "{", options);
      throw systemError(code);
    });
    spies.push(spy);
  } else if (operation === "sync") {
    const { sync } = handles;
    const spy = vi.spyOn(handles, "sync").mockImplementation(function (this: FileHandle) {
      return due() ? Promise.reject(systemError(code)) : sync.call(this);
    });
    spies.push(spy);
  } else if (operation === "open") {
    const { open } = fs;
    const spy = vi.spyOn(fs, "open").mockImplementation((path, flags, mode) => {
      return flags === "wx" && due() ? Promise.reject(systemError(code)) : open(path, flags, mode);
    });
    spies.push(spy);
  } else {
    const { rename } = fs;
    const spy = vi.spyOn(fs, "rename").mockImplementation((from, to) => {
      return due() ? Promise.reject(systemError(code)) : rename(from, to);
    });
    spies.push(spy);
  }
  const restore = (): void => {
    for (const spy of spies) spy.mockRestore();
  };
  onTestFinished(restore);
  return restore;
}

describe("a save", () => {
  const failures: readonly [operation: string, code: string, hint: RegExp][] = [
    ["write", "ENOSPC", /the disk or the quota is full: make room; the next change is saved again/],
    ["write", "EDQUOT", /the disk or the quota is full/],
    ["open", "ENOSPC", /the disk or the quota is full/],
    ["open", "EROFS", /the file system is read-only/],
    ["open", "EACCES", /this user may not use the store's directory/],
    ["rename", "EPERM", /this user may not use the store's directory/],
    ["open", "EMFILE", /too many files are open/],
    ["open", "ENOENT", /a part of the path is missing/],
    ["sync", "EIO", /the disk does not work as it should/],
    ["open", "EODD", /check that the store's place exists and may be written/],
  ];
  // The config and the state have one of these operations each, or one for each chunk.
  const points = failures.flatMap(([operation, code, hint]) =>
    (operation === "write" ? [1, 2, 3] : [1, 2]).map((nth) => [operation, code, nth, hint] as const),
  );
  test.each(points)(
    "whose %s fails with %s at call %i leaves the old state, and the next one works",
    async (...point) => {
      const [operation, code, nth, hint] = point;
      const directory = await temporaryFolder();
      await saved(directory, OLD);
      const { store, reports, load } = storeIn(directory);
      await load();
      const restore = await failing(operation, code, nth);
      for (let tries = 1; tries <= 2; tries++) {
        await expect(store.save(NEW)).rejects.toMatchObject({
          code: "ERR_OPAMP_STORE",
          message: `${directory} cannot be written: ${code}: said the system`,
          hint: expect.stringMatching(hint),
          retryable: true,
        });
      }
      restore();
      expect((await filesIn(directory)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
      await store.save({ ...OLD, heartbeatMs: 1 });
      await store.save(NEW);
      await store.close();
      expect(await found(directory)).toEqual({ state: NEW, reports: [] });
      expect(await filesIn(directory)).toHaveLength(2);
      expect(reports).toEqual([]);
    },
  );

  test.each(["EINVAL", "ENOTSUP"])("succeeds in a directory that cannot be synced: %s", async (code) => {
    const directory = await temporaryFolder();
    const { store, load } = storeIn(directory);
    await load();
    // The first is that of the file.
    await failing("sync", code, 2);
    await store.save({ heartbeatMs: 1 });
    await store.close();
    expect((await found(directory)).state).toEqual({ heartbeatMs: 1 });
  });
});

describe("a write of a blob", () => {
  const [one, two] = [Uint8Array.of(1, 1), Uint8Array.of(2, 2)];
  const failures: readonly [operation: string, code: string, nth: number, hint: RegExp][] = [
    // Of the first line, and of the blob.
    ["write", "ENOSPC", 1, /^the disk or the quota is full: make room$/],
    ["write", "ENOSPC", 2, /the disk or the quota is full/],
    ["open", "ENOSPC", 1, /^the disk or the quota is full: make room$/],
    ["open", "EROFS", 1, /the file system is read-only/],
    ["rename", "EPERM", 1, /this user may not use the store's directory/],
    ["sync", "EIO", 1, /the disk does not work as it should/],
  ];
  test.each(failures)("whose %s fails with %s at call %i leaves the old one, and saves continue", async (...point) => {
    const [operation, code, nth, hint] = point;
    const directory = await temporaryFolder();
    const { store, reports, load } = storeIn(directory);
    await load();
    await store.blobs.write("key", one);
    const restore = await failing(operation, code, nth);
    for (let tries = 1; tries <= 2; tries++) {
      await expect(store.blobs.write("key", two)).rejects.toMatchObject({
        code: "ERR_OPAMP_STORE",
        message: `${directory} cannot be written: ${code}: said the system`,
        hint: expect.stringMatching(hint),
        retryable: true,
      });
      expect(await store.blobs.read("key")).toEqual(one);
    }
    restore();
    await store.save(NEW);
    await store.blobs.write("key", two);
    expect(await store.blobs.read("key")).toEqual(two);
    await store.close();
    expect(await found(directory)).toEqual({ state: NEW, reports: [] });
    expect([(await filesIn(directory)).length, reports]).toEqual([3, []]);
  });
});

describe("a directory that cannot be created", () => {
  test("is reported and retried with each save", async () => {
    const directory = join(await temporaryFolder(), "file", "opamp");
    await fs.writeFile(join(directory, ".."), "");
    const { store, load } = storeIn(directory);
    const missing = {
      code: "ERR_OPAMP_STORE",
      message: expect.stringContaining(`${directory} cannot be read: ENOTDIR`),
      hint: expect.stringContaining("a part of the path is missing, or is not a directory"),
      retryable: true,
    };
    await expect(load()).rejects.toMatchObject(missing);
    await expect(store.save(OLD)).rejects.toMatchObject({ ...missing, message: expect.stringContaining("ENOTDIR") });
    await fs.unlink(join(directory, ".."));
    await store.save(NEW);
    await store.close();
    expect((await found(directory)).state).toEqual(NEW);
  });

  test("is reported with the reason that the system gives", async () => {
    const spy = vi.spyOn(fs, "mkdir").mockRejectedValue(systemError("EROFS"));
    onTestFinished(() => spy.mockRestore());
    const directory = join(await temporaryFolder(), "opamp");
    await expect(storeIn(directory).load()).rejects.toMatchObject({
      message: `${directory} cannot be read: EROFS: said the system`,
      hint: expect.stringContaining("the file system is read-only"),
    });
  });
});
