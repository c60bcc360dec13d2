import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { ModuleKind, ScriptTarget, transpileModule } from "typescript";
import { setup as buildGoPrograms } from "../interop/build.js";

const root = resolve(import.meta.dirname, "../..");

/** Where the built package is. */
export const distFolder = join(root, "dist");
/** Where the subjects are compiled to, and profiles kept. */
export const cacheFolder = cacheOf(root);
/** Where the Go programs are. */
export const goFolder = resolve(import.meta.dirname, "../interop/bin");

/**
 * Compiles the subjects, so that no loader runs in them, and builds the Go programs where there is Go.
 *
 * @param earlier another checkout of this package, built, for which they are compiled too
 * @returns whether there is Go
 */
export function prepare(earlier: string | undefined): boolean {
  for (const checkout of earlier === undefined ? [root] : [root, earlier]) compileSubjects(checkout);
  if (spawnSync("go", ["version"]).status !== 0) return false;
  buildGoPrograms();
  return true;
}

/** Inside the package, which the subjects import by its name. */
export function cacheOf(checkout: string): string {
  return join(checkout, ".cache/bench");
}

/** The same programs for each checkout, so that only what they import is another. */
function compileSubjects(checkout: string): void {
  const target = cacheOf(checkout);
  if (!existsSync(join(checkout, "dist/index.js"))) {
    throw new Error(`${checkout}/dist is not built: run \`npm ci && npm run build\` there first`);
  }
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  const sources = join(import.meta.dirname, "subjects");
  for (const file of readdirSync(sources)) {
    const { outputText } = transpileModule(readFileSync(join(sources, file), "utf8"), {
      compilerOptions: { module: ModuleKind.ESNext, target: ScriptTarget.ES2023, verbatimModuleSyntax: true },
    });
    writeFileSync(join(target, file.replace(/\.ts$/, ".js")), outputText);
  }
}
