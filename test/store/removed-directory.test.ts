import fs from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { StoredState } from "../../src/index.js";
import { config, filesIn, found, saved, storeIn, temporaryFolder, uid } from "./store-fixture.js";

const OURS: StoredState = { instanceUid: uid(1), lastGoodConfig: config(1, "a: 1") };
const THEIRS: StoredState = { instanceUid: uid(2) };

/** A store that has its directory, with {@link OURS} in it. */
async function inUse() {
  const directory = join(await temporaryFolder(), "opamp");
  const { store, reports, load } = storeIn(directory, { lockWaitMs: 0 });
  await load();
  await store.save(OURS);
  return { directory, store, reports };
}

async function socketsIn(directory: string): Promise<readonly string[]> {
  return (await fs.readdir(directory)).filter((name) => name.endsWith(".sock"));
}

describe("a directory that is removed while a store has it", () => {
  test("is created and locked again by the next save, with its whole content", async () => {
    const { directory, store, reports } = await inUse();
    await fs.rm(directory, { recursive: true });
    await store.save({ ...OURS, heartbeatMs: 1 });
    expect((await fs.stat(directory)).mode & 0o777).toBe(0o700);
    expect(await socketsIn(directory)).toHaveLength(1);
    await store.close();
    expect(await found(directory)).toEqual({ state: { ...OURS, heartbeatMs: 1 }, reports: [] });
    expect([await filesIn(directory), reports]).toEqual([[expect.stringMatching(/^config-/), "state.json"], []]);
  });

  test("is left to another agent that has it now", async () => {
    const { directory, store } = await inUse();
    await fs.rm(directory, { recursive: true });
    const other = storeIn(directory);
    await other.load();
    await other.store.save(THEIRS);
    await expect(store.save(OURS)).rejects.toMatchObject({
      message: expect.stringContaining("is in use by the agent of process"),
      retryable: false,
    });
    await other.store.close();
    expect(await found(directory)).toEqual({ state: THEIRS, reports: [] });
  });

  test("is left to another agent that used it meanwhile", async () => {
    const { directory, store } = await inUse();
    await fs.rm(directory, { recursive: true });
    await saved(directory, THEIRS);
    await expect(store.save(OURS)).rejects.toMatchObject({
      code: "ERR_OPAMP_STORE",
      message: `${directory} was removed while it was in use, and holds the state of another agent now`,
      hint: expect.stringContaining("a directory of its own"),
      retryable: false,
    });
    expect(await socketsIn(directory)).toEqual([]);
    expect(await found(directory)).toEqual({ state: THEIRS, reports: [] });
  });

  test("is tried again with each save where it cannot be made just now", async () => {
    const { directory, store } = await inUse();
    await fs.rm(directory, { recursive: true });
    await fs.writeFile(directory, "in its place");
    for (let save = 1; save <= 2; save++) {
      await expect(store.save(OURS)).rejects.toMatchObject({ code: "ERR_OPAMP_STORE", retryable: true });
    }
    await fs.unlink(directory);
    await store.save(OURS);
    await store.close();
    expect((await found(directory)).state).toEqual(OURS);
  });
});

test("a directory whose socket alone is removed is locked again by the next save", async () => {
  const { directory, store } = await inUse();
  for (const name of await socketsIn(directory)) await fs.unlink(join(directory, name));
  await store.save({ ...OURS, heartbeatMs: 1 });
  expect(await socketsIn(directory)).toHaveLength(1);
  await store.close();
  expect((await found(directory)).state).toEqual({ ...OURS, heartbeatMs: 1 });
});
