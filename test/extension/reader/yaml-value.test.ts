import { afterEach, describe, expect, test, vi } from "vitest";
import { OpAMPError } from "../../../src/errors.js";
import { configSource, yamlValue } from "../../../src/extension/reader/config-source.js";
import { refusal } from "../../client/refusal.js";

afterEach(() => {
  vi.restoreAllMocks();
});

/** A map whose values refer, level by level, to nine of the level before. */
function bomb(levels: number, first: string, item: (alias: string) => string): string {
  const lines = [`l0: &l0 ${first}`];
  for (let level = 1; level <= levels; level += 1) lines.push(`l${level}: &l${level} ${item(`*l${level - 1}`)}`);
  return `${lines.join("\n")}\n`;
}

const nine = (alias: string): string => `[${Array(9).fill(alias).join(", ")}]`;

describe("aliases are bounded by what they amount to, not by how many there are", () => {
  test.each([
    ["a value", 150, (index: number) => `batch/${index}: *common`],
    ["a merge", 150, (index: number) => `batch/${index}: { <<: *common, index: ${index} }`],
    ["a value", 20_000, (index: number) => `batch/${index}: *common`],
    ["a merge of several", 20_000, (index: number) => `batch/${index}: { <<: [*common, *other] }`],
  ])("%s, used %d times, is read", (_, times, line) => {
    const uses = Array.from({ length: times }, (_use, index) => line(index));
    const text = ["common: &common { timeout: 5s }", "other: &other { a: 1 }", ...uses].join("\n");
    const root = configSource(text).root as Record<string, unknown>;
    expect(Object.keys(root)).toHaveLength(times + 2);
    expect(root[`batch/${times - 1}`]).toMatchObject({ timeout: "5s" });
  });

  test.each([
    ["of lists", bomb(9, "[x, x, x]", nine)],
    [
      "of maps",
      bomb(
        9,
        "{ a: x }",
        (alias) =>
          `{ ${"abcdefghi"
            .split("")
            .map((key) => `${key}: ${alias}`)
            .join(", ")} }`,
      ),
    ],
    ["of merged lists of lists", bomb(9, "{ a: [x] }", (alias) => `{ b: ${nine(alias)}, <<: ${alias} }`)],
    ["of one long text", `a: &a ${"x".repeat(100_000)}\nb: [${Array(1_000).fill("*a").join(", ")}]\n`],
  ])("a bomb %s is refused, with its place", (_, text) => {
    const { message, hint } = refusal(() => configSource(text));
    expect(message).toMatch(/^config: its aliases stand for too much \(line \d+, column \d+\)$/);
    expect(hint).toBe("write out what the aliases repeat");
  });

  test("a value from a variable that is a bomb stays text", () => {
    const text = `{${bomb(9, "[x]", nine).trim().replaceAll("\n", ", ")}}`;
    expect(yamlValue(text)).toBe(text);
    expect(
      yamlValue(`{ a: &a { b: 1 }, ${Array.from({ length: 150 }, (_, at) => `k${at}: *a`).join(", ")} }`),
    ).toMatchObject({
      k149: { b: 1 },
    });
  });
});

test("merges go by the rules: what is written counts, then the first that is merged", () => {
  const text = `
a: &a { x: 1, y: 1 }
b: &b { y: 2, z: 2 }
first: { <<: *a, x: 0 }
last: { x: 0, <<: *a }
several: { <<: [*b, *a] }
quoted: { "<<": 5 }
proto: { <<: { __proto__: 1 }, constructor: 2 }
`;
  const root = configSource(text).root as Record<string, Record<string, unknown>>;
  expect(root).toMatchObject({
    first: { x: 0, y: 1 },
    last: { x: 0, y: 1 },
    several: { y: 2, z: 2, x: 1 },
    quoted: { "<<": 5 },
  });
  expect(Object.entries(root["proto"] ?? {})).toEqual([
    ["__proto__", 1],
    ["constructor", 2],
  ]);
});

test("the last anchor of a name before an alias counts", () => {
  expect(configSource("a: &x 1\nb: *x\nc: &x 2\nd: *x\n").root).toEqual({ a: 1, b: 1, c: 2, d: 2 });
});

test("keys are compared with so many others as grow with the text", () => {
  let compared = 0;
  const { some } = Array.prototype;
  vi.spyOn(Array.prototype, "some").mockImplementation(function (this: unknown[], ...args) {
    compared += this.length;
    return some.apply(this, args);
  });
  const keys = 3_000;
  configSource(Array.from({ length: keys }, (_, index) => `key${index}: value\n`).join(""));
  expect(compared).toBeLessThan(keys * 20);
});

describe("what is wrong with a text", () => {
  test("is told all at once, as far as one mistake is not the reason for the next", () => {
    const { message } = refusal(() => configSource("a: 1\na: 2\nb: *gone\nc: { d: 1, d: 2 }\n"));
    expect(message.split("\n")).toEqual([
      "config: this is not YAML: duplicate key (line 2, column 1) (correct the line, or the one before it)",
      'config: this is not YAML: an alias has no anchor before it (line 3, column 4) (correct the name after the *, or put the text in quotes if none is meant, such as "*")',
      "config: this is not YAML: duplicate key (line 4, column 12) (correct the line, or the one before it)",
    ]);
    const escapes = refusal(() => configSource('a: "\\q"\nb: "\\z"\n')).message.split("\n");
    expect(escapes.map((line) => /\(line (\d)/.exec(line)?.[1])).toEqual(["1", "2"]);
  });

  test("is one mistake where the rest follows from it", () => {
    const error = refusal(() => configSource("a: b: c\n  d: [\n}\n"));
    expect(error).toBeInstanceOf(OpAMPError);
    expect(error.message.split("\n")).toHaveLength(1);
  });
});

describe("the place of a key", () => {
  const text = "base: &b { ws: { endpoint: x } }\nserver: { <<: *b, list: [1, { two: 2 }] }\nother: *b\n";
  const { positionOf } = configSource(text);

  test.each([
    [["server", "list", 1, "two"], { line: 2, column: 31 }],
    [["server", "ws", "endpoint"], { line: 1, column: 18 }],
    [["other", "ws"], { line: 1, column: 12 }],
    [["server", "list", 7], { line: 2, column: 19 }],
    [["server", "gone", "below"], { line: 2, column: 1 }],
  ])("%j, or of the nearest one above, is %j", (path, place) => {
    expect(positionOf(path)).toEqual(place);
  });

  test("is not known where nothing of the path is there", () => {
    expect(positionOf(["gone"])).toBeUndefined();
  });
});
