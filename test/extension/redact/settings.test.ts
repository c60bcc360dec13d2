import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createConfigRedactor } from "../../../src/extension/redact/config-redactor.js";
import { isFull } from "../../end-to-end/full/long-tests.js";

// Settings of real programs with values that were made up: «a secret», and ‹what must stay readable›.

const FOLDER = join(import.meta.dirname, "settings");
const { text: redact } = createConfigRedactor();

interface Block {
  what: string;
  text: string;
  secrets: readonly string[];
  harmless: readonly string[];
}

/** Blocks under a line such as `=== nginx.conf`. */
function blocksOf(file: string): Block[] {
  return readFileSync(join(FOLDER, file), "utf8")
    .split(/^=== /m)
    .slice(1)
    .map((block) => {
      const [what = "", ...lines] = block.split("\n");
      const marked = lines.join("\n");
      const secrets = [...marked.matchAll(/«([^»]*)»/g)].map(([, secret = ""]) => secret);
      const harmless = [...marked.matchAll(/‹([^›]*)›/g)].map(([, value = ""]) => value);
      return { what, text: marked.replaceAll(/[«»‹›]/g, ""), secrets, harmless };
    });
}

const files = readdirSync(FOLDER).map((file) => ({ file, blocks: blocksOf(file) }));

describe.each(files)("in the settings of $file", ({ blocks }) => {
  test.for(blocks)("$what: what is secret is hidden, and the rest stays readable", ({ text, secrets, harmless }) => {
    const shown = redact(text);
    expect(secrets.filter((secret) => shown.includes(secret))).toEqual([]);
    expect(harmless.filter((value) => !shown.includes(value))).toEqual([]);
    expect(redact(shown)).toBe(shown);
  });

  // Each takes as long as all the others together.
  const some = isFull ? blocks : blocks.filter((_, index) => index % 10 === 0);
  test.for(some)("$what: what is secret is hidden in a large file too", ({ text, secrets }) => {
    const shown = redact(`${"# ".padEnd(66_000, "x\n# ")}\n${text}`);
    expect(secrets.filter((secret) => shown.includes(secret))).toEqual([]);
  });
});

test("there are settings of many programs", () => {
  const all = files.flatMap(({ blocks }) => blocks);
  expect(all.length).toBeGreaterThan(110);
  expect(all.flatMap(({ secrets }) => secrets).length).toBeGreaterThan(200);
  expect(all.flatMap(({ harmless }) => harmless).length).toBeGreaterThan(200);
});
