import { expect, test } from "vitest";
import { terminalChart } from "../../../../src/simulate/picture/terminal-chart.js";
import { resultOf } from "./results.js";

const plain = { columns: 50, ascii: true };

test("a terminal chart shows attempts and connected agents over time", () => {
  expect(terminalChart([resultOf("ramp", [10, 20, 40, 20, 0, 0])], plain)).toMatchInlineSnapshot(`
    "attempts per second
           40 +             #######
              |             #######
           30 +             #######
              |             #######
              |             #######
           20 +       ###################
              |       ###################
           10 +:::::::###################
              |##########################
              |##########################
            0 ++------------+------------+------------
               0 s          2 s          4 s

    agents connected
          100 +                    :::::::::::::::::::
           80 +             :::::::###################
           60 +             ##########################
           40 +       ::::::##########################
           20 +:::::::################################
            0 ++------------+------------+------------
               0 s          2 s          4 s"
  `);
});

test("a terminal chart uses ASCII alone where it must, also for names", () => {
  const results = [resultOf("Zürich \u001b[31m", [1, 2]), resultOf("Go", [2, 1])];
  expect(terminalChart(results, plain)).toMatch(/^[ -~\n]+$/);
  expect(terminalChart(results, { ...plain, ascii: false })).toMatch(/Zürich \?\[31m: attempts[\s\S]*█/);
});

test.each([20, 40, 61, 80, 400])("a terminal chart of %i columns fits, from 40 to 120", (columns) => {
  const chart = terminalChart(
    [
      resultOf(
        "x",
        Array.from({ length: 700 }, (_, at) => at % 50),
      ),
    ],
    { columns, ascii: false },
  );
  const longest = Math.max(...chart.split("\n").map((line) => line.length));
  expect(longest).toBeLessThanOrEqual(Math.min(120, Math.max(40, columns)));
  expect(longest).toBeGreaterThanOrEqual(38);
});

test("a peak of one second in many is not averaged away", () => {
  const attempts = Array.from({ length: 1_000 }, (_, second) => (second === 501 ? 100 : 10));
  const [first = ""] = terminalChart([resultOf("x", attempts)], plain)
    .split("\n")
    .slice(1);
  expect(first).toMatch(/100 \+ +#/);
});

test("a herd is shown on a logarithmic axis, and an even return on a linear one", () => {
  expect(terminalChart([resultOf("herd", [100_000, 10, 10, 10, 10])], plain)).toContain("(logarithmic)");
  expect(terminalChart([resultOf("even", [100, 110, 90, 100])], plain)).not.toContain("(logarithmic)");
});

test("runs inside a result have a chart each, with the same axes", () => {
  const runs = [resultOf("ours", [5, 5, 5, 5]), resultOf("go", [50, 1])];
  const chart = terminalChart([{ ...resultOf("both", []), runs }], plain);
  expect(chart.match(/^.*: attempts per second$/gm)).toEqual(["ours: attempts per second", "go: attempts per second"]);
  // 40 of the attempts is at the same height in both.
  const [ours = "", go = ""] = chart.split("\n\n");
  const rows = [ours, go].map((text) => text.split("\n").findIndex((line) => /^ +40 \+/.test(line)));
  expect(rows).toEqual([2, 2]);
});
