import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { codeOf } from "../../base/error-code.js";
import { MAX_TIMER_MS } from "../../base/time.js";
import type { Logger } from "../../diagnostics/logger.js";
import { oneLine } from "../../diagnostics/one-line.js";
import { createRedactor, type Redactor } from "../../diagnostics/redactor.js";
import { messageOf, OpAMPError } from "../../errors.js";
import type { Command } from "./command.js";
import { OutputTail } from "./output-tail.js";
import { endProcessGroup } from "./process-group.js";

/** How a command is run. */
export interface RunOptions {
  /** How long it may take, in milliseconds; then it is ended. */
  timeoutMs: number;
  /** Ends it. */
  signal?: AbortSignal | undefined;
  /** Besides the environment of this process. */
  env?: Readonly<Record<string, string>>;
  /** Default: that of this process. */
  cwd?: string;
  /** Takes what it writes, line by line, at level debug. Default: nothing is logged. */
  log?: Pick<Logger, "debug"> | undefined;
  /** Takes secrets out of what is logged and of what errors quote. Default: `createRedactor()`. */
  redactor?: Redactor;
  /** From SIGTERM to SIGKILL, in milliseconds. Default 3 000. */
  graceMs?: number;
}

/** How a command ended. */
type Ending = { code: number | null; signal: NodeJS.Signals | null } | { cause: unknown };

const GRACE_MS = 3_000;
/** For output that is still on its way when the program has ended; a daemon that it started may never close it. */
const DRAIN_MS = 250;
const LONGEST_SHOWN = 200;
/** How much of what it wrote an error has, in characters. */
const MOST_QUOTED = 2_048;
/** Longer ones would end at once. */

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
export async function runCommand(command: Command, options: RunOptions): Promise<void> {
  const { timeoutMs, signal, log, graceMs = GRACE_MS, redactor = createRedactor() } = options;
  const name = `\`${shown(command, redactor)}\``;
  if (signal?.aborted === true) throw failure(`${name} was not started: ${messageOf(signal.reason)}`);
  const tail = new OutputTail((line) => log?.debug(`${name}: ${oneLine(line, (text) => redactor.text(text))}`));
  const child = start(command, options, name);
  child.stdout?.on("data", tail.stream());
  child.stderr?.on("data", tail.stream());
  const ended = new Promise<Ending>((resolve) => {
    child.on("error", (cause) => resolve({ cause }));
    child.once("exit", (code, by) => resolve({ code, signal: by }));
  });
  let cut: { why: string; hint: string } | undefined;
  let cutting: Promise<void> | undefined;
  const end = (why: string, hint: string) => {
    if (cut !== undefined || child.pid === undefined) return;
    cut = { why, hint };
    cutting = endProcessGroup(child.pid, graceMs, ended);
  };
  const late = () => end(`did not end within ${timeoutMs} ms`, "see what it waits for, or give it more time");
  const timer = setTimeout(late, Math.min(timeoutMs, MAX_TIMER_MS));
  const abort = () => end(`was ended: ${messageOf(signal?.reason)}`, "it was no longer wanted");
  signal?.addEventListener("abort", abort, { once: true });
  const ending = await ended;
  clearTimeout(timer);
  signal?.removeEventListener("abort", abort);
  await cutting;
  await drain(child);
  const quoted = quotedOutput(redactor.text(tail.end()));
  if (cut !== undefined) throw failure(`${name} ${cut.why}${quoted}`, cut.hint);
  if ("cause" in ending) throw notStarted(name, ending.cause);
  if (ending.signal !== null) throw failure(`${name} was ended by ${ending.signal}${quoted}`, "see who ended it");
  if (ending.code === 0) return;
  const hint = typeof command === "string" ? SHELL_HINTS[ending.code ?? 0] : undefined;
  throw failure(`${name} ended with exit code ${ending.code}${quoted}`, hint);
}

function start(command: Command, { cwd, env }: RunOptions, name: string): ChildProcess {
  const [file = "", ...rest] = typeof command === "string" ? ["/bin/sh", "-c", command] : command;
  try {
    return spawn(file, rest, {
      cwd,
      env: { ...process.env, ...env },
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
  } catch (cause) {
    // Some failures are thrown, most are told later.
    throw notStarted(name, cause);
  }
}

/** Cut when secrets are out of it, since half of one might not be known for it. */
function quotedOutput(output: string): string {
  if (output === "") return "";
  return output.length > MOST_QUOTED ? `\n...${output.slice(-MOST_QUOTED)}` : `\n${output}`;
}

async function drain(child: ChildProcess): Promise<void> {
  const pipes = [child.stdout, child.stderr];
  const late = AbortSignal.timeout(DRAIN_MS);
  const closed = pipes.map((pipe) =>
    pipe === null || pipe.closed ? undefined : once(pipe, "close", { signal: late }),
  );
  await Promise.allSettled(closed);
  for (const pipe of pipes) pipe?.destroy();
}

function shown(command: Command, redactor: Redactor): string {
  const text = oneLine(typeof command === "string" ? command : command.join(" "), (line) => redactor.text(line));
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}...` : text;
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
