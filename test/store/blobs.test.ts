import { createHash } from "node:crypto";
import fs from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { fileStore, memoryStore, type Store, type StoreBlobs } from "../../src/index.js";
import { filesIn, found, saved, storeIn, temporaryFolder, uid } from "./store-fixture.js";

const MAX_BYTES = 4 * 1_024 * 1_024;
const SECRET = "hunter2";
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A file store that is loaded. */
async function loaded(directory?: string) {
  const place = directory ?? (await temporaryFolder());
  const { store, reports, load } = storeIn(place);
  await load();
  return { directory: place, store, reports, blobs: store.blobs };
}

/** A blob's file as it should be. */
function fileOf(content: string): string {
  return `opamp-client blob 1 ${createHash("sha256").update(content).digest("hex")}\n${content}`;
}

describe.each<[string, () => Promise<StoreBlobs>]>([
  ["a file store", async () => (await loaded()).blobs],
  ["a memory store", async () => memoryStore().blobs],
])("the blobs of %s", (_, make) => {
  test("are returned byte for byte, each by its name, as written last", async () => {
    const blobs = await make();
    const binary = Uint8Array.from({ length: 5_000 }, (_byte, index) => (index * 7) % 256);
    await blobs.write("client-key", bytes("one"));
    await blobs.write("0", binary);
    await blobs.write("empty", new Uint8Array());
    await blobs.write("client-key", bytes("two"));
    expect(await blobs.read("client-key")).toEqual(bytes("two"));
    expect(await blobs.read("0")).toEqual(binary);
    expect(await blobs.read("empty")).toEqual(new Uint8Array());
  });

  test("are undefined if never written or removed, which can be repeated", async () => {
    const blobs = await make();
    expect(await blobs.read("key")).toBeUndefined();
    await blobs.remove("key");
    await blobs.write("key", bytes("one"));
    await blobs.remove("key");
    await blobs.remove("key");
    expect(await blobs.read("key")).toBeUndefined();
  });

  test("are copied on write and on read", async () => {
    const blobs = await make();
    const given = bytes("one");
    const writing = blobs.write("key", given);
    given.fill(0);
    await writing;
    (await blobs.read("key"))?.fill(0);
    expect(await blobs.read("key")).toEqual(bytes("one"));
  });

  test("take effect in the order of the calls", async () => {
    const blobs = await make();
    const ends = await Promise.all([
      blobs.write("key", bytes("one")),
      blobs.read("key"),
      blobs.remove("key"),
      blobs.read("key"),
    ]);
    expect(ends).toEqual([undefined, bytes("one"), undefined, undefined]);
  });

  test("have at most 4 MiB, and a larger one changes nothing", async () => {
    const blobs = await make();
    const largest = new Uint8Array(MAX_BYTES).fill(7);
    await blobs.write("key", largest);
    await expect(blobs.write("key", new Uint8Array(MAX_BYTES + 1))).rejects.toMatchObject({
      code: "ERR_OPAMP_STORE",
      message: "the blob has 4194305 bytes, and may have 4194304",
      retryable: false,
    });
    expect(Buffer.compare((await blobs.read("key")) ?? new Uint8Array(), largest)).toBe(0);
  });

  test.each<unknown>([undefined, "text", [1], new ArrayBuffer(1)])(
    "are refused if they are %o instead of bytes",
    async (wrong) => {
      const blobs = await make();
      await expect(Reflect.apply(blobs.write, blobs, ["key", wrong])).rejects.toMatchObject({
        code: "ERR_OPAMP_STORE",
        message: expect.stringContaining("a blob has to be a Uint8Array"),
        retryable: false,
      });
    },
  );

  test.each<unknown>([
    "",
    "-key",
    "Key",
    "a.b",
    "key.0123456789ab.tmp",
    "../key",
    "a/b",
    "a\\b",
    "a\0",
    "a\n",
    "\u00e4",
    "a".repeat(65),
    7,
    undefined,
  ])("are refused under the name %j", async (name) => {
    const blobs = await make();
    const refusal = {
      code: "ERR_OPAMP_STORE",
      message: expect.stringContaining("a blob cannot be named"),
      hint: "use 1 to 64 of a-z, 0-9 and hyphens, and no hyphen at the beginning",
      retryable: false,
    };
    await expect(Reflect.apply(blobs.read, blobs, [name])).rejects.toMatchObject(refusal);
    await expect(Reflect.apply(blobs.write, blobs, [name, bytes("one")])).rejects.toMatchObject(refusal);
    await expect(Reflect.apply(blobs.remove, blobs, [name])).rejects.toMatchObject(refusal);
  });

  test("may have a name of 64 characters", async () => {
    const blobs = await make();
    await blobs.write("a-1".padEnd(64, "9"), bytes("one"));
    expect(await blobs.read("a-1".padEnd(64, "9"))).toEqual(bytes("one"));
  });
});

describe("a store", () => {
  test("reports whether it outlives the process", async () => {
    const stores: readonly Store[] = [fileStore(await temporaryFolder()), memoryStore()];
    expect(stores.map(({ lasting = false }) => lasting)).toEqual([true, false]);
  });
});

describe("a blob in a file", () => {
  test("survives a restart, is readable by its owner only, and can be checked by hand", async () => {
    const { directory, store, blobs } = await loaded();
    await blobs.write("client-key", bytes("PEM\n"));
    await store.save({ instanceUid: uid(1) });
    await store.close();
    expect(await filesIn(directory)).toEqual(["blob-client-key", "state.json"]);
    const path = join(directory, "blob-client-key");
    expect((await fs.stat(path)).mode & 0o777).toBe(0o600);
    expect(await fs.readFile(path, "utf8")).toBe(fileOf("PEM\n"));
    expect(await found(directory)).toEqual({ state: { instanceUid: uid(1) }, reports: [] });
    expect(await (await loaded(directory)).blobs.read("client-key")).toEqual(bytes("PEM\n"));
  });

  test("stays when the state changes, and is removed for good", async () => {
    const { directory, store, blobs } = await loaded();
    await blobs.write("key", bytes("one"));
    await store.save({ heartbeatMs: 1 });
    await store.save({});
    await store.close();
    await saved(directory, { heartbeatMs: 2 }, {});
    const again = await loaded(directory);
    expect(await again.blobs.read("key")).toEqual(bytes("one"));
    await again.blobs.remove("key");
    expect(await filesIn(directory)).toEqual(["state.json"]);
  });

  test("can be used only between load and close", async () => {
    const directory = await temporaryFolder();
    const { store, load } = storeIn(directory);
    const calls = [
      () => store.blobs.read("key"),
      () => store.blobs.write("key", bytes("one")),
      () => store.blobs.remove("key"),
    ];
    const refused = async () => {
      for (const call of calls)
        await expect(call()).rejects.toMatchObject({ code: "ERR_OPAMP_STORE", retryable: true });
      expect(await filesIn(directory)).toEqual([]);
    };
    await refused();
    await load();
    await store.close();
    await refused();
  });

  test("is written in a directory that was removed meanwhile", async () => {
    const { directory, store, blobs } = await loaded(join(await temporaryFolder(), "opamp"));
    await store.save({ instanceUid: uid(1) });
    await fs.rm(directory, { recursive: true });
    await blobs.write("key", bytes("one"));
    expect(await blobs.read("key")).toEqual(bytes("one"));
  });

  test("cannot be used once another agent has the directory", async () => {
    const { directory, store, blobs } = await loaded(join(await temporaryFolder(), "opamp"));
    await store.save({ instanceUid: uid(1) });
    await fs.rm(directory, { recursive: true });
    const other = await loaded(directory);
    await other.store.save({ instanceUid: uid(2) });
    await other.blobs.write("key", bytes("theirs"));
    await other.store.close();
    const taken = { message: expect.stringContaining("holds the state of another agent now"), retryable: false };
    await expect(blobs.read("key")).rejects.toMatchObject(taken);
    await expect(blobs.write("key", bytes("ours"))).rejects.toMatchObject({ code: "ERR_OPAMP_STORE" });
    expect(await fs.readFile(join(directory, "blob-key"), "utf8")).toBe(fileOf("theirs"));
  });
});

describe("a blob whose file is damaged", () => {
  const whole = fileOf(`password: ${SECRET}`);
  const damages: readonly [string, string][] = [
    ["has another byte", whole.replace("password", "passw0rd")],
    ["is cut short", whole.slice(0, -3)],
    ["is cut short in its first line", whole.slice(0, 40)],
    ["is longer than it was", `${whole}\0`],
    ["has another hash", whole.replace(/ [0-9a-f]{64}/, ` ${"0".repeat(64)}`)],
  ];

  test.each(damages)(
    "because it %s is set aside, reported and missing, and can be written again",
    async (_, content) => {
      const { directory, reports, blobs } = await loaded();
      await fs.writeFile(join(directory, "blob-key"), content);
      expect(await blobs.read("key")).toBeUndefined();
      expect(reports).toMatchObject([
        { code: "ERR_OPAMP_STORE", message: expect.stringContaining("it was set aside as blob-key.corrupt") },
      ]);
      expect(reports[0]?.message).toContain(join(directory, "blob-key"));
      expect(`${reports[0]?.message} ${reports[0]?.hint}`).not.toContain(SECRET);
      await blobs.write("key", bytes("new"));
      expect(await blobs.read("key")).toEqual(bytes("new"));
      expect(await fs.readFile(join(directory, "blob-key.corrupt"), "utf8")).toBe(content);
    },
  );

  test("is set aside as well by a write and by a removal, and all are kept", async () => {
    const { directory, reports, blobs } = await loaded();
    for (const [, content] of damages) {
      await fs.writeFile(join(directory, "blob-key"), content);
      if (reports.length % 2 === 0) await blobs.write("key", bytes("new"));
      else await blobs.remove("key");
    }
    expect(reports).toHaveLength(damages.length);
    const kept = ["", "-2", "-3", "-4", "-5"].map((number) => join(directory, `blob-key.corrupt${number}`));
    expect(await Promise.all(kept.map((path) => fs.readFile(path, "utf8")))).toEqual(damages.map(([, text]) => text));
    expect(await blobs.read("key")).toEqual(bytes("new"));
  });
});

describe("a foreign file with the name of a blob", () => {
  test.each<[string, RegExp, string | ((path: string) => Promise<unknown>)]>([
    ["of another form", /is not a blob of opamp-client/, `-----BEGIN ${SECRET}`],
    ["with nothing in it", /is not a blob of opamp-client/, ""],
    ["of a later version", /is of a later version: it has the format 2/, "opamp-client blob 2 aes\nx"],
    ["larger than any blob", /has 9000000 bytes/, (path) => fs.writeFile(path, "").then(() => fs.truncate(path, 9e6))],
    ["that is a directory", /is not a regular file/, (path) => fs.mkdir(path)],
    ["that is a link", /is a symbolic link/, (path) => fs.symlink("/dev/null", path)],
  ])("%s is left alone, and all calls for that blob fail, but no others", async (_, why, make) => {
    const { directory, store, reports, blobs } = await loaded();
    const path = join(directory, "blob-key");
    await (typeof make === "string" ? fs.writeFile(path, make) : make(path));
    // A rename, a write and a change of mode all show in the time of the change.
    const before = await fs.lstat(path, { bigint: true });
    const refusal = {
      code: "ERR_OPAMP_STORE",
      retryable: false,
      foreignStore: true,
      message: expect.stringMatching(why),
    };
    const calls = [() => blobs.read("key"), () => blobs.write("key", bytes("one")), () => blobs.remove("key")];
    for (const call of calls) {
      const error: unknown = await call().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject(refusal);
      expect(String(error)).toContain(path);
      expect(String(error)).not.toContain(SECRET);
    }
    const { ino, ctimeNs } = await fs.lstat(path, { bigint: true });
    expect([ino, ctimeNs]).toEqual([before.ino, before.ctimeNs]);
    await blobs.write("other", bytes("one"));
    await store.save({ heartbeatMs: 1 });
    await store.close();
    expect(await found(directory)).toEqual({ state: { heartbeatMs: 1 }, reports: [] });
    expect([await filesIn(directory), reports]).toEqual([["blob-key", "blob-other", "state.json"], []]);
  });

  test.each<[string, string]>([
    ["blob-key.0123456789ab.tmp", "its own"],
    ["blob-key.tmp", "opamp-client blob "],
    ["blob-key.corrupt", fileOf("one").slice(0, -1)],
    ["blob-Photo", "its own"],
  ])("is left alone: %s", async (name, content) => {
    const directory = await temporaryFolder();
    await fs.writeFile(join(directory, name), content);
    const { store, blobs } = await loaded(directory);
    await blobs.write("key", bytes("one"));
    await blobs.remove("key");
    await store.close();
    await found(directory);
    expect(await fs.readFile(join(directory, name), "utf8")).toBe(content);
  });

  test.each(["", "opamp-client b", fileOf("one"), fileOf("one").slice(0, 50)])(
    "is not confused with the rest of a crashed write, which is removed: %j",
    async (content) => {
      const directory = await temporaryFolder();
      await fs.writeFile(join(directory, "blob-key.0123456789ab.tmp"), content);
      expect((await found(directory)).reports).toEqual([]);
      expect(await filesIn(directory)).toEqual([]);
    },
  );

  test("is not created where the state is foreign, and all calls fail", async () => {
    const directory = await temporaryFolder();
    await fs.writeFile(join(directory, "state.json"), '{"mine": true}');
    const { store, load } = storeIn(directory);
    await expect(load()).rejects.toMatchObject({ foreignStore: true });
    await expect(store.blobs.write("key", bytes("one"))).rejects.toMatchObject({ foreignStore: true });
    expect(await filesIn(directory)).toEqual(["state.json"]);
  });
});

describe("a blob that cannot be read just now", () => {
  test("because of permissions is neither set aside nor replaced", async () => {
    const { directory, reports, blobs } = await loaded();
    await blobs.write("key", bytes("one"));
    const spy = vi.spyOn(fs, "readFile").mockRejectedValue(Object.assign(new Error("EACCES: no"), { code: "EACCES" }));
    onTestFinished(() => spy.mockRestore());
    await expect(blobs.read("key")).rejects.toMatchObject({ code: "ERR_OPAMP_STORE", retryable: true });
    await expect(blobs.write("key", bytes("two"))).rejects.toMatchObject({ retryable: true });
    await expect(blobs.remove("key")).rejects.toMatchObject({ retryable: true });
    spy.mockRestore();
    expect(await blobs.read("key")).toEqual(bytes("one"));
    expect([await filesIn(directory), reports]).toEqual([["blob-key"], []]);
  });
});
