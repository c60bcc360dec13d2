import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

// Plain technical English: words and phrases that keep a reader from what is meant.

const WORDS = [
  /\bwhoever\b/i,
  /\bwish(?:es)?\b/i,
  /\bheeds?\b/i,
  /\bmends?\b/i,
  /\banew\b/i,
  /\bto be had\b/i,
  /\bleft away\b/i,
  /\bgoodbye to\b/i,
  /\bgoes the way\b/i,
  /\bno way leads\b/i,
  /\banybody on the way\b/i,
  /\bmakes no tunnels\b/i,
  /\bfor the occasion\b/i,
  // "there is no such file" is fine, "this is no file" is not.
  /(?<!there )\bis no (?!longer\b|more\b|less\b|such\b)/i,
];
const READ = /^(?:README\.md|docs\/.*\.(?:md|ts)|(?:src|test)\/.*\.(?:ts|cjs|mjs|mts))$/;
/** Generated, and this list. */
const NOT_READ = /^(?:src\/gen\/|docs\/conformance\.md$|test\/packaging\/check-words\.ts$)|\/node_modules\//;

const files = ["README.md", ...["src", "test", "docs"].flatMap(filesIn)];
for (const file of files.filter((path) => READ.test(path) && !NOT_READ.test(path))) {
  for (const [index, line] of readFileSync(file, "utf8").split("\n").entries()) {
    const found = WORDS.map((word) => word.exec(line)?.[0]).find((word) => word !== undefined);
    if (found === undefined) continue;
    console.error(`${file}:${index + 1}: say "${found.trim()}" in a plainer way: ${line.trim()}`);
    process.exitCode = 1;
  }
}

function filesIn(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
