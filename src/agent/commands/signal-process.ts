import { constants as fs } from "node:fs";
import { open } from "node:fs/promises";
import { constants } from "node:os";
import { codeOf, messageOf, OpAMPError } from "../../errors.js";

/** Which process to signal, and how. */
export interface ReloadSignal {
  readonly signal: NodeJS.Signals;
  /** A file whose first line is the process id; read each time. */
  readonly pidFile: string;
}

const MAX_BYTES = 64;

/** A signal by its name, such as "SIGHUP" or "hup". */
export function signalNamed(name: string): NodeJS.Signals | undefined {
  const upper = name.toUpperCase();
  const full = upper.startsWith("SIG") ? upper : `SIG${upper}`;
  return Object.hasOwn(constants.signals, full) ? (full as NodeJS.Signals) : undefined;
}

/**
 * Sends a signal to a process.
 *
 * @throws OpAMPError `ERR_OPAMP_HANDLER` that says what is wrong with the pid file or the process
 */
export async function signalProcess({ signal, pidFile }: ReloadSignal): Promise<void> {
  const pid = await readPid(pidFile);
  try {
    process.kill(pid, signal);
  } catch (cause) {
    const code = codeOf(cause);
    if (code === "ESRCH") {
      const hint = "start the program, or correct where its id comes from";
      throw failure(`no process ${pid} is running, though ${pidFile} names it`, hint, cause);
    }
    if (code === "EPERM") {
      throw failure(`process ${pid} may not be signalled`, "run the agent as the program's user, or as root", cause);
    }
    throw failure(`${signal} did not reach process ${pid}: ${messageOf(cause)}`, "check reload_signal", cause);
  }
}

async function readPid(path: string): Promise<number> {
  const text = await firstLine(path);
  if (!/^\d{1,10}$/.test(text)) {
    throw failure(`pid file ${path} has no process id`, "its first line must be a number");
  }
  const pid = Number(text);
  if (pid <= 1) throw failure(`pid file ${path} names process ${pid}`, "that is never the program: see who wrote it");
  if (pid === process.pid) {
    throw failure(`pid file ${path} names the agent itself`, "give the file of the program, not that of the agent");
  }
  return pid;
}

async function firstLine(path: string): Promise<string> {
  try {
    // A pipe in its place would be waited for.
    await using file = await open(path, fs.O_RDONLY | fs.O_NONBLOCK);
    if (!(await file.stat()).isFile()) throw new Error("it is not a regular file");
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_BYTES), 0, MAX_BYTES, 0);
    return buffer.toString("utf8", 0, bytesRead).split("\n", 1)[0]?.trim() ?? "";
  } catch (cause) {
    const hint = "is the program running, and may the agent read the file?";
    throw failure(`pid file ${path} cannot be read: ${messageOf(cause)}`, hint, cause);
  }
}

function failure(message: string, hint: string, cause?: unknown): OpAMPError {
  return new OpAMPError("ERR_OPAMP_HANDLER", message, { hint, cause });
}
