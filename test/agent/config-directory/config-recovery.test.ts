import { randomUUID } from "node:crypto";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { lockDirectory } from "../../../src/store/directory-lock.js";
import { everything, folderForTest, litter, offer, script, visible } from "./folder.js";
import { openDirectory } from "./open-directory.js";
import { type Prepared, prepared, reopened } from "./prepared.js";

/** A directory with one offer in use, and one before that. */
async function inUse(): Promise<Prepared> {
  const place = await prepared();
  await place.apply("first", { a: "1", "d/x": "1" });
  await place.apply("second", { a: "2", b: "2" });
  return place;
}

/** As a crash would leave it: the version in use is on trial. */
function onTrial({ directory }: Prepared, trial: object | string = {}): void {
  const versions = readdirSync(join(directory, ".opamp/opamp-config/versions")).sort();
  const [from, to] = ["first", "second"].map((hash) =>
    versions.find((id) => id.endsWith(Buffer.from(hash).toString("hex").slice(0, 12))),
  );
  const hash = Buffer.from("second").toString("hex");
  const text =
    typeof trial === "string" ? trial : JSON.stringify({ phase: "trial", from, to, hash, crashes: 0, ...trial });
  writeFileSync(join(directory, ".opamp/opamp-config/trial.json"), text);
}

test("a consistent directory is left as it is", async () => {
  const { work, directory } = await inUse();
  const before = everything(work);
  expect(await openDirectory({ directory }).prepare()).toEqual({ text: undefined });
  expect(everything(work)).toEqual(before);
});

test("a config on trial is rolled back and reported, and the program is told", async () => {
  const place = await inUse();
  onTrial(place);
  const command = script(
    place.work,
    "command",
    'cat "$OPAMP_CONFIG_DIR/a" > "$0.saw"; echo "$OPAMP_CONFIG_HASH" >> "$0.saw"',
  );
  const recovery = await openDirectory({ directory: place.directory, command }).prepare();
  expect(recovery.text).toMatch(/^configuration \d+-7365636f6e64 was on trial; went back to \d+-6669727374;/);
  expect(readFileSync(`${command}.saw`, "utf8")).toBe(`1${Buffer.from("first").toString("hex")}\n`);
  expect(visible(place.directory)).toEqual({ a: "1", "d/x": "1" });
  expect(litter(place.directory)).toEqual([]);
});

test("a command that fails is reported as an error, and the files are rolled back anyway", async () => {
  const place = await inUse();
  onTrial(place);
  const recovery = await openDirectory({ directory: place.directory, command: "echo down; exit 3" }).prepare();
  expect(recovery).toMatchObject({
    text: expect.stringContaining("the program could not be told: `echo down; exit 3` ended with exit code 3\ndown"),
    error: { code: "ERR_OPAMP_HANDLER" },
  });
  expect(visible(place.directory)).toEqual({ a: "1", "d/x": "1" });
  expect(litter(place.directory)).toEqual([]);
});

test("a program that was not told since the agent was stopped is told at the next start", async () => {
  const place = await inUse();
  onTrial(place);
  const command = script(place.work, "command", 'echo told >> "$0.saw"');
  const { directory } = place;
  const stopped = await openDirectory({ directory, command }).prepare(AbortSignal.abort(new Error("stopping")));
  expect(stopped.error?.message).toContain("stopping");
  expect(visible(directory)).toEqual({ a: "1", "d/x": "1" });
  expect((await openDirectory({ directory, command }).prepare()).text).toContain("went back to");
  expect(readFileSync(`${command}.saw`, "utf8")).toBe("told\n");
  expect(litter(directory)).toEqual([]);
});

test("an apply that was interrupted before the switch leaves nothing behind", async () => {
  const place = await inUse();
  onTrial(place, { phase: "candidate", to: "9-6e6577", hash: "6e6577" });
  const { directory } = place;
  const unfinished = () => join(directory, ".opamp/opamp-config/tmp", randomUUID());
  const half = unfinished();
  mkdirSync(join(half, "files"), { recursive: true });
  writeFileSync(join(half, "files/a"), "hal");
  writeFileSync(unfinished(), "{");
  symlinkSync("versions/9-6e6577/files", unfinished());
  symlinkSync(".opamp/opamp-config/current/a", join(directory, ".opamp-link"));
  const recovery = await openDirectory({ directory, command: "false" }).prepare();
  expect(recovery).toEqual({
    text: "removed what was half written; removed 1 links that were half made; configuration 9-6e6577 was cut off before it was in use",
  });
  expect(visible(directory)).toEqual({ a: "2", b: "2" });
  expect(litter(directory)).toEqual([]);
  expect(readdirSync(join(directory, ".opamp"))).toEqual(["opamp-config"]);
  const kept = readdirSync(join(directory, ".opamp/opamp-config")).sort();
  expect(kept).toEqual(["current", "opamp-config.json", "tmp", "trial.json", "versions"]);
});

for (const text of ["", "{ broken", "null"]) {
  test(`an unreadable trial record, "${text}", leaves the config in use`, async () => {
    const place = await inUse();
    onTrial(place, text);
    symlinkSync(".opamp/opamp-config/current/d", join(place.directory, "d"));
    const recovery = await openDirectory({ directory: place.directory }).prepare();
    expect(recovery).toMatchObject({ text: expect.stringContaining("cannot be read") });
    expect(visible(place.directory)).toEqual({ a: "2", b: "2" });
    expect(litter(place.directory)).toEqual([]);
  });
}

test("the config in use stays if the version to roll back to is gone", async () => {
  const place = await inUse();
  onTrial(place, { from: "1-gone" });
  const recovery = await openDirectory({ directory: place.directory }).prepare();
  expect(recovery.text).toContain("configuration 1-gone is gone");
  expect(visible(place.directory)).toEqual({ a: "2", b: "2" });
});

test("links that somebody removed are restored", async () => {
  const { directory } = await inUse();
  rmSync(join(directory, "a"));
  expect(visible(directory)).toEqual({ b: "2" });
  expect(await openDirectory({ directory }).prepare()).toEqual({ text: "put back 1 links" });
  expect(visible(directory)).toEqual({ a: "2", b: "2" });
});

for (const [what, damage] of [
  ["gone", (path: string) => rmSync(path)],
  [
    "leading nowhere",
    (path: string) => {
      rmSync(path);
      symlinkSync("versions/77-abc/files", path);
    },
  ],
] as const) {
  test(`the newest version is used if the link to the one in use is ${what}`, async () => {
    const { directory } = await inUse();
    damage(join(directory, ".opamp/opamp-config/current"));
    const recovery = await openDirectory({ directory }).prepare();
    expect(recovery.text).toContain("the configuration in use was missing; took");
    expect(visible(directory)).toEqual({ a: "2", b: "2" });
    expect(readlinkSync(join(directory, ".opamp/opamp-config/current"))).toMatch(/^versions\/\d+-7365636f6e64\/files$/);
  });
}

describe("a configuration in use that cannot be read", () => {
  const told = (work: string) => script(work, "command", 'echo "$OPAMP_CONFIG_HASH" >> "$0.saw"');
  const hashOf = (name: string) => Buffer.from(name).toString("hex");

  test("is replaced by the one before, and the program is told, even after a crash in between", async () => {
    const { work, directory } = await inUse();
    const command = told(work);
    const versions = join(directory, ".opamp/opamp-config/versions");
    const broken = readdirSync(versions).find((id) => id.endsWith(hashOf("second"))) ?? "";
    writeFileSync(join(versions, broken, "manifest.json"), "");
    const stopped = await openDirectory({ directory, command }).prepare(AbortSignal.abort(new Error("stopping")));
    expect(stopped.text).toMatch(
      /the configuration in use was missing; took \d+-6669727374; went back to \d+-6669727374;/,
    );
    expect(visible(directory)).toEqual({ a: "1", "d/x": "1" });
    await openDirectory({ directory, command }).prepare();
    expect(readFileSync(`${command}.saw`, "utf8")).toBe(`${hashOf("first")}\n`);
    expect(await openDirectory({ directory, command }).prepare()).toEqual({ text: undefined });
  });

  test("leaves an empty directory if no other can be read either, and this is reported", async () => {
    const { work, directory } = await inUse();
    const command = told(work);
    const versions = join(directory, ".opamp/opamp-config/versions");
    for (const id of readdirSync(versions)) {
      writeFileSync(join(versions, id, "manifest.json"), "");
      rmSync(join(versions, id, "files"), { recursive: true });
      symlinkSync(work, join(versions, id, "files"));
    }
    const { text } = await openDirectory({ directory, command }).prepare();
    expect(text).toMatch(/^no configuration could be read; \d+-local has no files to take;/);
    expect(visible(directory)).toEqual({});
    expect(readFileSync(`${command}.saw`, "utf8")).toBe("\n");
  });

  test("is not assumed at the first start, so the program is not told", async () => {
    const { work, directory } = await prepared();
    const other = join(work, "other");
    const command = told(work);
    expect(await openDirectory({ directory: other, command }).prepare()).toEqual({ text: undefined });
    expect(visible(directory)).toEqual({});
    expect(readdirSync(work)).not.toContain("command.saw");
  });
});

test.each<[string, (path: string) => void]>([
  ["gone", () => undefined],
  ["a link", (path) => symlinkSync(tmpdir(), path)],
])("the loss of own files that an offer hides is reported if version 0 is %s", async (_, make) => {
  const place = await prepared({}, (directory) => {
    mkdirSync(directory);
    writeFileSync(join(directory, "a"), "the user's");
  });
  await place.apply("first", { a: "1" });
  const versions = join(place.directory, ".opamp/opamp-config/versions");
  const zero = readdirSync(versions).find((id) => id.endsWith("-local")) ?? "";
  rmSync(join(versions, zero), { recursive: true });
  make(join(versions, zero));
  const { text } = await openDirectory({ directory: place.directory }).prepare();
  expect(text).toContain(`configuration ${zero} is gone, and with it those of your own files that an offer hides`);
  expect(visible(place.directory)).toEqual({ a: "1" });
});

test("an offer whose rollback failed is rolled back before the next one", async () => {
  const { work } = await inUse();
  const command = script(work, "command", 'if [ -e "$OPAMP_CONFIG_DIR/c" ]; then mv "$1" "$1.moved"; exit 1; fi');
  const temporary = join(work, "config/.opamp/opamp-config/tmp");
  const { directory, configs, apply } = await reopened(work, { command: [command, temporary] });
  expect(await apply("third", { c: "3" })).toMatch(/exit code 1\nwhat was there before is not back yet: /);
  renameSync(`${temporary}.moved`, temporary);
  expect(await apply("fourth", { "../x": "4" })).toContain("the name");
  expect(visible(directory)).toEqual({ a: "2", b: "2" });
  expect(configs.current?.files).toEqual(["a", "b"]);
  expect(litter(directory)).toEqual([]);
});

test("a directory that somebody removed is made again for the next offer, and locked again", async () => {
  const work = folderForTest();
  const directory = join(work, "config");
  const lines: string[] = [];
  const say = (line: string) => void lines.push(line);
  const log = { debug: say, info: () => undefined, warn: say, error: say };
  const lock = (path: string) => lockDirectory(path, 0, (error) => log.warn(error.message));
  const configs = openDirectory({ directory, log }, { lock });
  onTestFinished(() => configs.close());
  await configs.prepare();
  const take = (hash: string, files: Record<string, string>) =>
    configs.handler.apply(offer(hash, files), { signal: AbortSignal.timeout(10_000), previous: undefined });
  await take("one", { "a/b": "1", c: "1" });
  rmSync(directory, { recursive: true });
  expect(await configs.effectiveConfig()).toEqual({});
  await take("two", { "a/b": "2" });
  expect(visible(directory)).toEqual({ "a/b": "2" });
  expect(configs.current?.files).toEqual(["a/b"]);
  expect(lines).toEqual([`Recovered ${directory}: made it again, since it was removed`]);
  await expect(lock(join(directory, ".opamp"))).rejects.toThrow(/is in use by/);
  await configs.close();
  await (await lock(join(directory, ".opamp"))).release();
});
