import fs from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { StoredState } from "../../src/index.js";
import { peekStore } from "../../src/store/peek-store.js";
import { filesIn, found, storeIn, temporaryFolder, uid } from "./store-fixture.js";

const HASH = "a".repeat(32);
const NAMES = [`connection-${HASH}`, `connection-offer-${HASH}`, `other-${HASH}`, "certificate-request"];
const [NAME] = [`connection-${HASH}`];
const [one, two] = ["one", "two"].map((text) => new TextEncoder().encode(text));
const FOREIGN: readonly [string, (path: string) => Promise<unknown>][] = [
  ["an empty file", (path) => fs.writeFile(path, "")],
  ["a file of another form", (path) => fs.writeFile(path, "its own")],
  ["a link", (path) => fs.symlink("/dev/null", path)],
  ["a directory", (path) => fs.mkdir(path)],
  ["a file that is too large", (path) => fs.writeFile(path, "").then(() => fs.truncate(path, 9e6))],
];

async function loaded(directory?: string) {
  const place = directory ?? (await temporaryFolder());
  const { store, reports, load } = storeIn(place);
  await load();
  return { directory: place, store, reports, blobs: store.blobs };
}

/** Lets one file be unreadable, which nothing is for root, until it is called. */
function unreadable(path: string): () => void {
  const read = fs.readFile;
  const spy = vi.spyOn(fs, "readFile").mockImplementation(async (file, options) => {
    if (file === path) throw Object.assign(new Error("EACCES: no"), { code: "EACCES" });
    return read(file, options);
  });
  onTestFinished(() => spy.mockRestore());
  return () => spy.mockRestore();
}

describe.each(FOREIGN)("%s in the place of settings", (_, make) => {
  test.each(NAMES)("stays as it is, and %s gets another file", async (name) => {
    const { directory, store, reports, blobs } = await loaded();
    const path = join(directory, `blob-${name}`);
    await make(path);
    const before = await fs.lstat(path, { bigint: true });
    expect(await blobs.read(name)).toBeUndefined();
    expect(reports).toMatchObject([
      { message: expect.stringContaining(path), hint: "nothing has to be done: what is new gets another file name" },
    ]);
    await blobs.write(name, one ?? new Uint8Array());
    await blobs.write(name, two ?? new Uint8Array());
    await store.save({ instanceUid: uid(1), otherConnections: { epoch: "", parts: [partOf(name)] } });
    await store.close();
    expect(await peekStore(directory).blobs?.read(name)).toEqual(two);
    const later = await loaded(directory);
    expect(await later.blobs.read(name)).toEqual(two);
    await later.blobs.remove(name);
    expect(await later.blobs.read(name)).toBeUndefined();
    const { ino, ctimeNs } = await fs.lstat(path, { bigint: true });
    expect([ino, ctimeNs]).toEqual([before.ino, before.ctimeNs]);
    expect(await filesIn(directory)).toEqual([`blob-${name}`, "state.json"]);
  });
});

test("settings in another file are found after what had their name is gone", async () => {
  const { directory, blobs } = await loaded();
  for (const file of [`blob-${NAME}`, `blob-${NAME}.2`]) await fs.mkdir(join(directory, file));
  await blobs.write(NAME, one ?? new Uint8Array());
  for (const file of [`blob-${NAME}`, `blob-${NAME}.2`]) await fs.rmdir(join(directory, file));
  expect(await blobs.read(NAME)).toEqual(one);
  await blobs.write(NAME, two ?? new Uint8Array());
  expect(await filesIn(directory)).toEqual([`blob-${NAME}.3`]);
});

test("a load removes settings that no state names from another file too", async () => {
  const { directory, store, blobs } = await loaded();
  await fs.writeFile(join(directory, `blob-${NAME}`), "its own");
  await blobs.write(NAME, one ?? new Uint8Array());
  await store.save({ instanceUid: uid(1) });
  await store.close();
  await found(directory);
  expect(await filesIn(directory)).toEqual([`blob-${NAME}`, "state.json"]);
});

test("settings that cannot be read are not missing, and are written into another file", async () => {
  const { directory, reports, blobs } = await loaded();
  await blobs.write(NAME, one ?? new Uint8Array());
  const repair = unreadable(join(directory, `blob-${NAME}`));
  await expect(blobs.read(NAME)).rejects.toMatchObject({ code: "ERR_OPAMP_STORE", retryable: true });
  const peeked: unknown[] = [];
  await expect(peekStore(directory, (cause) => peeked.push(cause)).blobs?.read(NAME)).rejects.toThrow("EACCES");
  expect(peeked).toHaveLength(1);
  await blobs.write(NAME, one ?? new Uint8Array());
  expect(await blobs.read(NAME)).toEqual(one);
  repair();
  await blobs.remove(NAME);
  expect([await filesIn(directory), reports]).toEqual([[], []]);
});

test("a request for a certificate that cannot be read is not replaced", async () => {
  const { directory, blobs } = await loaded();
  await blobs.write("certificate-request", one ?? new Uint8Array());
  const repair = unreadable(join(directory, "blob-certificate-request"));
  await expect(blobs.write("certificate-request", two ?? new Uint8Array())).rejects.toMatchObject({ retryable: true });
  repair();
  expect(await blobs.read("certificate-request")).toEqual(one);
});

function partOf(blob: string): NonNullable<StoredState["otherConnections"]>["parts"][number] {
  return { part: "other", name: "x", blob, at: 1 };
}
