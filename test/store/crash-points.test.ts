import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import type { StoredState } from "../../src/index.js";
import { crashPoints } from "../end-to-end/crash/crash-points.js";
import { builtProgram } from "./built-program.js";
import type { CrashOrders, CrashReport } from "./crash-program.js";
import { BLOBS, STATES } from "./crash-states.js";
import { config, filesIn, found, saved, storeIn, temporaryFolder } from "./store-fixture.js";

const WORKERS = 3;
const STATE_FILES = /^state\.json(\.corrupt)?$/;

type Operation = Extract<CrashReport, { type: "operation" }>;

/** Runs the program to its end, whichever that is. */
async function run(program: string, orders: CrashOrders) {
  const child = spawn(process.execPath, [program, JSON.stringify(orders)], { stdio: ["ignore", "pipe", "inherit"] });
  const [output, [code, signal]] = await Promise.all([text(child.stdout), once(child, "close")]);
  const lines = output.split("\n").filter((line) => line !== "");
  return { reports: lines.map((line) => JSON.parse(line) as CrashReport), code, signal };
}

const operationsIn = (reports: readonly CrashReport[]): readonly Operation[] =>
  reports.filter((report) => report.type === "operation");

/** The state before the save that was under way, and the one that it was to write. */
function expected(reports: readonly CrashReport[], initial: StoredState | undefined): readonly unknown[] {
  const marks = reports.filter((report) => report.type !== "operation");
  const last = marks.at(-1);
  if (last === undefined) return [initial];
  const [old, next] = [last.index === 0 ? initial : STATES[last.index - 1], STATES[last.index]];
  return last.type === "saved" ? [next] : [old, next];
}

/** Kills the program at each of its operations in turn, each time in a copy of the folder, and looks at what is left. */
async function atEachPoint(
  folder: string,
  work: Pick<CrashOrders, "saves" | "blobs">,
  look: (directory: string, reports: readonly CrashReport[]) => Promise<void>,
): Promise<readonly CrashReport[]> {
  const program = await builtProgram("crash-program");
  const copies = await temporaryFolder();
  const fresh = async (): Promise<string> => {
    const directory = await mkdtemp(join(copies, "c-"));
    await cp(folder, directory, { recursive: true });
    return directory;
  };
  const whole = await run(program, { directory: await fresh(), ...work, killAt: 0 });
  expect(whole.code).toBe(0);
  const all = operationsIn(whole.reports).flatMap(({ name }, index) => {
    const killAt = index + 1;
    return name === "write" ? [{ killAt }, { killAt, half: true }] : [{ killAt }];
  });
  const points = crashPoints(all);
  const worker = async (): Promise<void> => {
    for (let point = points.shift(); point !== undefined; point = points.shift()) {
      const directory = await fresh();
      const { reports, signal } = await run(program, { directory, ...work, ...point });
      expect(signal).toBe("SIGKILL");
      expect(operationsIn(reports)).toHaveLength(point.killAt);
      await look(join(directory, "store"), reports);
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, worker));
  return whole.reports;
}

/**
 * The lock can be taken at once, a save works, and nothing of ours is left over that no state names.
 *
 * @param foreign the names of other files, which stay
 */
async function expectToGoOn(directory: string, foreign: readonly string[] = []): Promise<void> {
  const { store, reports, load } = storeIn(directory, { lockWaitMs: 0 });
  await load();
  expect(reports).toEqual([]);
  const state = { instanceUid: new Uint8Array(16).fill(3), lastGoodConfig: config(3, "three: 3") };
  await store.save(state);
  await store.close();
  expect((await found(directory)).state).toEqual(state);
  const others = (await filesIn(directory)).filter((name) => !STATE_FILES.test(name));
  const { lastGoodConfig } = JSON.parse(await readFile(join(directory, "state.json"), "utf8"));
  expect(others).toEqual([...foreign, lastGoodConfig.file].sort());
}

describe("a process that is killed at any moment", () => {
  test("leaves the old state or the new one, in a new directory", async () => {
    const reports = await atEachPoint(await temporaryFolder(), { saves: STATES.length }, async (directory, said) => {
      const { state, reports } = await found(directory);
      expect(reports).toEqual([]);
      expect(expected(said, undefined)).toContainEqual(state);
      await expectToGoOn(directory);
    });
    expectDurable(reports, STATES.length + 2);
  }, 60_000);

  test("leaves damaged and superseded files from before for the next process to handle", async () => {
    const folder = await temporaryFolder();
    const directory = join(folder, "store");
    await mkdir(directory);
    await saved(directory, { lastGoodConfig: config(5, "five: 5") });
    await writeFile(join(directory, "state.json"), '{"version": 1, "instanceUid"');
    await writeFile(join(directory, "state.json.0123456789ab.tmp"), "{");
    const foreign = `config-${"0".repeat(64)}`;
    await writeFile(join(directory, foreign), "of nobody");
    await atEachPoint(folder, { saves: 1 }, async (place, said) => {
      const { state } = await found(place);
      expect(expected(said, undefined)).toContainEqual(state);
      expect(await readFile(join(place, "state.json.corrupt"), "utf8")).toBe('{"version": 1, "instanceUid"');
      await expectToGoOn(place, [foreign]);
      expect(await readFile(join(place, foreign), "utf8")).toBe("of nobody");
    });
  }, 60_000);

  test("leaves the old blob or the new one, never one older than the state that names it", async () => {
    const reports = await atEachPoint(
      await temporaryFolder(),
      { saves: 0, blobs: BLOBS.length },
      async (place, said) => {
        const { store, reports, load } = storeIn(place, { lockWaitMs: 0 });
        const { heartbeatMs: named = 0 } = (await load()) ?? {};
        const blob = await store.blobs.read("key");
        expect(expectedBlobs(said)).toContainEqual(blob);
        expect([undefined, ...BLOBS].slice(named)).toContainEqual(blob);
        expect(reports).toEqual([]);
        const whole = blob === undefined ? ["state.json"] : ["blob-key", "state.json"];
        expect(whole).toEqual(expect.arrayContaining([...(await filesIn(place))]));
        await store.close();
        await expectToGoOn(place, blob === undefined ? [] : ["blob-key"]);
      },
    );
    const writes = BLOBS.filter((blob) => blob !== undefined).length;
    expectDurable(reports, writes + BLOBS.length);
    const operations = operationsIn(reports);
    const removed = operations.findIndex(({ name, file }) => name === "unlink" && file === "blob-key");
    expect(operations.slice(removed + 1, removed + 3)).toMatchObject([
      { name: "open", file: "store" },
      { name: "sync", file: "store" },
    ]);
  }, 60_000);
});

/** The blob before the change that was under way, and the one that it was to make. */
function expectedBlobs(reports: readonly CrashReport[]): readonly unknown[] {
  const last = reports.filter(({ type }) => type === "changing" || type === "changed").at(-1);
  if (last === undefined || last.type === "operation") return [undefined];
  const [old, next] = [BLOBS[last.index - 1], BLOBS[last.index]];
  return last.type === "changed" ? [next] : [old, next];
}

/** Each file is whole on disk before it gets its name, and the name is on disk before anything else happens. */
function expectDurable(reports: readonly CrashReport[], writes: number): void {
  const operations = operationsIn(reports);
  const made = operations.findIndex(({ name }) => name === "mkdir");
  expect(operations.slice(made, made + 3)).toMatchObject([
    { name: "mkdir", file: "store" },
    { name: "open", file: expect.stringMatching(/^c-/) },
    { name: "sync" },
  ]);
  const renames = operations.flatMap(({ name }, index) => (name === "rename" ? [index] : []));
  expect(renames).toHaveLength(writes);
  for (const at of renames) {
    const { file } = operations[at] ?? { file: "" };
    const before = operations.slice(0, at).filter((operation) => operation.file === file);
    expect(before.map(({ name }) => name)).toEqual(["open", ...before.slice(2).map(() => "write"), "sync"]);
    expect(operations.slice(at + 1, at + 3)).toMatchObject([
      { name: "open", file: "store" },
      { name: "sync", file: "store" },
    ]);
  }
}
