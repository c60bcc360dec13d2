import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { ModuleKind, ScriptTarget, transpileModule } from "typescript";
import { setup as buildGoPrograms } from "../interop/build.js";

const root = resolve(import.meta.dirname, "../..");

/** Where the built package is. */
export const distFolder = join(root, "dist");
/** Where the subjects are compiled to, and profiles kept; inside the package, which they import by its name. */
export const cacheFolder = join(root, ".cache/bench");
/** Where the Go programs are. */
export const goFolder = resolve(import.meta.dirname, "../interop/bin");

/**
 * Compiles the subjects, so that no loader runs in them, and builds the Go programs where there is Go.
 *
 * @returns whether there is
 */
export function prepare(): boolean {
  if (!existsSync(join(distFolder, "index.js"))) throw new Error("dist/ is not built: run `npm run build` first");
  rmSync(cacheFolder, { recursive: true, force: true });
  mkdirSync(cacheFolder, { recursive: true });
  const sources = join(import.meta.dirname, "subjects");
  for (const file of readdirSync(sources)) {
    const { outputText } = transpileModule(readFileSync(join(sources, file), "utf8"), {
      compilerOptions: { module: ModuleKind.ESNext, target: ScriptTarget.ES2023, verbatimModuleSyntax: true },
    });
    writeFileSync(join(cacheFolder, file.replace(/\.ts$/, ".js")), outputText);
  }
  if (spawnSync("go", ["version"]).status !== 0) return false;
  buildGoPrograms();
  return true;
}
