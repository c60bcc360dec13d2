import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { StringDecoder } from "node:string_decoder";
import { setTimeout as delay } from "node:timers/promises";
import { MAX_TIMER_MS } from "../../base/time.js";
import type { Logger } from "../../diagnostics/logger.js";
import { oneLine } from "../../diagnostics/one-line.js";
import { createRedactor } from "../../diagnostics/redactor.js";
import { codeOf, hasCode, messageOf, OpAMPError } from "../../errors.js";
import { inArguments, inShell, withDirectory } from "./placeholder.js";

/** A program to run: a text is given to the shell (`/bin/sh`), a list of texts is the program and its arguments. */
export type Command = string | readonly string[];

/** How a command is run. */
export interface RunOptions {
  /** How long it may take, in milliseconds; then it is ended. */
  timeoutMs: number;
  /** Ends it. */
  signal?: AbortSignal | undefined;
  /** Stands for `{directory}` in it, and is OPAMP_CONFIG_DIR in its environment. */
  directory?: string;
  /** Besides the environment of this process. */
  env?: Readonly<Record<string, string>>;
  /** Takes what it writes, line by line, at level debug. Default: nothing is logged. */
  log?: Pick<Logger, "debug"> | undefined;
  /** From SIGTERM to SIGKILL, in milliseconds. Default 3 000. */
  graceMs?: number | undefined;
}

/** How a command ended. */
type Ending = { code: number | null; signal: NodeJS.Signals | null } | { cause: unknown };

const GRACE_MS = 3_000;
const POLL_MS = 20;
/** For output that is still on its way when the program has ended; a daemon that it started may never close it. */
const DRAIN_MS = 250;
const MAX_SHOWN_LENGTH = 200;
/** How much of what it wrote an error has: lines, and characters. */
const MAX_QUOTED_LINES = 20;
const MAX_QUOTED_LENGTH = 2_048;
/** Longer lines are cut into pieces, so that output without line ends does not pile up. */
const MAX_LINE_LENGTH = 4_096;
/** Enough for people to read. More would fill the log, and keep the agent from its work. */
const MAX_LOGGED_LINES = 1_000;

const redactor = createRedactor();

/** Exit codes by which a shell says that the program did not even start. */
const SHELL_HINTS: Readonly<Record<number, string>> = {
  126: "the program may not be executed: check its permissions",
  127: "the shell does not find the program: check its name and PATH, or give the full path",
};

/**
 * Runs a program to its end: without input, in a process group of its own, which is ended as a whole when the time is up
 * or `signal` aborts. What it leaves in the background after ending well is left alone.
 *
 * @throws OpAMPError `ERR_OPAMP_HANDLER` if it does not start, does not end with exit code 0, or is ended; the message
 * has its last lines
 */
export async function runCommand(given: Command, options: RunOptions): Promise<void> {
  const { timeoutMs, signal, log, graceMs = GRACE_MS, directory } = options;
  const command = directory === undefined ? given : placed(given, directory);
  const name = `\`${shown(given, directory)}\``;
  if (signal?.aborted === true) throw failure(`${name} was not started: ${messageOf(signal.reason)}`);
  const child = start(command, options, name);
  const endOfOutput = readOutput(child, (line) =>
    log?.debug(`${name}: ${oneLine(line, (text) => redactor.text(text))}`),
  );
  const ended = new Promise<Ending>((resolve) => {
    child.on("error", (cause) => resolve({ cause }));
    child.once("exit", (code, by) => resolve({ code, signal: by }));
  });
  let cut: { why: string; hint: string } | undefined;
  let cutting: Promise<void> | undefined;
  const end = (why: string, hint: string) => {
    if (cut !== undefined || child.pid === undefined) return;
    cut = { why, hint };
    cutting = endGroup(child.pid, graceMs, ended);
  };
  const late = () => end(`did not end within ${timeoutMs} ms`, "see what it waits for, or give it more time");
  const timer = setTimeout(late, Math.min(timeoutMs, MAX_TIMER_MS));
  const abort = () => end(`was ended: ${messageOf(signal?.reason)}`, "it was no longer wanted");
  signal?.addEventListener("abort", abort, { once: true });
  const ending = await ended;
  clearTimeout(timer);
  signal?.removeEventListener("abort", abort);
  await cutting;
  const quoted = quotedOutput(redactor.text(await endOfOutput()));
  if (cut !== undefined) throw failure(`${name} ${cut.why}${quoted}`, cut.hint);
  if ("cause" in ending) throw notStarted(name, ending.cause);
  if (ending.signal !== null) throw failure(`${name} was ended by ${ending.signal}${quoted}`, "see who ended it");
  if (ending.code === 0) return;
  const hint = typeof command === "string" ? SHELL_HINTS[ending.code ?? 0] : undefined;
  throw failure(`${name} ended with exit code ${ending.code}${quoted}`, hint);
}

function placed(command: Command, directory: string): Command {
  return typeof command === "string" ? inShell(command, directory) : inArguments(command, directory);
}

function start(command: Command, { directory, env }: RunOptions, name: string): ChildProcess {
  const [file = "", ...rest] = typeof command === "string" ? ["/bin/sh", "-c", command] : command;
  try {
    return spawn(file, rest, {
      env: { ...process.env, ...(directory !== undefined && { OPAMP_CONFIG_DIR: directory }), ...env },
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
  } catch (cause) {
    // Some failures are thrown, most come as an event.
    throw notStarted(name, cause);
  }
}

/**
 * Hands on the first thousand lines that a program writes.
 *
 * @returns what is called when the program has ended, and gives its last lines
 */
function readOutput(child: ChildProcess, onLine: (line: string) => void): () => Promise<string> {
  const last: string[] = [];
  let count = 0;

  function take(text: string): void {
    const line = text.trimEnd();
    if (line === "") return;
    last.push(line);
    if (last.length > MAX_QUOTED_LINES) last.shift();
    count += 1;
    if (count <= MAX_LOGGED_LINES) onLine(line);
    else if (count === MAX_LOGGED_LINES + 1) onLine("further lines are not logged");
  }

  const pipes = [child.stdout, child.stderr].map((pipe) => {
    const decoder = new StringDecoder("utf8");
    let rest = "";
    pipe?.on("data", (bytes: Buffer) => {
      const lines = (rest + decoder.write(bytes)).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) take(line);
      for (; rest.length > MAX_LINE_LENGTH; rest = rest.slice(MAX_LINE_LENGTH)) take(rest.slice(0, MAX_LINE_LENGTH));
    });
    return { pipe, takeRest: () => take(rest + decoder.end()) };
  });
  return async () => {
    const late = AbortSignal.timeout(DRAIN_MS);
    const open = pipes.flatMap(({ pipe }) => (pipe === null || pipe.closed ? [] : [pipe]));
    await Promise.allSettled(open.map((pipe) => once(pipe, "close", { signal: late })));
    for (const { pipe, takeRest } of pipes) {
      pipe?.destroy();
      takeRest();
    }
    return last.join("\n");
  };
}

/** Ends all processes of a group: SIGTERM, and SIGKILL for those that are still there after `graceMs`. */
async function endGroup(leader: number, graceMs: number, exited: Promise<unknown>): Promise<void> {
  signalGroup(leader, "SIGTERM");
  const until = performance.now() + graceMs;
  // A group that is gone may be another's by the next look.
  while (signalGroup(leader, 0)) {
    if (performance.now() >= until) {
      signalGroup(leader, "SIGKILL");
      break;
    }
    await delay(POLL_MS);
  }
  await exited;
}

/** @returns whether there is a process in it */
function signalGroup(leader: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-leader, signal);
  } catch (error) {
    return hasCode(error, "EPERM");
  }
}

/** Cut when secrets are out of it, since half of one might not be known for it. */
function quotedOutput(output: string): string {
  if (output === "") return "";
  return output.length > MAX_QUOTED_LENGTH ? `\n...${output.slice(-MAX_QUOTED_LENGTH)}` : `\n${output}`;
}

function shown(command: Command, directory = "{directory}"): string {
  const whole = withDirectory([command].flat().join(" "), directory);
  const text = oneLine(whole, (line) => redactor.text(line));
  return text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}...` : text;
}

function notStarted(name: string, cause: unknown): OpAMPError {
  const code = codeOf(cause);
  if (code === "ENOENT") {
    return failure(`${name} was not found`, "check its name and PATH, or give the full path", cause);
  }
  if (code === "EACCES") return failure(`${name} may not be executed`, "check its permissions", cause);
  return failure(`${name} did not start: ${messageOf(cause)}`, undefined, cause);
}

function failure(
  message: string,
  hint = "see what it says, and run it by hand as the agent's user",
  cause?: unknown,
): OpAMPError {
  return new OpAMPError("ERR_OPAMP_HANDLER", message, { hint, cause });
}
