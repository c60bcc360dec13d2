import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { inTemporaryFolder } from "../in-temporary-folder.js";
import { pack } from "../pack.js";

// Whether the packed tarball works with what people load it with: whole cycles over both transports, not only the import.
// Each bundle runs in an empty folder, where nothing can be found that is not in it.

const TOOLS = {
  "@rollup/plugin-commonjs": "^29.0.0",
  "@rollup/plugin-json": "^6.1.0",
  "@rollup/plugin-node-resolve": "^16.0.0",
  "@types/jest": "^30.0.0",
  "@types/node": "^20.19.0",
  esbuild: "^0.28.0",
  jest: "^30.0.0",
  rollup: "^4.0.0",
  "ts-jest": "^29.4.0",
  typescript: "~5.9.0",
  vitest: "^4.0.0",
  webpack: "^5.0.0",
  "webpack-cli": "^6.0.0",
};
/** Besides this package. */
const MOST_PACKAGES = 11;
const MOST_BEARER_BYTES = 50_000;
/** What makes `require` work in a bundle of ES modules; also in docs/bundling.md. */
const BANNER = 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';
const ENTRY_POINTS = ["opamp-client", "opamp-client/extension", "opamp-client/proto", "opamp-client/testing"];

type Check = readonly [name: string, run: (project: string) => void];

/** Runs a program to its end. @throws with what it wrote, unless it ends with 0 */
function run(cwd: string, file: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(file, args, { cwd, encoding: "utf8", timeout: 120_000 });
  if (status === 0) return stdout;
  throw new Error(`${[file, ...args].join(" ")}: ${error?.message ?? `exit ${status}`}\n${stdout}\n${stderr}`);
}

function tool(project: string, name: string, ...args: string[]): string {
  return run(project, join(project, "node_modules/.bin", name), ...args);
}

/** Runs tests that must fail by a wait of the kit, at the line where they call it. */
function failingWait(project: string, name: string, ...args: string[]): void {
  const { status, stdout, stderr } = spawnSync(join(project, "node_modules/.bin", name), args, {
    cwd: project,
    encoding: "utf8",
    timeout: 60_000,
  });
  const output = stripVTControlCharacters(stdout + stderr);
  const isTold = /server\.firstAgent\(\) timed out after \d+ ms\s+server on port \d+: no attempt came in/.test(output);
  if (status === 0 || !isTold || !/wait\.test\.[jt]s:\d+:\d+/.test(output)) throw new Error(output);
}

function expectCycle(output: string): void {
  if (!output.includes("cycle done")) throw new Error(`no cycle: ${output}`);
}

/** Runs a bundle where there is nothing else. */
function runAlone(project: string, bundle: string): string {
  const folder = join(project, "out", bundle);
  return inEmptyFolder((alone) => {
    cpSync(folder, alone, { recursive: true });
    const main = readdirSync(alone).find((file) => /^main\.[cm]js$/.test(file)) ?? "";
    return run(alone, process.execPath, main);
  });
}

function inEmptyFolder(use: (folder: string) => string): string {
  let output = "";
  void inTemporaryFolder((folder) => {
    output = use(folder);
  });
  return output;
}

function esbuild(project: string, entry: string, name: string, format: "cjs" | "esm", ...more: string[]): string {
  const out = `out/${name}/main.${format === "cjs" ? "cjs" : "mjs"}`;
  tool(
    project,
    "esbuild",
    entry,
    "--bundle",
    "--platform=node",
    `--format=${format}`,
    `--outfile=${out}`,
    "--log-level=error",
    ...more,
  );
  return join(project, out);
}

function typesIn(module: string, moduleResolution: string): Check {
  return [
    `TypeScript 5.9, ${moduleResolution}`,
    (project) => {
      const resolution = ["--module", module, "--moduleResolution", moduleResolution];
      const strict = ["--strict", "--exactOptionalPropertyTypes", "--target", "es2023", "--types", "node"];
      tool(project, "tsc", "--noEmit", ...resolution, ...strict, "consumer.ts");
    },
  ];
}

const checks: readonly Check[] = [
  ["require", (project) => expectCycle(run(project, process.execPath, "main.cjs"))],
  ["import", (project) => expectCycle(run(project, process.execPath, "main.mjs"))],
  ["Jest", (project) => void tool(project, "jest", "--rootDir", "jest")],
  ["the examples for Jest", (project) => void tool(project, "jest", "--rootDir", "examples/jest")],
  ["the examples for vitest", (project) => void tool(project, "vitest", "run", "--root", "examples/vitest")],
  [
    "a wait that fails in Jest speaks before the limit of its test",
    (project) => failingWait(project, "jest", "--rootDir", "failing/jest"),
  ],
  [
    "a wait that fails in vitest speaks before the limit of its test",
    (project) => failingWait(project, "vitest", "run", "--root", "failing/vitest"),
  ],
  ["ts-jest", (project) => void tool(project, "jest", "--config", "ts-jest.config.cjs")],
  ["vitest", (project) => void tool(project, "vitest", "run", "--root", "vitest")],
  [
    "webpack",
    (project) => {
      tool(project, "webpack", "--config", "webpack.config.cjs");
      expectCycle(runAlone(project, "webpack"));
    },
  ],
  [
    "rollup",
    (project) => {
      tool(project, "rollup", "--silent", "--config", "rollup.config.mjs");
      expectCycle(runAlone(project, "rollup"));
    },
  ],
  [
    "esbuild, CommonJS",
    (project) => {
      esbuild(project, "main.mjs", "esbuild-cjs", "cjs");
      expectCycle(runAlone(project, "esbuild-cjs"));
    },
  ],
  [
    "esbuild, ES modules with the banner",
    (project) => {
      esbuild(project, "main.mjs", "esbuild-esm", "esm", `--banner:js=${BANNER}`);
      expectCycle(runAlone(project, "esbuild-esm"));
    },
  ],
  [
    "esbuild, ES modules without the banner: the error names docs/bundling.md",
    (project) => {
      esbuild(project, "client.mjs", "no-banner", "esm");
      const output = runAlone(project, "no-banner");
      if (!output.includes("docs/bundling.md")) throw new Error(output);
    },
  ],
  [
    "esbuild, each entry point without any peer",
    (project) => {
      for (const [index, entryPoint] of ENTRY_POINTS.entries()) {
        writeFileSync(join(project, "entry.cjs"), `console.log(Object.keys(require("${entryPoint}")).length);`);
        esbuild(project, "entry.cjs", `entry-${index}`, "cjs");
        if (!(Number(runAlone(project, `entry-${index}`)) > 1)) throw new Error(`${entryPoint} is empty`);
      }
    },
  ],
  [
    "esbuild, an application that only uses bearerAuth",
    (project) => {
      const { size } = statSync(esbuild(project, "bearer.mjs", "bearer", "esm", "--minify"));
      if (size > MOST_BEARER_BYTES) throw new Error(`${size} bytes`);
      if (runAlone(project, "bearer").trim() !== "function") throw new Error("it does not run");
    },
  ],
  typesIn("commonjs", "node10"),
  typesIn("node16", "node16"),
  typesIn("nodenext", "nodenext"),
  typesIn("esnext", "bundler"),
];

function install(project: string, ...packages: string[]): void {
  const flags = ["--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"];
  execFileSync("npm", ["install", ...flags, ...packages], { cwd: project, stdio: ["ignore", "ignore", "inherit"] });
}

function countPackages(project: string): void {
  const { packages } = JSON.parse(readFileSync(join(project, "package-lock.json"), "utf8"));
  const others = Object.keys(packages).filter((name) => name !== "" && name !== "node_modules/opamp-client");
  if (others.length > MOST_PACKAGES) throw new Error(`${others.length} packages: ${others.join(", ")}`);
}

const failed = await inTemporaryFolder((project) => {
  cpSync(join(import.meta.dirname, "project"), project, { recursive: true });
  cpSync(join(import.meta.dirname, "../../../docs/examples/testing"), join(project, "examples"), { recursive: true });
  mkdirSync(join(project, "out"));
  writeFileSync(join(project, "package.json"), JSON.stringify({ private: true }));
  install(project, pack(project));
  const all: readonly Check[] = [[`at most ${MOST_PACKAGES} packages are installed`, countPackages], ...checks];
  let failures = 0;
  for (const [index, [name, check]] of all.entries()) {
    try {
      check(project);
      console.log(`${name}: ok`);
    } catch (error) {
      failures += 1;
      console.log(`${name}: failed\n${error instanceof Error ? error.message : error}`);
    }
    if (index === 0) install(project, ...Object.entries(TOOLS).map(([tool, version]) => `${tool}@${version}`));
  }
  console.log(`${all.length - failures} passed, ${failures} failed`);
  return failures;
});
process.exitCode = failed > 0 ? 1 : 0;
