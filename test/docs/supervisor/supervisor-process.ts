import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { chmod, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { onTestFinished, vi } from "vitest";
import { OpAMPServer, type ServerAgent } from "../../../src/testing/index.js";
import { folderWith } from "../in-folder.js";
import { snippetNamed } from "../snippets.js";

const root = resolve(import.meta.dirname, "../../..");
const REQUIRE =
  'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);';

/** What the page imports from Node, with a note of each program and, after so many operations, the end of the process. */
const KILLING = `
import { spawn as start } from "node:child_process";
import { appendFileSync } from "node:fs";
import * as fs from "node:fs/promises";
let left = Number(process.env.KILL_AFTER ?? Infinity);
const step = () => --left === 0 && process.kill(process.pid, "SIGKILL");
const counted = (work) => (...given) => work(...given).finally(step);
export const { readFile, stat } = fs;
export const [link, rename, rm, writeFile] = [fs.link, fs.rename, fs.rm, fs.writeFile].map(counted);
export function spawn(...given) {
  const child = start(...given);
  appendFileSync("pids", child.pid + "\\n");
  step();
  return child;
}
`;

/** The page's supervisor as processes in one folder, and its server. */
export class SupervisorProcess {
  readonly server: OpAMPServer;
  readonly #folder: string;
  #process: ChildProcess | undefined;
  output = "";

  private constructor(server: OpAMPServer, folder: string) {
    this.server = server;
    this.#folder = folder;
  }

  /**
   * @param replace texts of the page to put others in place of
   * @param files other than its configuration that its folder has; `#!` makes one executable
   */
  static async make(
    config: string | undefined,
    replace: Readonly<Record<string, string>> = {},
    files: Readonly<Record<string, string>> = {},
  ): Promise<SupervisorProcess> {
    const server = await OpAMPServer.start();
    onTestFinished(() => server.close());
    const folder = await folderWith({
      ...(config !== undefined && { "program.json": config }),
      "killing.mjs": KILLING,
      ...files,
    });
    for (const [name, text] of Object.entries(files)) if (text.startsWith("#!")) await chmod(join(folder, name), 0o755);
    const texts = {
      "ws://127.0.0.1:4320/v1/opamp": server.url,
      '"node:fs/promises"': '"./killing.mjs"',
      '"node:child_process"': '"./killing.mjs"',
      "type ChildProcess, ": "",
      "let child: ChildProcess": 'let child: import("node:child_process").ChildProcess',
      ...replace,
    };
    let { code } = snippetNamed("supervisor");
    for (const [from, to] of Object.entries(texts)) {
      if (!code.includes(from)) throw new Error(`"${from}" does not occur`);
      code = code.replaceAll(from, to);
    }
    await writeFile(join(folder, "supervisor.mjs"), await bundled(code));
    const made = new SupervisorProcess(server, folder);
    onTestFinished(() => void made.#process?.kill("SIGKILL"));
    return made;
  }

  /** @param killAfter how many operations the supervisor lives for, if it does not die otherwise */
  start(killAfter?: number): void {
    const env = { ...process.env, ...(killAfter !== undefined && { KILL_AFTER: String(killAfter) }) };
    const started = spawn(process.execPath, ["--expose-gc", "supervisor.mjs"], { cwd: this.#folder, env });
    started.stdout.on("data", (data) => (this.output += data));
    started.stderr.on("data", (data) => (this.output += data));
    this.#process = started;
  }

  /** Resolves with its agent, once that has connected and will keep its identity when the supervisor is killed. */
  async agent(): Promise<ServerAgent> {
    const ended = this.ended().then((how) => Promise.reject(new Error(`${how}: ${this.output}`)));
    const agent = await Promise.race([this.server.firstAgent(), ended]);
    await vi.waitFor(() => this.file("state/state.json"), 20_000);
    return agent;
  }

  /** Resolves with how the supervisor ended. */
  async ended(): Promise<number | string | null> {
    const { exitCode, signalCode } = this.#process ?? {};
    if (this.#process !== undefined && exitCode === null && signalCode === null) await once(this.#process, "exit");
    return this.#process?.exitCode ?? this.#process?.signalCode ?? null;
  }

  /** Sends a signal, and resolves with how the supervisor ended. */
  end(signal: NodeJS.Signals): Promise<number | string | null> {
    this.#process?.kill(signal);
    return this.ended();
  }

  place(name: string): string {
    return join(this.#folder, name);
  }

  file(name = "program.json"): string {
    return readFileSync(this.place(name), "utf8");
  }

  /** The programs that have been started. */
  pids(): readonly number[] {
    return this.file("pids").trim().split("\n").map(Number);
  }

  /** Resolves once so many programs have been started. */
  async started(count: number): Promise<void> {
    await vi.waitFor(() => this.pids().length >= count || Promise.reject(new Error("too few programs")), 20_000);
  }

  /** Resolves once no program runs, nor anything that one has started. */
  async nothingRuns(): Promise<void> {
    const running = () => this.pids().flatMap(processesIn);
    await vi.waitFor(() => running().length === 0 || Promise.reject(new Error(`${running()} run on`)), 20_000);
  }
}

/** The processes of a group; without those that have ended and wait for init to take notice, if the system can tell. */
function processesIn(group: number): readonly number[] {
  if (process.platform !== "linux") return isThere(-group) ? [group] : [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      const [state, , of] = statusOf(pid);
      return Number(of) === group && state !== "Z";
    })
    .map(Number);
}

/** Its state, parent and group. */
function statusOf(pid: string): readonly string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function bundled(code: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: root, sourcefile: join(root, "supervisor.ts"), loader: "ts" },
    tsconfig: join(root, "tsconfig.json"),
    external: ["./killing.mjs"],
    bundle: true,
    platform: "node",
    format: "esm",
    banner: { js: REQUIRE },
    write: false,
    logLevel: "error",
  });
  return outputFiles[0]?.text ?? "";
}
