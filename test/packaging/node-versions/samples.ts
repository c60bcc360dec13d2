import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { snippets } from "../../docs/snippets.js";

/**
 * Puts the samples of README and docs into a project: `samples/*.mts` as a user's compiler sees them, and `samples.json`
 * with what it makes of them, by name.
 *
 * @returns the files to compile
 */
export function writeSamples(project: string): readonly string[] {
  mkdirSync(join(project, "samples"));
  const compiled: Record<string, string> = {};
  const files = snippets().map(({ name, code, given, file, line }) => {
    if (name === undefined) throw new Error(`${file}:${line}: the sample has no name to run it by`);
    compiled[name] = transpile(code);
    const path = join("samples", `${name}.mts`);
    writeFileSync(join(project, path), `export {};\n${given}\n${code}`);
    return path;
  });
  writeFileSync(join(project, "samples.json"), JSON.stringify(compiled));
  return files;
}

/** Without types, and without `await using`, which Node 20 and 22 do not know. */
function transpile(code: string): string {
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true },
  });
  return outputText;
}
