import { spawnSync } from "node:child_process";
import { chownSync, copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NOBODY, unprivileged } from "./unprivileged.js";

// The tests of `npm test` as a user without rights, on a file system of which only the temporary directory can be written.

const store = mkdtempSync(join(tmpdir(), "opamp-unprivileged-"));
if (process.getuid?.() === 0) chownSync(store, NOBODY, NOBODY);
const results = join(store, "results.json");
const env = { ...process.env, TMPDIR: store, HOME: store, TEST_RESULTS: results };
const vitest = ["node_modules/vitest/vitest.mjs", "run", "--configLoader", "runner", "--no-cache"];
const [program = "", ...args] = [...unprivileged(store), process.execPath, ...vitest];
try {
  const { status, error } = spawnSync(program, args, { env, stdio: "inherit" });
  if (error !== undefined) throw error;
  const { TEST_RESULTS: wanted } = process.env;
  if (wanted !== undefined && existsSync(results)) copyFileSync(results, wanted);
  process.exitCode = status ?? 1;
} finally {
  rmSync(store, { recursive: true, force: true });
}
