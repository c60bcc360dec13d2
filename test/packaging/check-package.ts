import { spawnSync } from "node:child_process";
import { inTemporaryFolder } from "./in-temporary-folder.js";
import { pack } from "./pack.js";

// Whether the packed tarball is well formed for every way of importing it.

const checks: readonly (readonly [string, readonly string[]])[] = [
  ["publint", ["run", "--strict"]],
  // ESM only on purpose: every supported Node can require it. The resolution of Node 10 does not know `exports`.
  ["attw", ["--profile", "node16", "--ignore-rules", "cjs-resolves-to-esm", "--no-definitely-typed", "--no-emoji"]],
];

process.exitCode = await inTemporaryFolder((folder) => {
  const tarball = pack(folder);
  const failed = checks.filter(
    ([tool, args]) => spawnSync(tool, [...args, tarball], { stdio: "inherit" }).status !== 0,
  );
  return failed.length;
});
