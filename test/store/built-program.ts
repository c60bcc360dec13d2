import { join } from "node:path";
import { build } from "esbuild";
import { temporaryFolder } from "./store-fixture.js";

/** A program of this folder as plain JavaScript, so that a process starts in no time. */
export async function builtProgram(name: string): Promise<string> {
  const outdir = await temporaryFolder();
  await build({
    entryPoints: [join(import.meta.dirname, `${name}.ts`)],
    outdir,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
  });
  return join(outdir, `${name}.mjs`);
}
