import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { groups } from "../conformance/requirements.js";
import { withoutRequirements } from "./without-requirements.js";

test.each([
  ["Sends it (CFG-01).", "Sends it."],
  ["Sends it (CFG-01, CFG-02).", "Sends it."],
  ["Sends it (HEALTH-01 to HEALTH-04).", "Sends it."],
  ["Sends it (as bytes, CFG-01).", "Sends it (as bytes)."],
  [" * Sends it\n * (CFG-01).", " * Sends it."],
  [" * Sends it.\n *\n * @see AUTH-01, AUTH-02\n */", " * Sends it.\n *\n */"],
  ["Reads UTF-16 (UTF-16 or UTF-32).", "Reads UTF-16 (UTF-16 or UTF-32)."],
])("a text loses the ids of requirements: %j", (text, without) => {
  expect(withoutRequirements(text)).toBe(without);
});

test("the API pages have no ids of requirements", () => {
  const folder = new URL("../../docs/api/", import.meta.url);
  const id = new RegExp(`\\b(?:${Object.keys(groups).join("|")})-\\d\\d\\b`);
  for (const page of readdirSync(folder)) expect(id.exec(readFileSync(new URL(page, folder), "utf8"))).toBeNull();
});
