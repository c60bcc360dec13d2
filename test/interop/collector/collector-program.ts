import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { agentSections, type collectorFile, toYaml } from "./collector-config.js";

/** Who is compared. */
export const programs = ["collector", "ours"] as const;
export type ProgramName = (typeof programs)[number];

/** How a program is run besides its file. */
export interface RunOptions {
  env?: Readonly<Record<string, string>>;
  /** Only looks at the file, and ends. */
  onlyCheck?: boolean;
  /** Without the feature gate that restarts need. */
  withoutGate?: boolean;
}

/** A program that runs, and ends with the test at the latest. */
export interface Running {
  /** What it logged so far. */
  readonly log: string;
  /** Puts another file in the place of its file. */
  rewrite(file: ReturnType<typeof collectorFile>): void;
  signal(name: "SIGTERM"): void;
  /** Its exit code. */
  readonly ended: Promise<number | null>;
}

const GATE = "--feature-gates=extension.opampextension.RemoteRestarts";
const collector = fileURLToPath(new URL("../bin/collector", import.meta.url));
const opamp = fileURLToPath(new URL("../bin/opamp/main.js", import.meta.url));

/** Starts the Collector, or `opamp agent`, with a file; ours gets its own sections added. */
export function startProgram(
  name: ProgramName,
  file: ReturnType<typeof collectorFile>,
  options: RunOptions = {},
): Running {
  const folder = temporaryFolder();
  const path = join(folder, "config.yaml");
  const rewrite: Running["rewrite"] = (changed) => {
    writeFileSync(path, toYaml({ ...changed, ...(name === "ours" && agentSections(changed, folder, path)) }));
  };
  rewrite(file);
  const [program, ...args] = commandLine(name, path, options);
  const env = { PATH: process.env["PATH"], ...options.env };
  const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      log += text;
    });
  }
  const ended = once(child, "close").then(([code]) => (typeof code === "number" ? code : null));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  return {
    get log() {
      return log;
    },
    rewrite,
    signal: (signal) => void child.kill(signal),
    ended,
  };
}

/** A folder that goes with the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "opamp-interop-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function commandLine(name: ProgramName, path: string, { onlyCheck, withoutGate }: RunOptions): [string, ...string[]] {
  const gate = withoutGate === true ? [] : [GATE];
  switch (name) {
    case "collector":
      return [collector, ...(onlyCheck === true ? ["validate"] : []), "--config", path, ...gate];
    case "ours":
      return [process.execPath, opamp, "agent", "--config", path, ...(onlyCheck === true ? ["--dry-run"] : [])];
    default:
      return name satisfies never;
  }
}
