import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { scenarioList } from "../../src/cli/simulate/simulate-virtual.js";
import { opamp } from "../cli/terminal.js";
import { command } from "./generate/simulate-options.js";

const page = readFileSync(new URL("../../docs/simulate.md", import.meta.url), "utf8");

describe("the page about opamp simulate agrees with the command", () => {
  test("on every option, once each", () => {
    for (const { flags } of command.options) expect(page.split(`\n| \`${flags}\` |`)).toHaveLength(2);
  });

  test("on no option that there is not", () => {
    const known = new Set(command.options.flatMap(({ long, short }) => [long, short]));
    // What it says of other commands.
    const others = ["--max-old-space-size", "-n", "-p"];
    const named = page.match(/(?<=[\s`(])--?[a-zA-Z][a-z-]*/g) ?? [];
    expect(named.length).toBeGreaterThan(40);
    expect(named.filter((name) => !known.has(name) && !others.includes(name))).toEqual([]);
  });

  test("on exit codes", async () => {
    const { out } = await opamp("simulate", "--help");
    const codes = [...page.matchAll(/^\| (\d+) \| (.+) \|$/gm)].map(([, code = "", text = ""]) => [code, text]);
    expect(codes.map(([code]) => code)).toEqual(["0", "1", "2", "130"]);
    for (const [code = "", text = ""] of codes) expect(out).toContain(`  ${code.padEnd(3)}  ${text}`);
  });

  test("on the scenario that it runs without being told", () => {
    const usual = command.options.find(({ long }) => long === "--scenario")?.defaultValue;
    expect(scenarioList(false)).toMatch(new RegExp(`^${String(usual)} `, "m"));
  });
});
