import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = new URL("../../..", import.meta.url).pathname;
const pages = [
  "README.md",
  "CHANGELOG.md",
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" }).map((name) => `docs/${name}`),
];

test("every command line names the package: npx alone would fetch whatever package is called opamp", () => {
  const texts = pages
    .filter((name) => name.endsWith(".md"))
    .map((name) => [name, readFileSync(join(root, name), "utf8")] as const);
  expect(texts.length).toBeGreaterThan(10);
  for (const [name, text] of texts) {
    expect(
      text.match(/npx (?:-y |--yes )?opamp\b(?!-)|^(?:\$ )?opamp (?:agent|doctor|simulate)\b.*/gm) ?? [],
      name,
    ).toEqual([]);
  }
});
