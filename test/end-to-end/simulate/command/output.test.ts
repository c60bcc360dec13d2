import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { checkPlace, isUtf8, printResult, progressOn, writePicture } from "../../../../src/cli/simulate/output.js";
import type { Terminal } from "../../../../src/cli/terminal.js";
import type { SimulationResult } from "../../../../src/simulate/result.js";
import { folderForTest } from "./folder.js";

const result: SimulationResult = {
  scenario: "server-restart",
  agents: 2,
  seed: 3,
  seconds: [
    { second: 0, attempts: 2, accepted: 1, refused: 1, connected: 1 },
    { second: 1, attempts: 1, accepted: 1, refused: 0, connected: 2 },
  ],
  figures: [{ name: "all back", value: 1.5, unit: "s", note: undefined }],
};

function terminal(more: Partial<Terminal> = {}) {
  const lines = { out: [] as string[], err: [] as string[] };
  const shown: Terminal = {
    colours: false,
    print: (line) => void lines.out.push(line),
    complain: (line) => void lines.err.push(line),
    exit() {},
    ...more,
  };
  return { lines, shown };
}

describe("a picture", () => {
  test("is written beside nothing, and again over itself, and leaves nothing else behind", async () => {
    const folder = folderForTest();
    const svg = join(folder, "picture.svg");
    await writePicture(result, { svg });
    const first = readFileSync(svg, "utf8");
    expect(first).toMatch(/^<svg /);
    await writePicture({ ...result, seed: 4 }, { svg });
    expect(readFileSync(svg, "utf8")).not.toBe(first);
    expect(readdirSync(folder)).toEqual(["picture.svg"]);
  });

  test.each([
    ["an SVG of somebody else", "<svg></svg>"],
    ["an empty file", ""],
    ["a text", "notes"],
  ])("never takes the place of %s, unless forced to", async (_, text) => {
    const svg = join(folderForTest(), "mine.svg");
    writeFileSync(svg, text);
    const refused = {
      code: "ERR_OPAMP_OPTION",
      message: expect.stringContaining("was not made by opamp simulate"),
      hint: expect.stringContaining("--force"),
    };
    await expect(checkPlace({ svg })).rejects.toMatchObject(refused);
    await expect(writePicture(result, { svg })).rejects.toMatchObject(refused);
    expect(readFileSync(svg, "utf8")).toBe(text);
    await checkPlace({ svg, force: true });
    await writePicture(result, { svg, force: true });
    expect(readFileSync(svg, "utf8")).toMatch(/^<svg /);
  });

  test("is refused before the run where there is a directory, or no directory for it", async () => {
    const folder = folderForTest();
    mkdirSync(join(folder, "a.svg"));
    await expect(checkPlace({ svg: join(folder, "a.svg"), force: true })).rejects.toThrow("is not a file");
    await expect(checkPlace({ svg: join(folder, "none", "a.svg") })).rejects.toThrow(
      /^--svg: the directory .* does not exist$/,
    );
    await expect(checkPlace({})).resolves.toBeUndefined();
  });

  test("takes the place of a link and not of what the link leads to", async () => {
    const folder = folderForTest();
    const [target, svg] = [join(folder, "elsewhere"), join(folder, "link.svg")];
    await writePicture(result, { svg: target });
    const before = readFileSync(target, "utf8");
    symlinkSync(target, svg);
    await writePicture({ ...result, seed: 9 }, { svg });
    expect(readFileSync(target, "utf8")).toBe(before);
    expect(readFileSync(svg, "utf8")).not.toBe(before);
  });

  test("that cannot be written says why and leaves nothing behind", async () => {
    const folder = folderForTest();
    const svg = join(folder, "x".repeat(250));
    await expect(writePicture(result, { svg })).rejects.toThrow(/^--svg: .* cannot be written: /);
    expect(existsSync(svg)).toBe(false);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("a result", () => {
  test("is printed as one JSON object that holds all of it", () => {
    const { lines, shown } = terminal();
    printResult(result, { json: true }, shown);
    expect(lines.out).toHaveLength(1);
    expect(JSON.parse(lines.out.join())).toEqual(JSON.parse(JSON.stringify(result)));
  });

  test("is printed as figures and a picture that is as wide as the terminal", () => {
    const { lines, shown } = terminal({ columns: 60 });
    printResult(result, { ascii: true }, shown);
    const text = lines.out.join("\n");
    expect(text).toMatch(/^server-restart: 2 agents, seed 3\n\n {2}all back {2}1\.5 {2}s\n\nattempts per second\n/);
    expect(text).toMatch(/^[ -~\n]+$/);
    const longest = Math.max(...text.split("\n").map((line) => line.length));
    expect(longest).toBe(60);
  });
});

describe("progress", () => {
  const done = { virtualSeconds: 61, connected: 1_200, agents: 5_000 };

  test("replaces one line on a terminal, and takes it away at the end", () => {
    const shown: string[] = [];
    const { lines, shown: on } = terminal({ rewrite: (line) => void shown.push(line) });
    const progress = progressOn(on);
    progress.onProgress(done);
    progress.onProgress({ ...done, virtualSeconds: 62 });
    progress.end();
    expect(shown).toEqual(["61 s: 1,200 of 5,000 agents connected", "62 s: 1,200 of 5,000 agents connected", ""]);
    expect(lines).toEqual({ out: [], err: [] });
  });

  test("is a line now and then on standard error elsewhere", () => {
    const { lines, shown } = terminal();
    const progress = progressOn(shown);
    for (let call = 0; call < 10; call += 1) progress.onProgress(done);
    progress.end();
    expect(lines).toEqual({ out: [], err: ["61 s: 1,200 of 5,000 agents connected"] });
  });
});

test.each([
  [{ LANG: "en_US.UTF-8" }, true],
  [{ LC_ALL: "C", LANG: "en_US.UTF-8" }, false],
  [{ LC_ALL: "", LC_CTYPE: "de_DE.utf8" }, true],
  [{ LANG: "POSIX" }, false],
  [{}, false],
])("the locale %j allows more than ASCII: %s", (env, expected) => {
  expect(isUtf8(env, "linux")).toBe(expected);
  expect(isUtf8(env, "win32")).toBe(true);
});
