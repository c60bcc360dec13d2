import { InvalidArgumentError } from "commander";
import { describe, expect, test } from "vitest";
import * as values from "../../../../src/cli/simulate/values.js";

const cases: readonly [
  parse: (text: string) => unknown,
  right: readonly [string, unknown][],
  wrong: readonly string[],
][] = [
  [
    values.wholeNumber,
    [
      ["1", 1],
      ["5000", 5_000],
      ["1e6", 1_000_000],
      ["1_000_000", 1_000_000],
    ],
    ["0", "-1", "1.5", "", " ", "x", "1_", "1e400", "NaN", "Infinity"],
  ],
  [
    values.seed,
    [
      ["0", 0],
      ["4294967295", 4_294_967_295],
    ],
    ["-1", "4294967296", "0.5", "", "seed"],
  ],
  [
    values.seconds,
    [
      ["0", 0],
      ["0.5", 0.5],
      ["604800", 604_800],
    ],
    ["-1", "604801", "", "10s", "NaN"],
  ],
  [values.secondsAboveZero, [["0.1", 0.1]], ["0", "-3", "x"]],
  [
    values.percent,
    [
      ["5%", 0.05],
      ["0%", 0],
      ["100%", 1],
      [" 0.5% ", 0.005],
    ],
    ["5", "101%", "-1%", "%", "5 %%", "five%"],
  ],
  [
    values.percentPerMinute,
    [
      ["150%", 1.5],
      ["10000%", 100],
    ],
    ["10001%", "150", "-5%"],
  ],
  [
    values.words,
    [
      ["a", ["a"]],
      ["1.0, 2.0", ["1.0", "2.0"]],
    ],
    ["", "a,,b", ","],
  ],
  [
    values.attribute,
    [
      ["team=a", { team: "a" }],
      ["a = b=c ", { a: "b=c" }],
      ["empty=", { empty: "" }],
    ],
    ["team", "=a", ""],
  ],
];

describe.each(cases)("%o", (parse, right, wrong) => {
  test.each(right)("takes %j", (text, value) => {
    expect(parse(text)).toEqual(value);
  });

  test.each(wrong.map((text) => [text]))("refuses %j", (text) => {
    expect(() => parse(text)).toThrow(InvalidArgumentError);
  });
});

test("attributes add up, and the last of a name counts", () => {
  const first = values.attribute("a=1");
  expect(values.attribute("a=2", values.attribute("b=3", first))).toEqual({ a: "2", b: "3" });
  expect(first).toEqual({ a: "1" });
});
