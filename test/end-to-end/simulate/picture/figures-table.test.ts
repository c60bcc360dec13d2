import { expect, test } from "vitest";
import { figuresTable } from "../../../../src/simulate/picture/figures-table.js";
import { numberText, timeText } from "../../../../src/simulate/picture/series.js";
import { resultOf } from "./results.js";

test("the figures of a run are a table with units and notes", () => {
  const figures = [
    { name: "attempts", value: 12_345, unit: "attempts" },
    { name: "all back", value: 71.46, unit: "s", note: "after the server" },
  ];
  expect(figuresTable(resultOf("server-restart", [1_000, 500], { figures }))).toBe(
    [
      "server-restart: 1,500 agents, seed 7",
      "",
      "  attempts  12,345  attempts",
      "  all back    71.5  s (after the server)",
    ].join("\n"),
  );
});

test("the figures of several runs stand side by side", () => {
  const run = (name: string, figures: Record<string, number>) =>
    resultOf(name, [1], {
      figures: Object.entries(figures).map(([figure, value]) => ({ name: figure, value, unit: "s" })),
    });
  const runs = [run("ours", { a: 1 }), run("go", { a: 2, b: 3 })];
  expect(
    figuresTable({ ...resultOf("both", []), runs })
      .split("\n")
      .slice(2),
  ).toEqual(["     ours  go", "  a     1   2  s", "  b     -   3  s"]);
});

test.each([
  [0, "0"],
  [0.123_4, "0.123"],
  [99.99, "100"],
  [1_234.6, "1,235"],
  [1_000_000, "1,000,000"],
])("%d is written %s", (value, text) => {
  expect(numberText(value)).toBe(text);
});

test("moments are in the unit that fits the length of the axis", () => {
  expect([timeText(90, 300), timeText(90, 600), timeText(5_400, 10_000)]).toEqual(["90 s", "1.5 min", "1.5 h"]);
});
