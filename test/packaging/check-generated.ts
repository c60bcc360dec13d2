import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { inTemporaryFolder } from "./in-temporary-folder.js";

// Whether src/gen is exactly what a fresh generation from proto/ makes.

const root = resolve(import.meta.dirname, "../..");

function filesIn(folder: string): ReadonlyMap<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
  return new Map(
    files
      .filter((file) => statSync(join(folder, file)).isFile())
      .map((file) => [file, readFileSync(join(folder, file), "utf8")]),
  );
}

const stale = await inTemporaryFolder((folder) => {
  // The template's output folder is relative to proto/, so the same depth is kept here.
  const base = join(folder, "proto");
  mkdirSync(base);
  execFileSync("buf", ["generate", "--output", base], { cwd: join(root, "proto"), stdio: "inherit" });
  const fresh = filesIn(join(folder, "src/gen"));
  const committed = filesIn(join(root, "src/gen"));
  return [...new Set([...fresh.keys(), ...committed.keys()])].filter((file) => fresh.get(file) !== committed.get(file));
});

if (stale.length > 0) {
  console.error(`differs from a fresh \`npm run generate\`: ${stale.map((file) => `src/gen/${file}`).join(", ")}`);
  process.exitCode = 1;
} else {
  console.log("src/gen is what proto/ generates");
}
