import { expect, test } from "vitest";
import { SVG_MARK, svgChart } from "../../../../src/simulate/picture/svg-chart.js";
import { resultOf } from "./results.js";
import { allIn, parseXml } from "./xml.js";

const before = resultOf("ours, before", [0, 900, 30, 20]);
const after = resultOf("ours, after", [100, 100, 100, 100, 100, 100]);

function textsOf(svg: string): readonly string[] {
  return allIn(parseXml(svg))
    .filter(({ name }) => name === "text")
    .map(({ text }) => text);
}

test("an SVG picture is XML without scripts, links and other documents", () => {
  const svg = svgChart([before, after]);
  const elements = allIn(parseXml(svg));
  expect(new Set(elements.map(({ name }) => name))).toEqual(new Set(["svg", "title", "style", "rect", "text", "path"]));
  const names = new Set(elements.flatMap(({ attributes }) => Object.keys(attributes)));
  expect([...names].filter((name) => /^on|href|src/i.test(name))).toEqual([]);
  expect(svg).not.toMatch(/url\(|@import/);
});

test("an SVG picture has a line for each run, named in a legend, and units on its axes", () => {
  const svg = svgChart([before, after], "a restart");
  const texts = textsOf(svg);
  expect(texts).toEqual(expect.arrayContaining(["a restart", "ours, before", "ours, after", "1,000", "0 s", "2 s"]));
  expect(texts).toEqual(expect.arrayContaining(["attempts per second", "agents connected"]));
  const lines = allIn(parseXml(svg)).filter(({ attributes }) => attributes["class"] === "s1");
  // In the legend and in both charts.
  expect(lines).toHaveLength(3);
});

test("an SVG picture shows names with characters that XML gives a meaning, and none that it does not allow", () => {
  const name = `<b onload="x">&amp; 'quoted' ]]>`;
  const texts = textsOf(svgChart([resultOf(name, [1]), resultOf("bell\u0007 half \ud800", [1])]));
  expect(texts).toContain(name);
  expect(texts).toContain("bell? half ?");
});

test("an SVG picture follows the colours that the reader prefers", () => {
  const [style] = allIn(parseXml(svgChart([after]))).filter(({ name }) => name === "style");
  const [light = "", dark = ""] = style?.text.split("@media (prefers-color-scheme:dark)") ?? [];
  for (const rule of [".b{fill:", ".t{fill:", ".s0{stroke:"]) {
    const at = (css: string): string => css.slice(css.indexOf(rule), css.indexOf("}", css.indexOf(rule)));
    expect(at(light)).toContain(rule);
    expect(at(dark)).not.toBe(at(light));
  }
});

test("the same results make the same bytes, which begin with the mark of the command", () => {
  const make = () => svgChart([structuredClone(before), structuredClone(after)]);
  expect(make()).toBe(make());
  expect(make().indexOf(SVG_MARK)).toBeLessThan(400);
  expect(make()).not.toBe(svgChart([after, before]));
});

test("a line is as high as its values: the middle of a linear axis for half of the most", () => {
  const svg = svgChart([resultOf("a", [100, 50])]);
  const [path] = allIn(parseXml(svg)).filter(({ attributes }) => attributes["class"] === "s0");
  const [, top = 0, , middle = 0] = [...(path?.attributes["d"] ?? "").matchAll(/[\d.]+/g)].map(Number);
  const bottom = top + 220;
  expect(middle).toBeCloseTo((top + bottom) / 2);
});

test("a result without a single second is drawn all the same", () => {
  expect(textsOf(svgChart([resultOf("nothing", [])]))).toContain("agents connected");
  expect(textsOf(svgChart([{ ...after, runs: [before, after] }]))).toContain("ours, before");
});
