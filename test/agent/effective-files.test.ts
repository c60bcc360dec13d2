import { execFileSync } from "node:child_process";
import { rmSync, truncateSync, writeFileSync } from "node:fs";
import fs from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { effectiveFiles, watchEffectiveFiles } from "../../src/agent/effective-files.js";
import type { EffectiveConfigProvider } from "../../src/extension/effective-config/reported-files.js";
import { Arrivals } from "../transport/arrivals.js";
import { folderForTest } from "./config-directory/folder.js";

/** How often the tests look, in milliseconds. */
const OFTEN_MS = 2;

function logging() {
  const lines = new Arrivals<string>();
  const push = (text: string) => lines.push(text);
  return { lines, log: { debug: push, info: push, warn: push, error: push } };
}

/** Looks until the test ends. @returns what arrives when there is a change */
function watching(
  provider: EffectiveConfigProvider,
  log: Parameters<typeof watchEffectiveFiles>[1]["log"],
): Arrivals<"changed"> {
  const changes = new Arrivals<"changed">();
  const onChange = () => changes.push("changed");
  onTestFinished(watchEffectiveFiles(provider, { intervalMs: OFTEN_MS, log, onChange }));
  return changes;
}

test("a change of a file is noticed, and its loss and return are logged once each", async () => {
  const { lines, log } = logging();
  const path = join(folderForTest(), "a.yaml");
  writeFileSync(path, "a: 1\n");
  const provider = effectiveFiles(
    { files: { "a.yaml": path }, rawFile: undefined, redact: {}, maxBytes: 1_000 },
    undefined,
    log,
  );
  if (provider === undefined) throw new Error("nothing to report");
  expect(await textsOf(provider)).toEqual({ "a.yaml": "a: 1\n" });
  const changes = watching(provider, log);
  writeFileSync(path, "a: 2\n");
  await changes.next();
  expect(await textsOf(provider)).toEqual({ "a.yaml": "a: 2\n" });
  rmSync(path);
  expect(await lines.next()).toMatch(/^effective_config: \S+a\.yaml cannot be read and is left out: ENOENT/);
  expect(await textsOf(provider)).toEqual({});
  writeFileSync(path, "a: 3\n");
  expect(await lines.next()).toMatch(/^effective_config: \S+a\.yaml can be read again$/);
  expect(await textsOf(provider)).toEqual({ "a.yaml": "a: 3\n" });
  expect(lines.all).toHaveLength(2);
});

test("a file that disappears while it is read is logged once, even if the next error differs", async () => {
  const { lines, log } = logging();
  const path = join(folderForTest(), "a.yaml");
  writeFileSync(path, "a: 1\n");
  const provider = effectiveFiles(
    { files: { "a.yaml": path }, rawFile: undefined, redact: {}, maxBytes: 1_000 },
    undefined,
    log,
  );
  const gone = Object.assign(new Error(`ENOENT: no such file or directory, open '${path}'`), { code: "ENOENT" });
  const original = fs.readFile;
  // Others may read files of theirs meanwhile.
  const readFile = vi.spyOn(fs, "readFile").mockImplementation((...args: Parameters<typeof original>) => {
    return args[0] === path ? Promise.reject(gone) : Reflect.apply(original, fs, args);
  });
  onTestFinished(() => readFile.mockRestore());
  expect(await provider?.()).toEqual({});
  readFile.mockRestore();
  rmSync(path);
  expect(await provider?.()).toEqual({});
  expect(lines.all).toEqual([`effective_config: ${path} cannot be read and is left out: ${gone.message}`]);
});

test("what is not a file, or too large for a configuration, is never opened", async () => {
  const { lines, log } = logging();
  const folder = folderForTest();
  const [pipe, large] = ["pipe", "large"].map((name) => join(folder, name)) as [string, string];
  execFileSync("mkfifo", [pipe]);
  writeFileSync(large, "");
  truncateSync(large, 4_194_305);
  const settings = { files: { pipe, large }, rawFile: undefined, redact: {}, maxBytes: 4_194_304 };
  const provider = effectiveFiles(settings, undefined, log);
  const why = "it has 4194305 bytes, and effective_config.max_bytes allows 4194304 for all files together";
  for (let times = 0; times < 2; times += 1) {
    expect(await provider?.()).toEqual({ large: { body: `left out: ${why}\n`, contentType: "text/plain" } });
  }
  expect(lines.all).toEqual([
    `effective_config: ${pipe} cannot be read and is left out: it is not a regular file`,
    `effective_config: "large" is left out: ${why}`,
  ]);
});

test("a file that is not text is left out while it is not, and any encoding is redacted", async () => {
  const { lines, log } = logging();
  const path = join(folderForTest(), "a");
  const settings = { files: { a: path }, rawFile: undefined, redact: {}, maxBytes: 1_000 };
  const provider = effectiveFiles(settings, undefined, log);
  if (provider === undefined) throw new Error("nothing to report");
  const binary = Buffer.from("\u007fELF\0\0\u0001 password: hunter2 \0");
  for (const content of [binary, Buffer.from("# Zug\u00e4nge\npassword: hunter2\n", "latin1"), binary]) {
    writeFileSync(path, content);
    const { a } = await textsOf(provider);
    if (content === binary) expect(a).toMatch(/^left out: it is not text in UTF-8, UTF-16, UTF-32 or Windows-1252/);
    else expect(a).toBe("# Zug\u00e4nge\npassword: '[REDACTED]'\n");
  }
  expect(lines.all).toEqual(Array(2).fill(expect.stringMatching(/^effective_config: "a" is left out: it is not text/)));
});

test("a failure to look for changes is logged once until it is another one", async () => {
  const { lines, log } = logging();
  const problems = ["one", "one", "one", "two", "two"];
  const looks = new Arrivals<string>();
  const changed = async (): Promise<boolean> => {
    const problem = problems[looks.all.length];
    looks.push(problem ?? "none");
    if (problem !== undefined) throw new Error(problem);
    return true;
  };
  const changes = watching(
    Object.assign(async () => ({}), { changed }),
    log,
  );
  await changes.next();
  expect(lines.all).toEqual(["one", "two"]);
});

test("there is nothing to report with neither files nor a config directory", () => {
  const { log } = logging();
  expect(
    effectiveFiles({ files: {}, rawFile: undefined, redact: {}, maxBytes: 1_000 }, undefined, log),
  ).toBeUndefined();
});

async function textsOf(provider: EffectiveConfigProvider): Promise<Record<string, string>> {
  const files = Object.entries(await provider());
  return Object.fromEntries(files.map(([name, { body }]) => [name, Buffer.from(body).toString()]));
}
