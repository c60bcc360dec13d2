import { spawnSync } from "node:child_process";
import { inTemporaryFolder } from "./in-temporary-folder.js";
import { pack } from "./pack.js";

// Whether the packed tarball is well formed for every way of importing it.

const checks: readonly (readonly [string, readonly string[]])[] = [
  ["publint", ["run", "--strict"]],
  ["attw", ["--profile", "strict", "--no-definitely-typed", "--no-emoji"]],
];

process.exitCode = await inTemporaryFolder((folder) => {
  const tarball = pack(folder);
  const failed = checks.filter(
    ([tool, args]) => spawnSync(tool, [...args, tarball], { stdio: "inherit" }).status !== 0,
  );
  return failed.length;
});
