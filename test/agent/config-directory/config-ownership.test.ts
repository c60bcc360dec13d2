import { execFileSync } from "node:child_process";
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { keptVersions, makeVersion010, VERSIONS, VIEW_A, VIEW_B } from "../version-0-1-0.js";
import { everything, folderForTest, litter, script, visible } from "./folder.js";
import { openDirectory } from "./open-directory.js";
import { effective, type Prepared, prepared, reopened } from "./prepared.js";

function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

/** What was in a folder and still is, as it was. */
function remaining(before: Record<string, string>, folder: string): Record<string, string> {
  const now = everything(folder);
  return Object.fromEntries(Object.keys(before).flatMap((name) => (name in now ? [[name, now[name] ?? ""]] : [])));
}

/** A user's `main.yaml` with two offers over it, and where versions are kept. */
async function offeredTwice(): Promise<Prepared & { versions: string }> {
  const place = await prepared({}, (directory) => write(directory, { "main.yaml": "the user's\n", other: "own\n" }));
  await place.apply("one", { "main.yaml": "one\n" });
  await place.apply("two", { "main.yaml": "two\n", extra: "two\n" });
  return { ...place, versions: readdirVersions(place.directory) };
}

/** Where versions are, by following the links. */
function readdirVersions(directory: string): string {
  const through = dirname(join(directory, readlinkSync(join(directory, "main.yaml"))));
  return join(dirname(through), "versions");
}

describe("a state directory that an application uses", () => {
  const releases = {
    "versions/1.2.3/bin/app": "1.2.3",
    "versions/1.2.4/bin/app": "1.2.4",
    "versions/12-abc/notes": "a release with a name like ours",
    "versions/13-abc/manifest.json": '{"format":"esm"}',
    "versions/13-abc/files/app": "one more",
    "versions/9-abc.tmp/app": "not ours",
  };

  test("keeps the application's releases and the link to its current one", async () => {
    const work = folderForTest();
    const state = join(work, "app");
    write(state, releases);
    symlinkSync("versions/1.2.4", join(state, "current"));
    const before = everything(state);
    const { directory, apply } = await reopened(work, { state });
    for (const hash of ["one", "two", "three"]) expect(await apply(hash, { a: hash })).toBe("applied");
    await reopened(work, { state });
    expect(remaining(before, state)).toEqual(before);
    expect(visible(directory)).toEqual({ a: "three" });
    expect(Object.keys(everything(state)).filter((name) => !(name in before) && !name.includes("/"))).toEqual([
      "opamp-config",
    ]);
  });

  for (const [what, files] of [
    ["trial.json and crashes.json", { "trial.json": '{"days":30}', "crashes.json": '{"count":"many"}' }],
    ["temporary files", { "trial.json.tmp": "", "crashes.json.tmp": "", "current.tmp": "" }],
    ["files in the place of links and directories", { current: "a file", versions: "a file" }],
  ] as const) {
    test(`keeps the application's ${what}`, async () => {
      const work = folderForTest();
      const state = join(work, "app");
      write(state, files);
      const before = everything(state);
      const { apply } = await reopened(work, { state });
      for (const hash of ["one", "two"]) expect(await apply(hash, { a: hash })).toBe("applied");
      expect(remaining(before, state)).toEqual(before);
    });
  }

  test("keeps the application's files when the state of version 0.1.0 in it is taken over", async () => {
    const work = folderForTest();
    const state = join(work, "app");
    makeVersion010(work, { state });
    write(state, releases);
    write(state, { "trial.json": '{"days":30}' });
    const versions = Object.keys(VERSIONS).map((id) => `versions/${id}`);
    const isOurs = (name: string) => name === "current" || versions.some((version) => name.startsWith(version));
    const before = Object.fromEntries(Object.entries(everything(state)).filter(([name]) => !isOurs(name)));
    const { lines, directory, configs } = await reopened(work, { state });
    expect(remaining(before, state)).toEqual(before);
    expect(keptVersions(state)).toEqual(VERSIONS);
    expect(visible(directory)).toEqual(VIEW_B);
    expect(configs.current?.files).toEqual(["a.yaml", "conf.d/b.yaml", "c.yaml"]);
    expect(lines.all).toEqual([]);
  });
});

describe("a link", () => {
  test("in place of the versions directory of version 0.1.0 is not followed", async () => {
    const [work, elsewhere] = [folderForTest(), folderForTest()];
    write(elsewhere, { "1-local/manifest.json": '{"format":1,"id":"1-local"}', "notes/a": "a", "2-ab.tmp/x": "x" });
    const before = everything(elsewhere);
    mkdirSync(join(work, "config/.opamp"), { recursive: true });
    symlinkSync(elsewhere, join(work, "config/.opamp/versions"));
    const { apply } = await reopened(work);
    expect(await apply("one", { a: "1" })).toBe("applied");
    expect(everything(elsewhere)).toEqual(before);
    expect(readlinkSync(join(work, "config/.opamp/versions"))).toBe(elsewhere);
  });

  for (const name of ["opamp-config", "opamp-config/versions"]) {
    test(`in the place of ${name} is refused and not followed`, async () => {
      const place = await offeredTwice();
      const [path, elsewhere] = [join(place.directory, ".opamp", name), folderForTest()];
      renameSync(path, join(elsewhere, "moved"));
      symlinkSync(join(elsewhere, "moved"), path);
      const before = everything(place.work);
      const outside = everything(elsewhere);
      await expect(openDirectory({ directory: place.directory }).prepare()).rejects.toMatchObject({
        code: "ERR_OPAMP_STORE",
        retryable: false,
        foreignStore: true,
        message: `${path} is not a directory`,
        hint: expect.stringContaining("state_directory"),
      });
      expect(everything(place.work)).toEqual(before);
      expect(everything(elsewhere)).toEqual(outside);
    });
  }

  test("with the name of a version is left alone, and so is its target", async () => {
    const { work, directory, versions, apply } = await offeredTwice();
    const elsewhere = folderForTest();
    write(elsewhere, {
      "version/manifest.json": '{"format":1,"id":"8-abc","base":"8-abc","files":[]}',
      "files/a": "a",
    });
    const before = everything(elsewhere);
    for (const name of ["8-abc", "9-abc.tmp"]) symlinkSync(join(elsewhere, "version"), join(versions, name));
    await reopened(work);
    expect(await apply("three", { a: "3" })).toBe("applied");
    expect(everything(elsewhere)).toEqual(before);
    expect(readdirSync(versions)).toEqual(expect.arrayContaining(["8-abc", "9-abc.tmp"]));
    expect(visible(directory)["a"]).toBe("3");
  });

  test("named like a temporary link of ours stays if it leads elsewhere", async () => {
    const { work, directory, apply } = await offeredTwice();
    symlinkSync("/etc/hostname", join(directory, ".opamp-link"));
    await reopened(work);
    expect(readlinkSync(join(directory, ".opamp-link"))).toBe("/etc/hostname");
    rmSync(join(directory, "main.yaml"));
    writeFileSync(join(directory, "main.yaml"), "edited\n");
    expect(await apply("three", { "main.yaml": "3" })).toContain(".opamp-link");
    expect(readlinkSync(join(directory, ".opamp-link"))).toBe("/etc/hostname");
    expect(visible(directory)["main.yaml"]).toBe("edited\n");
  });
});

test("a manifest that points outside its version is not followed", async () => {
  const place = await offeredTwice();
  const outside = join(place.work, "outside");
  writeFileSync(outside, "theirs");
  for (const id of readdirSync(place.versions)) {
    const path = join(place.versions, id, "manifest.json");
    const manifest = JSON.parse(readFileSync(path, "utf8"));
    for (const file of manifest.files) file.path = "../../../../../../outside";
    manifest.files.push({ path: "/etc/passwd", name: "x", contentType: "", local: true });
    writeFileSync(path, JSON.stringify(manifest));
  }
  expect(await effective(openDirectory({ directory: place.directory }))).toEqual({});
  const { text } = await openDirectory({ directory: place.directory }).prepare();
  expect(text).toContain(".unreadable");
  expect(readFileSync(outside, "utf8")).toBe("theirs");
  expect(visible(place.directory)).toEqual({ "main.yaml": "the user's\n", other: "own\n" });
});

describe("configurations that cannot be read", () => {
  for (const [what, text] of [
    ["empty", ""],
    ["damaged", '{"format":1,"id":'],
    ["of another form", "null"],
  ] as const) {
    test(`are set aside if all manifests are ${what}, and the user's own file is used and kept`, async () => {
      const { work, directory, versions } = await offeredTwice();
      const ids = readdirSync(versions);
      for (const id of ids) writeFileSync(join(versions, id, "manifest.json"), text);
      const recovery = await openDirectory({ directory }).prepare();
      for (const id of ids) expect(recovery.text).toContain(join(versions, `${id}.unreadable`));
      const kept = ids.map((id) => readFileSync(join(versions, `${id}.unreadable/files/main.yaml`), "utf8"));
      expect(kept.sort()).toEqual(["one\n", "the user's\n", "two\n"]);
      expect(visible(directory)).toEqual({ "main.yaml": "the user's\n", other: "own\n" });
      expect(litter(directory)).toEqual([]);
      const { apply } = await reopened(work);
      for (const hash of ["three", "four", "five"]) expect(await apply(hash, { "main.yaml": hash })).toBe("applied");
      expect(ids.map((id) => readFileSync(join(versions, `${id}.unreadable/files/main.yaml`), "utf8"))).toHaveLength(3);
      expect(await apply("none", {})).toBe("applied");
      expect(visible(directory)).toEqual({ "main.yaml": "the user's\n", other: "own\n" });
    });
  }

  test("are set aside and kept after a takeover of version 0.1.0 too", async () => {
    const work = folderForTest();
    const directory = join(work, "config");
    makeVersion010(work);
    for (const id of Object.keys(VERSIONS)) writeFileSync(join(directory, ".opamp/versions", id, "manifest.json"), "");
    const { text } = await openDirectory({ directory }).prepare();
    for (const id of Object.keys(VERSIONS)) expect(text).toContain(`/opamp-config/versions/${id}.unreadable`);
    const aside = join(directory, ".opamp/opamp-config/versions/2-local.unreadable/files/a.yaml");
    expect(readFileSync(aside, "utf8")).toBe("a: the user's\n");
    expect(visible(directory)).toEqual({ "a.yaml": "a: the user's\n", "notes.txt": "never offered\n" });
    expect(litter(directory)).toEqual([]);
  });

  test("are set aside without the others that can be read", async () => {
    const { work, directory, versions } = await offeredTwice();
    const own = readdirSync(versions).find((id) => id.endsWith("-local")) ?? "";
    writeFileSync(join(versions, own, "manifest.json"), "");
    const { text } = await openDirectory({ directory }).prepare();
    expect(text).toBe(`configuration ${own} cannot be read: set aside as ${join(versions, own)}.unreadable`);
    expect(visible(directory)).toEqual({ "main.yaml": "two\n", extra: "two\n", other: "own\n" });
    expect((await openDirectory({ directory }).prepare()).text).toBeUndefined();
    const { apply } = await reopened(work);
    expect(await apply("none", {})).toBe("applied");
    expect(visible(directory)).toEqual({ "main.yaml": "the user's\n", other: "own\n" });
  });
});

describe("the directory for versions", () => {
  const name = "config/.opamp/opamp-config";

  for (const [what, make, problem] of [
    ["a file", (path: string) => writeFileSync(path, "mine"), "is not a directory"],
    [
      "a directory with something else in it",
      (path: string) => write(path, { "versions/1-local/manifest.json": "" }),
      "was not made by this agent: it has no valid opamp-config.json",
    ],
    [
      "a directory with another marker",
      (path: string) => write(path, { "opamp-config.json": '{"format":1,"takeover":"complete"}' }),
      "was not made by this agent: it has no valid opamp-config.json",
    ],
    [
      "a directory of a later version",
      (path: string) =>
        write(path, {
          "opamp-config.json": '{"description":"Configurations kept by opamp agent. Do not edit.","format":2}',
        }),
      "was made by a later version (format 2)",
    ],
  ] as const) {
    test(`is left alone and refused where it is ${what}`, async () => {
      const work = folderForTest();
      mkdirSync(join(work, "config/.opamp"), { recursive: true });
      make(join(work, name));
      const before = everything(work);
      await expect(openDirectory({ directory: join(work, "config") }).prepare()).rejects.toMatchObject({
        code: "ERR_OPAMP_STORE",
        retryable: false,
        foreignStore: true,
        message: `${join(work, name)} ${problem}`,
        hint: expect.stringContaining("state_directory"),
      });
      expect(everything(work)).toEqual(before);
    });
  }

  for (const [what, files] of [
    ["empty", {}],
    ["empty but for half a marker", { "opamp-config.json.tmp": '{"description":"Conf' }],
  ] as const) {
    test(`is used where it is ${what}`, async () => {
      const work = folderForTest();
      mkdirSync(join(work, name), { recursive: true });
      write(join(work, name), files);
      const { apply, directory } = await reopened(work);
      expect(await apply("one", { a: "1" })).toBe("applied");
      expect(visible(directory)).toEqual({ a: "1" });
      expect(readdirSync(join(work, name)).sort()).toEqual(["current", "opamp-config.json", "tmp", "versions"]);
    });
  }

  test("keeps entries that are not named like a version of ours", async () => {
    const { work, versions, apply } = await offeredTwice();
    write(versions, { "my-backup/main.yaml": "x", "1-local.bak/manifest.json": "{}", "note.tmp": "x", "4-beef": "x" });
    await reopened(work);
    await apply("three", { a: "3" });
    expect(readdirSync(versions)).toEqual(expect.arrayContaining(["my-backup", "1-local.bak", "note.tmp", "4-beef"]));
  });
});

describe("a directory made by version 0.1.0", () => {
  for (const place of ["in the config directory", "elsewhere"]) {
    test(`with its versions ${place} keeps them, and the offer in use`, async () => {
      const work = folderForTest();
      const elsewhere = place === "elsewhere" ? join(work, "state") : undefined;
      const state = elsewhere ?? join(work, "config/.opamp");
      makeVersion010(work, elsewhere === undefined ? {} : { state });
      const directory = join(work, "config");
      const configs = openDirectory({ directory, state });
      expect(Object.keys(await effective(configs))).toEqual(["a.yaml", "conf.d/b.yaml", "c.yaml"]);
      expect(await configs.prepare()).toEqual({
        text: `took over 3 configurations of version 0.1.0 from ${state}`,
      });
      expect(keptVersions(state)).toEqual(VERSIONS);
      expect(readdirSync(state)).toEqual(["opamp-config"]);
      expect(visible(directory)).toEqual(VIEW_B);
      expect(litter(work)).toEqual([]);
      expect(configs.current?.hash).toEqual(new Uint8Array(Buffer.from("B")));
      expect(lstatSync(join(directory, "a.yaml")).isSymbolicLink()).toBe(true);
      const again = await reopened(work, { state });
      expect(await again.apply("none", {})).toBe("applied");
      expect(visible(directory)).toEqual({ "a.yaml": "a: the user's\n", "notes.txt": "never offered\n" });
    });
  }

  test("rolls back an offer on trial and tells the program", async () => {
    const work = folderForTest();
    const directory = join(work, "config");
    makeVersion010(work, { onTrial: true });
    const command = script(work, "command", 'echo "$OPAMP_CONFIG_HASH" >> "$0.saw"');
    const configs = openDirectory({ directory, command });
    expect(await effective(configs)).toEqual({ "a.yaml": ["a: of A\n", ""], "conf.d/b.yaml": ["b: of A\n", ""] });
    const { text } = await configs.prepare();
    expect(text).toContain("configuration 7-42 was on trial; went back to 4-41");
    expect(readFileSync(`${command}.saw`, "utf8")).toBe("41\n");
    expect(visible(directory)).toEqual(VIEW_A);
    expect(litter(directory)).toEqual([]);
    const own = join(directory, ".opamp/opamp-config");
    expect(JSON.parse(readFileSync(join(own, "trial.json"), "utf8"))).toEqual({
      phase: "none",
      from: "",
      to: "",
      hash: "42",
      crashes: 2,
    });
    expect(readdirSync(own)).not.toContain("crashes.json");
    expect(readdirSync(join(directory, ".opamp"))).toEqual(["opamp-config"]);
  });

  test("keeps a file that somebody put into a directory of an offer", async () => {
    const work = folderForTest();
    makeVersion010(work);
    write(join(work, "config"), { "conf.d/mine.yaml": "mine\n" });
    const { directory } = await reopened(work);
    expect(visible(directory)).toEqual({ ...VIEW_B, "conf.d/mine.yaml": "mine\n" });
  });

  test("is left alone, and the start refused, where a version has a pipe in it", async () => {
    const work = folderForTest();
    makeVersion010(work);
    const pipe = join(work, "config/.opamp/versions/4-41/files/pipe");
    execFileSync("mkfifo", [pipe]);
    await expect(openDirectory({ directory: join(work, "config") }).prepare()).rejects.toMatchObject({
      code: "ERR_OPAMP_STORE",
      retryable: false,
      foreignStore: true,
      message: `${pipe} is neither a file, a directory nor a link; it was left as it is`,
    });
    rmSync(pipe);
    const { directory } = await reopened(work);
    expect(visible(directory)).toEqual(VIEW_B);
  });

  test("is taken over once, and versions that appear beside it later are ignored", async () => {
    const { work, directory } = await prepared();
    makeVersion010(folderForTest(), { state: join(work, "other") });
    renameSync(join(work, "other/versions"), join(directory, ".opamp/versions"));
    const before = everything(work);
    expect((await openDirectory({ directory }).prepare()).text).toBeUndefined();
    expect(everything(work)).toEqual(before);
  });
});
