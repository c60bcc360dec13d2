import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { onTestFailed, onTestFinished } from "vitest";

/** What a process ended with: its exit code, or the signal that ended it. */
export type Ending = number | NodeJS.Signals | null;

/** `opamp agent` as a process of its own; it ends with the test, and its log is shown if the test fails. */
export class AgentProcess {
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #out: Promise<string>;
  #ending: Ending | undefined;
  readonly ended: Promise<Ending>;

  /** @param within a command that runs the process in some surroundings */
  constructor(
    args: readonly string[],
    { within = [], ...options }: { cwd: string; env: NodeJS.ProcessEnv; within?: readonly string[] | undefined },
  ) {
    const [program = process.execPath, ...before] = [...within, process.execPath];
    const child = spawn(program, [...before, ...args], { ...options, stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    this.#out = text(child.stdout);
    this.#read(child.stderr);
    this.ended = once(child, "close").then(([code, signal]: unknown[]) => {
      this.#ending = (code ?? signal) as Ending;
      this.#wake();
      return this.#ending;
    });
    onTestFailed(() => console.error(`the agent said:\n${this.log}`));
    onTestFinished(() => this.end("SIGKILL").then(() => undefined));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** What it has written to standard error so far. */
  get log(): string {
    return this.#lines.join("\n");
  }

  /** What it wrote to standard output, once it has ended. */
  get output(): Promise<string> {
    return this.#out;
  }

  /** The first line of the log that matches, once there is one. Rejects if the process ends without it. */
  async line(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = this.#lines.find((line) => pattern.test(line));
      if (found !== undefined) return found;
      if (this.#ending !== undefined) throw new Error(`ended with ${this.#ending} and without ${pattern}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** How many lines match so far. */
  count(pattern: RegExp): number {
    return this.#lines.filter((line) => pattern.test(line)).length;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Sends a signal and waits for the end. */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<Ending> {
    if (this.#ending === undefined) this.signal(signal);
    return await this.ended;
  }

  #read(stream: Readable): void {
    createInterface({ input: stream }).on("line", (line) => {
      this.#lines.push(line);
      this.#wake();
    });
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}
