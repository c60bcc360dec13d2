import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

/** What a subject or a server says on its standard output, one JSON object a line. */
export type Line =
  | { event: "listening"; port: number }
  | { event: "count"; cycles: number; messages: number }
  | { event: "ready"; clients: number }
  | { event: "stats"; cpuMs: number; rssKb: number; heapKb: number; cycles: number }
  | { event: "loaded"; ms: number }
  | { event: "done" };

type LineOf<K extends Line["event"]> = Extract<Line, { event: K }>;

interface Waiter {
  event: Line["event"];
  resolve: (line: Line) => void;
  reject: (reason: Error) => void;
}

/** Longer than anything here takes; a subject that hangs must not hang the benchmark. */
const PATIENCE_MS = 60_000;
const STOP_MS = 5_000;
const STDERR_KEPT_CHARS = 4_000;

const running = new Set<ChildProcessByStdio<Writable, Readable, Readable>>();

process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** A child process that is told things by lines and answers by JSON lines, so that its time and memory are its own. */
export class Program {
  readonly #name: string;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #exited: Promise<void>;
  readonly #unclaimed: Line[] = [];
  readonly #waiters = new Set<Waiter>();
  #stderr = "";
  #ended: Error | undefined;

  constructor(command: string, args: readonly string[]) {
    this.#name = [command, ...args].join(" ");
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
    this.#child = child;
    running.add(child);
    child.stdin.on("error", () => undefined);
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_KEPT_CHARS);
    });
    createInterface({ input: child.stdout }).on("line", (text) => this.#read(JSON.parse(text)));
    this.#exited = new Promise((resolve) => {
      child.on("error", (error) => this.#end(error.message));
      child.on("close", (code, signal) => {
        this.#end(`ended with ${signal ?? `code ${code}`}`);
        resolve();
      });
    });
  }

  /** The next line of this kind, be it one that is already there or one to come. */
  next<K extends Line["event"]>(event: K): Promise<LineOf<K>> {
    const fits = (line: Line): line is LineOf<K> => line.event === event;
    const known = this.#unclaimed.find(fits);
    if (known !== undefined) {
      this.#unclaimed.splice(this.#unclaimed.indexOf(known), 1);
      return Promise.resolve(known);
    }
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      const settle = (how: () => void): void => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        how();
      };
      const waiter: Waiter = {
        event,
        resolve: (line) => settle(() => (fits(line) ? resolve(line) : undefined)),
        reject: (reason) => settle(() => reject(reason)),
      };
      const timer = setTimeout(() => waiter.reject(this.#failure(`no "${event}"`)), PATIENCE_MS);
      this.#waiters.add(waiter);
    });
  }

  /** Says a line and waits for the answer. */
  ask<K extends Line["event"]>(line: string, event: K): Promise<LineOf<K>> {
    this.#child.stdin.write(`${line}\n`);
    return this.next(event);
  }

  /** Rejects when it ends. */
  async failed(): Promise<never> {
    await this.#exited;
    throw this.#ended;
  }

  /** Stands still until {@link Program.resume}: no time and no attention of the machine goes to it. */
  pause(): void {
    this.#child.kill("SIGSTOP");
  }

  resume(): void {
    this.#child.kill("SIGCONT");
  }

  /** Ends it in good order, so that its server is told. */
  async stop(): Promise<void> {
    this.resume();
    this.#child.stdin.end();
    const late = setTimeout(() => this.#child.kill("SIGKILL"), STOP_MS);
    await this.#exited;
    clearTimeout(late);
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#exited;
  }

  #read(line: Line): void {
    for (const waiter of this.#waiters) {
      if (waiter.event === line.event) return waiter.resolve(line);
    }
    this.#unclaimed.push(line);
  }

  #end(how: string): void {
    running.delete(this.#child);
    this.#ended ??= this.#failure(how);
    for (const waiter of [...this.#waiters]) waiter.reject(this.#ended);
  }

  #failure(what: string): Error {
    return new Error(`${this.#name}: ${what}\n${this.#stderr}`);
  }
}
