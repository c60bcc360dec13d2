import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

/** What is built, each a Go module beside this file, and with what. Without symbols the Collector links in half the time. */
const modules = [
  { folder: "go", args: ["-o", "../bin/", "./cmd/..."] },
  { folder: "collector", args: ["-trimpath", "-ldflags=-s -w", "-o", "../bin/collector", "."] },
];

/**
 * Builds the Go programs, and the command `opamp`, into `bin/`. Go's own cache makes it a matter of seconds when nothing
 * changed; the Collector takes about two minutes at first.
 * Named so that vitest takes this file as a global set-up; running it builds as well.
 */
export function setup(): void {
  for (const { folder, args } of modules) {
    const cwd = fileURLToPath(new URL(`${folder}/`, import.meta.url));
    const built = spawnSync("go", ["build", ...args], { cwd, encoding: "utf8" });
    if (built.error !== undefined) {
      throw new Error("the interop tests need Go 1.25 or later: install it and put `go` on the PATH", {
        cause: built.error,
      });
    }
    if (built.status !== 0) {
      throw new Error(`go build in test/interop/${folder} failed:\n${built.stderr}`);
    }
  }
  const outdir = fileURLToPath(new URL("bin/opamp", import.meta.url));
  // The names of its parts tell their content, so that those of earlier builds would stay.
  rmSync(outdir, { recursive: true, force: true });
  buildSync({
    entryPoints: [fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url))],
    outdir,
    bundle: true,
    splitting: true,
    packages: "external",
    platform: "node",
    target: "node20",
    format: "esm",
    logLevel: "warning",
  });
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  setup();
}
