import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makeVersion010, VIEW_B } from "../version-0-1-0.js";
import { everything, folderForTest, visible } from "./folder.js";
import { openDirectory } from "./open-directory.js";
import { type Prepared, prepared, reopened } from "./prepared.js";

const OWN = ".opamp/opamp-config";

/** A user's `a`, an offer over it, and where the agent's own files are. */
async function offered(): Promise<Prepared & { own: string }> {
  const place = await prepared({}, (directory) => {
    mkdirSync(directory);
    writeFileSync(join(directory, "a"), "the user's");
  });
  await place.apply("one", { a: "1" });
  return { ...place, own: join(place.directory, OWN) };
}

function truncated(path: string): void {
  writeFileSync(path, "");
  truncateSync(path, 70_000_000);
}

describe("a name of the agent's own", () => {
  const elsewhere = "/nowhere/at/all";
  const cases: readonly [name: string, what: string, make: (path: string) => void, problem: string][] = [
    [
      "trial.json",
      "JSON of another form",
      (path) => writeFileSync(path, '{"days":30}'),
      "was not written by this agent",
    ],
    [
      "trial.json",
      "a phase of a later version",
      (path) => writeFileSync(path, '{"phase":"else","from":"","to":"","hash":"","crashes":0}'),
      "was not written by this agent",
    ],
    ["trial.json", "far too large", (path) => truncated(path), "was not written by this agent: it has 70000000 bytes"],
    ["trial.json", "a link", (path) => symlinkSync(elsewhere, path), "is a symbolic link"],
    ["trial.json", "a directory", (path) => mkdirSync(path), "is not a regular file"],
    ["trial.json", "a pipe", (path) => execFileSync("mkfifo", [path]), "is not a regular file"],
    ["current", "a file", (path) => writeFileSync(path, "theirs"), "is not a link to a configuration of this agent"],
    ["current", "a directory", (path) => mkdirSync(path), "is not a link to a configuration of this agent"],
    [
      "current",
      "another link",
      (path) => symlinkSync(elsewhere, path),
      "is not a link to a configuration of this agent",
    ],
    ["changed", "a file", (path) => writeFileSync(path, "theirs"), "is not a directory"],
    ["changed", "a link", (path) => symlinkSync(elsewhere, path), "is not a directory"],
    ["tmp", "a link", (path) => symlinkSync(elsewhere, path), "is not a directory"],
    ["opamp-config.json", "a link", (path) => symlinkSync(elsewhere, path), "is a symbolic link"],
  ];
  test.each(cases)("%s that is %s is left alone, and the start is refused", async (name, _, make, problem) => {
    const { directory, own } = await offered();
    mkdirSync(join(own, "tmp/1-abc"));
    rmSync(join(own, name), { recursive: true, force: true });
    make(join(own, name));
    const before = everything(directory);
    await expect(openDirectory({ directory }).prepare()).rejects.toMatchObject({
      code: "ERR_OPAMP_STORE",
      foreignStore: true,
      retryable: false,
      message: expect.stringContaining(`${join(own, name)} ${problem}`),
    });
    expect(everything(directory)).toEqual(before);
  });

  test.each<[string, (path: string) => void]>([
    ["a file", (path) => writeFileSync(path, "theirs")],
    ["a link that leads nowhere", (path) => symlinkSync(elsewhere, path)],
  ])(".opamp that is %s is left alone, and the start is refused", async (_, make) => {
    const directory = folderForTest();
    make(join(directory, ".opamp"));
    const before = everything(directory);
    await expect(openDirectory({ directory }).prepare()).rejects.toMatchObject({
      foreignStore: true,
      message: `${join(directory, ".opamp")} is not a directory`,
      hint: expect.stringContaining("remote_config.state_directory"),
    });
    expect(everything(directory)).toEqual(before);
  });

  test.each<[string, string, (path: string) => void]>([
    ["trial.json", "a file of another form", (path) => writeFileSync(path, '{"FOREIGN":1}')],
    ["tmp", "a link", (path) => symlinkSync(elsewhere, path)],
    ["versions", "a file", (path) => writeFileSync(path, "theirs")],
  ])("%s that is replaced by %s while the agent runs fails an offer, and stays", async (name, _, make) => {
    const { directory, own, apply } = await offered();
    const path = join(own, name);
    if (readdirSync(own).includes(name)) renameSync(path, join(own, "moved"));
    make(path);
    const before = everything(directory);
    expect(await apply("two", { a: "2" })).toContain(path);
    expect(everything(directory)).toEqual(before);
    rmSync(path);
    if (readdirSync(own).includes("moved")) renameSync(join(own, "moved"), path);
    expect(await apply("two", { a: "2" })).toBe("applied");
  });

  test("that something else takes while the agent runs fails an offer, and stays", async () => {
    const { directory, own, apply } = await offered();
    const current = join(own, "current");
    rmSync(current);
    writeFileSync(current, "theirs");
    expect(await apply("two", { a: "2" })).toContain(`${current} is not a link to a configuration of this agent`);
    expect(readFileSync(current, "utf8")).toBe("theirs");
    rmSync(current);
    expect(await apply("two", { a: "2" })).toBe("applied");
    rmSync(join(directory, "a"));
    writeFileSync(join(directory, "a"), "edited");
    symlinkSync(folderForTest(), join(own, "changed"));
    expect(await apply("three", { a: "3" })).toContain(`${join(own, "changed")} is not a directory`);
    expect(visible(directory)).toEqual({ a: "edited" });
  });
});

describe("what is set aside", () => {
  test("gets a free name and overwrites nothing that was set aside before", async () => {
    const { directory, own } = await offered();
    for (const text of ["{ one", "{ two"]) {
      writeFileSync(join(own, "trial.json"), text);
      await openDirectory({ directory }).prepare();
    }
    expect(readFileSync(join(own, "trial.json.unreadable"), "utf8")).toBe("{ one");
    expect(readFileSync(join(own, "trial.json.unreadable-2"), "utf8")).toBe("{ two");
    const versions = join(own, "versions");
    const [id = ""] = readdirSync(versions).filter((name) => name.endsWith("-6f6e65"));
    mkdirSync(join(versions, `${id}.unreadable/files`), { recursive: true });
    writeFileSync(join(versions, id, "manifest.json"), "");
    const { text } = await openDirectory({ directory }).prepare();
    expect(text).toContain(join(versions, `${id}.unreadable-2`));
    expect(visible(directory)).toEqual({ a: "the user's" });
  });
});

test("foreign entries in the agent's own directories are neither read nor removed", async () => {
  const { work, directory, own } = await offered();
  const names = [
    "notes",
    "mine/a",
    "8-abc",
    "9-abc/manifest.json",
    "taken/a",
    "current",
    "manifest.json",
    "trial.json/a",
  ];
  const inTmp = Object.fromEntries(names.map((name) => [`tmp/${name}`, "x"]));
  const theirs = { "crashes.json": '{"hash":"74776f","count":3}', "opamp-config.json.tmp": "x", ...inTmp };
  for (const name of ["mine", "9-abc", "taken", "trial.json"]) mkdirSync(join(own, "tmp", name));
  for (const [name, text] of Object.entries(theirs)) writeFileSync(join(own, name), text);
  const { apply } = await reopened(work);
  expect(everything(own)).toMatchObject(theirs);
  for (const hash of ["two", "three"]) expect(await apply(hash, { a: hash })).toBe("applied");
  expect(everything(own)).toMatchObject(theirs);
  expect(visible(directory)).toEqual({ a: "three" });
});

test("a takeover of version 0.1.0 leaves files alone that have its names but another form", async () => {
  const work = folderForTest();
  makeVersion010(work, { onTrial: true });
  const state = join(work, "config/.opamp");
  writeFileSync(join(state, "trial.json"), '{"phase":"none","from":"","to":"","hash":"42","attempt":2}');
  writeFileSync(join(state, "crashes.json"), '{"count":"many"}');
  await openDirectory({ directory: join(work, "config") }).prepare();
  expect(readdirSync(state).sort()).toEqual(["crashes.json", "opamp-config"]);
  expect(visible(join(work, "config"))).toEqual(VIEW_B);
});

test("an offer fails if something blocks one of its files during validation, and nothing is replaced", async () => {
  const { work } = await offered();
  const { directory, apply } = await reopened(work, { validate: ["mkdir", join(work, "config/b")] });
  expect(await apply("two", { a: "2", b: "2" })).toContain('"b" cannot be written');
  expect(visible(directory)).toEqual({ a: "1" });
  renameSync(join(directory, "b"), join(work, "b"));
  expect(await apply("two", { a: "2", b: "2" })).toContain('"b" cannot be written');
});

test("a takeover of version 0.1.0 refuses to start where something else has the name of one of its versions", async () => {
  const work = folderForTest();
  makeVersion010(work);
  const own = join(work, "config", OWN);
  mkdirSync(join(own, "versions"), { recursive: true });
  const marker = { description: "Configurations kept by opamp agent. Do not edit.", format: 1, takeover: "pending" };
  writeFileSync(join(own, "opamp-config.json"), JSON.stringify(marker));
  writeFileSync(join(own, "versions/2-local"), "theirs");
  await expect(openDirectory({ directory: join(work, "config") }).prepare()).rejects.toMatchObject({
    foreignStore: true,
    message: `${join(own, "versions/2-local")} is not a directory`,
  });
  expect(readFileSync(join(work, "config/.opamp/versions/2-local/files/a.yaml"), "utf8")).toBe("a: the user's\n");
});

test.each([
  ["its own id", (id: string) => id],
  ["a path elsewhere", () => "../../../../outside"],
])("a manifest whose base was changed to %s loses none of the user's files", async (_, baseOf) => {
  const { work, directory, own } = await offered();
  const versions = join(own, "versions");
  const [id = ""] = readdirSync(versions).filter((name) => name.endsWith("-6f6e65"));
  const manifest = JSON.parse(readFileSync(join(versions, id, "manifest.json"), "utf8"));
  writeFileSync(join(versions, id, "manifest.json"), JSON.stringify({ ...manifest, base: baseOf(id) }));
  const { apply } = await reopened(work);
  for (const hash of ["two", "three", "four"]) expect(await apply(hash, { a: hash })).toBe("applied");
  const kept = Object.values(everything(directory));
  expect(kept).toContain("the user's");
});

test("versions that somebody removed while the agent runs do not keep later offers from being applied", async () => {
  const { directory, own, apply } = await offered();
  for (const id of readdirSync(join(own, "versions"))) rmSync(join(own, "versions", id), { recursive: true });
  expect(await apply("two", { a: "2" })).toBe("applied");
  expect(visible(directory)).toEqual({ a: "2" });
});

describe("what somebody changes in the files of an offer", () => {
  test("is kept aside and logged once when an offer replaces it, including files a program added", async () => {
    const { directory, own, apply, lines } = await offered();
    await apply("one-b", { a: "1", "conf.d/x.yaml": "x1", "conf.d/y.yaml": "y1" });
    appendFileSync(join(directory, "a"), " by hand");
    writeFileSync(join(directory, "conf.d/mine.yaml"), "mine");
    rmSync(join(directory, "conf.d/x.yaml"));
    writeFileSync(join(directory, "conf.d/x.yaml"), "edited");
    await apply("two", { a: "2", "conf.d/x.yaml": "x2", "conf.d/y.yaml": "y2" });
    for (const hash of ["three", "four"]) await apply(hash, { a: hash });
    const changed = join(own, "changed");
    expect(everything(changed)).toEqual({
      "1": "directory",
      "1/a": "1 by hand",
      "1/conf.d": "directory",
      "1/conf.d/mine.yaml": "mine",
      "1/conf.d/x.yaml": "edited",
    });
    expect(lines.all.filter((line) => line.startsWith("warn"))).toEqual([
      expect.stringMatching(/^warn changed by somebody else, and replaced now: .*mine\.yaml.*; kept in .*changed\/1$/),
    ]);
  });

  test("is kept under a free name, whatever else is there", async () => {
    const { directory, own, apply } = await offered();
    mkdirSync(join(own, "changed/9007199254740992"), { recursive: true });
    mkdirSync(join(own, "changed/1"));
    appendFileSync(join(directory, "a"), " by hand");
    expect(await apply("two", { a: "2" })).toBe("applied");
    expect(readFileSync(join(own, "changed/2/a"), "utf8")).toBe("1 by hand");
  });
});

test("an offer cannot write the agent's own files through links", async () => {
  const work = folderForTest();
  const real = join(work, "real");
  mkdirSync(join(real, "sub/state"), { recursive: true });
  writeFileSync(join(real, "opamp.yaml"), "server:");
  symlinkSync(real, join(work, "config"));
  symlinkSync(join(real, "sub"), join(work, "link"));
  symlinkSync(join(real, "opamp.yaml"), join(work, "etc.yaml"));
  const state = join(work, "link/kept");
  const ownPaths = [join(work, "link/state"), join(work, "etc.yaml")];
  const { apply } = await reopened(work, { state, ownPaths });
  for (const name of ["sub/state/state.json", "sub/state", "opamp.yaml", "sub/kept/opamp-config/opamp-config.json"]) {
    expect(await apply("one", { a: "1", [name]: "theirs" })).toBe(`"${name}" belongs to the agent itself`);
  }
  expect(await apply("one", { a: "1", "sub/other": "1" })).toBe("applied");
});

test("an offer cannot write the agent's own files by name", async () => {
  const { work } = await offered();
  const [storage, file] = [join(work, "config/state"), join(work, "config/agent.yaml")];
  mkdirSync(storage);
  writeFileSync(file, "server:");
  const { directory, apply } = await reopened(work, { ownPaths: [storage, file] });
  for (const name of ["state/state.json", "state", "State/x", "agent.yaml", "Agent.YAML", "agent.yaml/x"]) {
    expect(await apply("two", { a: "2", [name]: "theirs" })).toBe(`"${name}" belongs to the agent itself`);
  }
  expect(visible(directory)).toEqual({ a: "1", "agent.yaml": "server:" });
  expect(await apply("three", { a: "3", "state.yaml": "3" })).toBe("applied");
});
