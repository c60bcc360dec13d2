import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { errorCodes } from "../../src/errors.js";

const page = readFileSync(resolve(import.meta.dirname, "../../docs/errors.md"), "utf8");
const sections = page
  .split(/^## /m)
  .slice(1)
  .map((section) => ({ code: section.split("\n")[0], section }));

describe("the page of errors", () => {
  test("has one heading for each code, in the code's order", () => {
    expect(sections.map(({ code }) => code)).toEqual(errorCodes);
  });

  test.each(sections)("says when $code happens, what to do and whether it is tried again", ({ section }) => {
    expect([...section.matchAll(/^- \*\*(.+?)\*\*: /gm)].map(([, label]) => label)).toEqual([
      "When",
      "What to do",
      "Tried again",
    ]);
  });
});
