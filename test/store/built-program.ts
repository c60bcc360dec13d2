import { join } from "node:path";
import { build } from "esbuild";
import { temporaryFolder } from "./store-fixture.js";

/**
 * A program as plain JavaScript, so that a process starts in no time.
 *
 * @param folder where its source is. Default: this one
 */
export async function builtProgram(name: string, folder: string = import.meta.dirname): Promise<string> {
  const outdir = await temporaryFolder();
  await build({
    entryPoints: [join(folder, `${name}.ts`)],
    outdir,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    // For packages that are not modules.
    banner: { js: 'import { createRequire as from } from "node:module"; const require = from(import.meta.url);' },
  });
  return join(outdir, `${name}.mjs`);
}
