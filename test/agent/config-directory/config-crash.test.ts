import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { crashPoints } from "../../end-to-end/crash/crash-points.js";
import { keptVersions, makeVersion010, VERSIONS, VIEW_A, VIEW_B } from "../version-0-1-0.js";
import { everything, folderForTest, litter, offer, visible } from "./folder.js";
import { openDirectory } from "./open-directory.js";

interface Step {
  /** Of the offer. */
  hash: string;
  files: Record<string, string>;
  /** What can be opened once it is in use. */
  view: Record<string, string>;
}

const own = { "a.yaml": "a: the user's\n", "notes.txt": "never offered\n" };
const inA = { "a.yaml": "a: of A\n", "conf.d/b.yaml": "b: of A\n" };
const inB = { "a.yaml": "a: of B\n", "conf.d/b.yaml": "b: of B\n", "c.yaml": "c: of B\n" };
const inC = { "conf.d/b.yaml": "b: of C\n", "c.yaml": "c: of C\n" };
const STEPS: readonly Step[] = [
  { hash: "A", files: inA, view: { ...own, ...inA } },
  { hash: "B", files: inB, view: { ...own, ...inB } },
  { hash: "C", files: inC, view: { ...own, ...inC } },
  { hash: "none", files: {}, view: own },
];

/** The program takes what it finds: a copy of all files, one after the other, beside the directory. */
const TAKE = 'cd "$OPAMP_CONFIG_DIR" && cat a.yaml conf.d/*.yaml c.yaml > ../program 2> ../problems; true';
const AT_ONCE = 4;

let code: string;

beforeAll(async () => {
  code = mkdtempSync(join(tmpdir(), "opamp-crash-"));
  await build({
    entryPoints: ["kill-at", "agent"].map((name) => new URL(`crash/${name}.ts`, import.meta.url).pathname),
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    outdir: code,
    outExtension: { ".js": ".mjs" },
    logLevel: "error",
  });
});

afterAll(() => rmSync(code, { recursive: true, force: true }));

/** Runs an agent on `<work>/config` that gets one offer. @returns how it ended */
async function agent(work: string, step: Step, env: Record<string, string>, command = TAKE): Promise<unknown> {
  const { hash, files } = step;
  const args = ["--import", join(code, "kill-at.mjs"), join(code, "agent.mjs")];
  const child = spawn(process.execPath, [...args, join(work, "config"), command, JSON.stringify({ hash, files })], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, ...env },
  });
  const [exitCode, signal] = (await once(child, "exit")) as [number | null, string | null];
  return signal ?? exitCode;
}

/** A work folder as it is before a step. */
async function before(index: number): Promise<{ work: string; view: Record<string, string> }> {
  const work = folderForTest();
  mkdirSync(join(work, "config"));
  for (const [name, text] of Object.entries(own)) writeFileSync(join(work, "config", name), text);
  writeFileSync(join(work, "program"), programOf(own));
  const configs = openDirectory({ directory: join(work, "config"), command: TAKE });
  await configs.prepare();
  for (const { hash, files } of STEPS.slice(0, index)) {
    await configs.handler.apply(offer(hash, files), { signal: new AbortController().signal, previous: undefined });
  }
  return { work, view: STEPS[index - 1]?.view ?? own };
}

function programOf(view: Record<string, string>): string {
  return ["a.yaml", "conf.d/b.yaml", "c.yaml"].map((name) => view[name] ?? "").join("");
}

function copyOf(work: string): string {
  const copy = folderForTest();
  cpSync(work, copy, { recursive: true, verbatimSymlinks: true });
  return copy;
}

/** After a kill: one whole config is there; after recovery that of `view`; and the offer is taken in the end. */
async function checkKilled(work: string, step: Step, old: Record<string, string>, view: Record<string, string>) {
  const directory = join(work, "config");
  expect([old, step.view]).toContainEqual(visible(directory));
  const configs = openDirectory({ directory, command: TAKE });
  await configs.prepare();
  expect(visible(directory)).toEqual(view);
  expect(litter(directory)).toEqual([]);
  expect(readFileSync(join(work, "program"), "utf8")).toBe(programOf(view));
  const effective = await configs.effectiveConfig();
  for (const [name, { body }] of Object.entries(effective)) expect(Buffer.from(body).toString()).toBe(view[name]);
  await configs.handler.apply(offer(step.hash, step.files), {
    signal: new AbortController().signal,
    previous: undefined,
  });
  expect(visible(directory)).toEqual(step.view);
  const reported = Object.entries(await configs.effectiveConfig()).map(([name, { body }]) => [name, String(body)]);
  expect({ ...Object.fromEntries(reported), "notes.txt": own["notes.txt"] }).toEqual(step.view);
  expect(litter(directory)).toEqual([]);
  expect(readFileSync(join(work, "program"), "utf8")).toBe(programOf(step.view));
}

/** What an agent did, in order: "rename <path>". */
function linesOf(trace: string): string[] {
  return readFileSync(trace, "utf8").trimEnd().split("\n");
}

function changesIn(trace: string): string[] {
  return linesOf(trace).filter((line) => !line.startsWith("sync "));
}

/** Runs over some numbers, several at once. */
async function forEachOf(numbers: readonly number[], run: (number: number) => Promise<void>): Promise<void> {
  const left = [...numbers];
  const worker = async () => {
    for (let number = left.shift(); number !== undefined; number = left.shift()) await run(number);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

STEPS.forEach((step, index) => {
  test(`a kill at any file system change while offer ${step.hash} is applied leaves one whole config`, {
    timeout: 60_000,
  }, async () => {
    const { work, view } = await before(index);
    const [trace, counted] = [join(work, "trace"), copyOf(work)];
    expect(await agent(counted, step, { KILL_LOG: trace })).toBe(0);
    expect(visible(join(counted, "config"))).toEqual(step.view);
    const changes = changesIn(trace);
    const commit =
      1 + changes.findIndex((change) => change.startsWith("rm") && change.endsWith("/opamp-config/trial.json"));
    expect(commit).toBeGreaterThan(10);
    await forEachOf(crashPoints([...changes.keys()].map((key) => key + 1)), async (killAt) => {
      const killed = copyOf(work);
      expect(await agent(killed, step, { KILL_AT: String(killAt) })).toBe("SIGKILL");
      await checkKilled(killed, step, view, killAt <= commit ? view : step.view);
      rmSync(killed, { recursive: true });
    });
  });
});

test("a kill at any file system change while files of the user are replaced loses none of them", {
  timeout: 60_000,
}, async () => {
  const { work } = await before(1);
  const changed = { "a.yaml": "a: changed by hand\n", "c.yaml": "c: the user's, come late\n" };
  rmSync(join(work, "config/a.yaml"));
  for (const [name, text] of Object.entries(changed)) writeFileSync(join(work, "config", name), text);
  const step: Step = { hash: "B", files: inB, view: { ...own, ...inB } };
  const view = { ...own, ...inA, ...changed };
  writeFileSync(join(work, "program"), programOf(view));
  const [trace, counted] = [join(work, "trace"), copyOf(work)];
  expect(await agent(counted, step, { KILL_LOG: trace })).toBe(0);
  const changes = changesIn(trace);
  const commit =
    1 + changes.findIndex((change) => change.startsWith("rm") && change.endsWith("/opamp-config/trial.json"));
  await forEachOf(crashPoints([...changes.keys()].map((key) => key + 1)), async (killAt) => {
    const killed = copyOf(work);
    const directory = join(killed, "config");
    expect(await agent(killed, step, { KILL_AT: String(killAt) })).toBe("SIGKILL");
    await checkKilled(killed, step, view, killAt <= commit ? view : step.view);
    const kept = join(directory, ".opamp/opamp-config/changed");
    const texts = Object.values(everything(kept));
    expect(texts, changes[killAt - 1]).toContain(changed["a.yaml"]);
    const configs = openDirectory({ directory });
    await configs.prepare();
    await configs.handler.apply(offer("none", {}), { signal: new AbortController().signal, previous: undefined });
    expect(visible(directory)).toEqual({ ...own, "c.yaml": changed["c.yaml"] });
    rmSync(killed, { recursive: true });
  });
});

for (const onTrial of [false, true]) {
  const what = onTrial ? "an offer on trial" : "an offer in use";
  test(`a kill at any file system change during a takeover of version 0.1.0 with ${what} leaves one whole config`, {
    timeout: 60_000,
  }, async () => {
    const work = folderForTest();
    makeVersion010(work, { onTrial });
    writeFileSync(join(work, "program"), programOf(VIEW_B));
    const [trace, counted] = [join(work, "trace"), copyOf(work)];
    const step: Step = { hash: "C", files: inC, view: { ...own, ...inC } };
    expect(await agent(counted, step, { KILL_LOG: trace })).toBe(0);
    expect(visible(join(counted, "config"))).toEqual(step.view);
    const changes = changesIn(trace);
    const isEnd = (change: string) => change.startsWith("rename") && change.endsWith("/opamp-config.json");
    const end = 1 + changes.findLastIndex(isEnd);
    expect(end).toBeGreaterThan(40);
    const moved = 1 + changes.findIndex((change) => change.startsWith("rm") && change.endsWith("/.opamp/current"));
    expect(moved).toBeGreaterThan(30);
    await forEachOf(crashPoints(Array.from({ length: end }, (_, index) => index + 1)), async (killAt) => {
      const killed = copyOf(work);
      const directory = join(killed, "config");
      expect(await agent(killed, step, { KILL_AT: String(killAt) })).toBe("SIGKILL");
      expect(visible(directory), changes[killAt - 1]).toEqual(VIEW_B);
      const configs = openDirectory({ directory, command: TAKE });
      const { text } = await configs.prepare();
      if (onTrial) expect(text).toContain("was on trial; went back to");
      else if (killAt <= moved) expect(text).toContain("took over");
      else expect([undefined, "removed what was half written"]).toContain(text);
      expect(visible(directory)).toEqual(onTrial ? VIEW_A : VIEW_B);
      expect(litter(directory), changes[killAt - 1]).toEqual([]);
      expect(readdirSync(join(directory, ".opamp"))).toEqual(["opamp-config"]);
      const { "7-42": offerB, ...others } = VERSIONS;
      expect(keptVersions(join(directory, ".opamp"))).toEqual(onTrial ? others : { ...others, "7-42": offerB });
      await checkKilled(killed, step, onTrial ? VIEW_A : VIEW_B, onTrial ? VIEW_A : VIEW_B);
      rmSync(killed, { recursive: true });
    });
  });
}

for (const [when, command] of [
  ["before the program took the config", `kill -9 $PPID; ${TAKE}`],
  ["after the program took the config", `${TAKE}; kill -9 $PPID`],
] as const) {
  test(`an agent killed by its own command ${when} rolls back its files and its program`, {
    timeout: 30_000,
  }, async () => {
    for (const [index, step] of STEPS.entries()) {
      const { work, view } = await before(index);
      expect(await agent(work, step, {}, command)).toBe("SIGKILL");
      await checkKilled(work, step, view, view);
    }
  });
}

test("an offer that killed the agent three times is refused until another one came", {
  timeout: 30_000,
}, async () => {
  const { work } = await before(1);
  const directory = join(work, "config");
  const step: Step = { hash: "deadly", files: { "a.yaml": "a: deadly\n" }, view: { ...own, "a.yaml": "a: deadly\n" } };
  const context = { signal: new AbortController().signal, previous: undefined };
  for (let count = 0; count < 3; count += 1) {
    expect(await agent(work, step, {}, 'test -e "$OPAMP_CONFIG_DIR/conf.d" || kill -9 $PPID')).toBe("SIGKILL");
  }
  const configs = openDirectory({ directory, command: TAKE });
  await configs.prepare();
  await expect(configs.handler.apply(offer(step.hash, step.files), context)).rejects.toMatchObject({
    code: "ERR_OPAMP_HANDLER",
    message: "the agent died 3 times while applying this configuration",
  });
  expect(visible(directory)).toEqual({ ...own, ...inA });
  await configs.handler.apply(offer("B", inB), context);
  await configs.handler.apply(offer(step.hash, step.files), context);
  expect(visible(directory)).toEqual(step.view);
});

test("a version and its links are synced to disk before the version is in use", async () => {
  const { work } = await before(0);
  const trace = join(work, "trace");
  const files = { ...inA, "d.yaml": "d: of A\n", "e.d/f.yaml": "f: of A\n" };
  expect(await agent(work, { hash: "A", files, view: { ...own, ...files } }, { KILL_LOG: trace })).toBe(0);
  const lines = linesOf(trace);
  const switched = lines.findLastIndex((line) => /^rename .*\/\.opamp\/opamp-config\/current$/.test(line));
  expect(lines[switched + 1]).toMatch(/^sync .*\/\.opamp\/opamp-config$/);
  const steps = lines.slice(0, switched);
  let checked = 0;
  steps.forEach((line, index) => {
    const [what = "", path = ""] = line.split(" ");
    const isTemporaryLink = what === "symlink" && /\.opamp-link$|\/tmp\/current$/.test(path);
    const isThere = what === "mkdir" && !path.includes("/opamp-config/");
    if (isTemporaryLink || isThere || !["open", "link", "mkdir", "rename", "symlink"].includes(what)) return;
    // The name is in its directory, and for a file also what is in it; a temporary name need not last.
    const later = steps.slice(index + 1);
    if (!dirname(path).endsWith("/opamp-config/tmp")) expect(later, line).toContain(`sync ${dirname(path)}`);
    if (what === "open" || what === "link") expect(later, line).toContain(`sync ${path}`);
    checked += 1;
  });
  expect(checked).toBeGreaterThan(15);
});
