import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import manifest from "../../../package.json" with { type: "json" };
import { inTemporaryFolder } from "../in-temporary-folder.js";
import { pack } from "../pack.js";
import { type NodeBinary, nodeBinaries } from "./node-binaries.js";
import { writeSamples } from "./samples.js";

// Installs the packed tarball into an empty project, compiles a user's program and the samples of README and docs against its
// types, and runs the smoke suite and these samples there on every supported line of Node.

const root = resolve(import.meta.dirname, "../../..");

/** What samples use besides, at the versions that the package asks for. */
const peers = Object.entries(manifest.peerDependencies).map(([name, version]) => `${name}@${version}`);

interface Outcome {
  passed: number;
  failed: number;
  output: string;
}

function installTarball(project: string): void {
  writeFileSync(join(project, "package.json"), JSON.stringify({ private: true }));
  const tarball = pack(project);
  const flags = ["--ignore-scripts", "--prefer-offline", "--loglevel=error"];
  execFileSync("npm", ["install", ...flags, tarball, ...peers], { cwd: project, stdio: "inherit" });
  cpSync(join(import.meta.dirname, "smoke"), project, { recursive: true });
  cpSync(join(import.meta.dirname, "../loaders/project/cycle.cjs"), join(project, "cycle.cjs"));
  cpSync(join(root, "docs/examples/testing/node"), project, { recursive: true });
}

/** With library checks on: the declarations must not lean on types that users do not get with the package. */
function compileConsumer(project: string, files: readonly string[]): Outcome {
  const target = ["--target", "es2023", "--lib", "es2023,esnext.disposable"];
  const options = ["--noEmit", "--strict", "--module", "nodenext", ...target, "--types", "node"];
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const typeRoots = ["--typeRoots", join(root, "node_modules/@types")];
  const { status, stdout } = spawnSync(process.execPath, [tsc, ...options, ...typeRoots, ...files], {
    cwd: project,
    encoding: "utf8",
  });
  return { passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1, output: stdout };
}

/** A file that does not end by itself, with everything stopped, runs into the time limit. */
function runSmoke(project: string, { path }: NodeBinary): Outcome {
  const files = readdirSync(project).filter((file) => /\.(smoke|test)\.[cm]js$/.test(file));
  const { status, stdout, stderr } = spawnSync(path, ["--test", "--test-reporter=tap", ...files], {
    cwd: project,
    encoding: "utf8",
    timeout: 90_000,
  });
  const count = (what: string) => Number(new RegExp(`^# ${what} (\\d+)$`, "m").exec(stdout)?.[1] ?? 0);
  const passed = count("pass");
  const failed = count("fail") + count("cancelled");
  // Neither a crash nor an empty run may look like success.
  const broken = failed === 0 && (status !== 0 || passed < files.length);
  return { passed, failed: broken ? 1 : failed, output: stdout + stderr };
}

const outcomes = await inTemporaryFolder((project) => {
  installTarball(project);
  const report = (name: string, outcome: Outcome): Outcome => {
    if (outcome.failed > 0) console.log(outcome.output);
    console.log(`${name}: ${outcome.passed} passed, ${outcome.failed} failed`);
    return outcome;
  };
  return [
    report("types", compileConsumer(project, ["consumer.mts", ...writeSamples(project)])),
    ...nodeBinaries().map((binary) => report(`node ${binary.version}`, runSmoke(project, binary))),
  ];
});

const failed = outcomes.reduce((sum, outcome) => sum + outcome.failed, 0);
console.log(`${outcomes.reduce((sum, outcome) => sum + outcome.passed, 0)} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
