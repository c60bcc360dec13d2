import { describe, expect, test } from "vitest";
import { groups, isRequirementId, requirementIds, waivers } from "../conformance/requirements.js";
import { citations, citationsIn } from "./generate/citations.js";
import { conformance } from "./generate/conformance.js";

describe("the catalogue of requirements", () => {
  test("has 183 ids, numbered from 01 without a gap in each group", () => {
    expect(requirementIds).toHaveLength(183);
    for (const group of Object.keys(groups)) {
      const own = requirementIds.filter((id) => id.startsWith(`${group}-`));
      expect(own).toEqual(own.map((_, index) => `${group}-${String(index + 1).padStart(2, "0")}`));
      expect(own).not.toHaveLength(0);
    }
  });

  test("waives only what it has", () => {
    expect(Object.keys(waivers).filter((id) => !isRequirementId(id))).toEqual([]);
  });
});

describe("the citations of the tests", () => {
  const cited = citations();
  const citedIds = new Set(cited.flatMap(({ ids }) => ids));

  test("include every requirement without a waiver", () => {
    expect(requirementIds.filter((id) => !citedIds.has(id) && waivers[id] === undefined)).toEqual([]);
  });

  test("include no waived requirement", () => {
    expect(requirementIds.filter((id) => citedIds.has(id) && waivers[id] !== undefined)).toEqual([]);
  });

  test("include no unknown requirement", () => {
    expect(cited.filter(({ ids }) => !ids.every(isRequirementId))).toEqual([]);
  });
});

describe("finding citations", () => {
  test("reads one id, several ids and titles with parts filled in", () => {
    const text = [
      'verifies("WS-01", "one", () => {});',
      'for (const name of names) verifies(["WS-02", "WS-03"], `two over $' + "{name}`, async () => {});",
    ].join("\n");
    expect(citationsIn(text, "x.test.ts")).toEqual([
      { ids: ["WS-01"], title: "one", file: "x.test.ts", line: 1 },
      { ids: ["WS-02", "WS-03"], title: "two over {name}", file: "x.test.ts", line: 2 },
    ]);
  });

  test("does not take comments and other calls for citations", () => {
    expect(citationsIn('// verifies("WS-01", "x")\ntest("verifies(1)", () => {});', "x.test.ts")).toEqual([]);
  });

  test("refuses ids that are not literals", () => {
    expect(() => citationsIn('\nverifies(ids, "x", () => {});', "x.test.ts")).toThrow("x.test.ts:2");
  });
});

test("the page counts what is proved and what is waived, and names each proof once", () => {
  const proof = { ids: ["WS-01", "WS-02"], title: "a | b", file: "test/x.test.ts", line: 1 };
  const page = conformance([proof, { ...proof, line: 9 }]);
  expect(page.split("\n")[2]).toBe(`2 proved, ${Object.keys(waivers).length} waived of 183`);
  expect(page.match(/`test\/x\.test\.ts`: a \\\| b/g)).toHaveLength(2);
  expect(page).toContain(`*waived: ${waivers["PKG-01"]}*`);
});
