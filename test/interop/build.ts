import { spawnSync } from "node:child_process";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";

const source = fileURLToPath(new URL("go/", import.meta.url));

/**
 * Builds the Go programs into `bin/`. Go's own cache makes it a matter of a second when nothing changed.
 * Named so that vitest takes this file as a global set-up; running it builds as well.
 */
export function setup(): void {
  const built = spawnSync("go", ["build", "-o", "../bin/", "./cmd/..."], { cwd: source, encoding: "utf8" });
  if (built.error !== undefined) {
    throw new Error("the interop tests need Go 1.24 or later: install it and put `go` on the PATH", {
      cause: built.error,
    });
  }
  if (built.status !== 0) {
    throw new Error(`go build in test/interop/go failed:\n${built.stderr}`);
  }
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  setup();
}
