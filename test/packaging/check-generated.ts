import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { apiPages } from "../docs/generate/api.js";
import { inTemporaryFolder } from "./in-temporary-folder.js";

// Whether src/gen is exactly what a fresh generation from proto/ makes, and docs/api what the sources say.

const root = resolve(import.meta.dirname, "../..");

function filesIn(folder: string): ReadonlyMap<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
  return new Map(
    files
      .filter((file) => statSync(join(folder, file)).isFile())
      .map((file) => [file, readFileSync(join(folder, file), "utf8")]),
  );
}

function check(folder: string, command: string, fresh: ReadonlyMap<string, string>): void {
  const committed = filesIn(join(root, folder));
  const all = [...new Set([...fresh.keys(), ...committed.keys()])];
  const stale = all.filter((file) => fresh.get(file) !== committed.get(file));
  if (stale.length === 0) return console.log(`${folder} is what \`${command}\` makes`);
  console.error(`differs from a fresh \`${command}\`: ${stale.map((file) => `${folder}/${file}`).join(", ")}`);
  process.exitCode = 1;
}

await inTemporaryFolder((folder) => {
  // The template's output folder is relative to proto/, so the same depth is kept here.
  const base = join(folder, "proto");
  mkdirSync(base);
  execFileSync("buf", ["generate", "--output", base], { cwd: join(root, "proto"), stdio: "inherit" });
  check("src/gen", "npm run generate", filesIn(join(folder, "src/gen")));
});
check("docs/api", "npm run docs", await apiPages());
