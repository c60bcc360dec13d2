import { open } from "node:fs/promises";
import { constants } from "node:os";
import { count, refuseUnknown } from "../../base/checks.js";
import { codeOf } from "../../base/error-code.js";
import { isOptions, kindOf, wrongOption } from "../../base/option-path.js";
import { messageOf, OpAMPError } from "../../errors.js";

/** Whom to signal, and how. */
export type ReloadSignal = {
  /** Such as "SIGHUP" or "HUP". */
  signal: string;
} & (
  | {
      /** A file whose first line is the process id; read each time. */
      pidFile: string;
      pid?: undefined;
    }
  | { pid: number; pidFile?: undefined }
);

const MOST_BYTES = 64;

/**
 * Checks whom to signal, without doing so.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
export function checkReloadSignal(where: string, given: unknown): void {
  if (!isOptions(given))
    throw wrongOption(where, `must be { signal, pidFile } or { signal, pid }, not ${kindOf(given)}`);
  refuseUnknown(where, given, { signal: true, pidFile: true, pid: true });
  const { signal, pidFile, pid } = given;
  if (typeof signal !== "string" || signalNamed(signal) === undefined) {
    throw wrongOption(`${where}.signal`, 'must be the name of a signal, such as "SIGHUP"');
  }
  if ((pid === undefined) === (pidFile === undefined)) {
    throw wrongOption(where, "must have either `pidFile` or `pid`");
  }
  if (pidFile !== undefined && (typeof pidFile !== "string" || pidFile === "")) {
    throw wrongOption(`${where}.pidFile`, "must be the path of a file");
  }
  if (pid === undefined) return;
  const number = count(`${where}.pid`, typeof pid === "number" ? pid : Number.NaN, 0);
  if (number === 1 || number === process.pid) {
    throw wrongOption(
      `${where}.pid`,
      number === 1 ? "is that of the system's first process" : "is this process itself",
    );
  }
}

/**
 * Sends a signal to a process.
 *
 * @throws OpAMPError `ERR_OPAMP_HANDLER` that says what is wrong with the pid file or the process
 */
export async function signalProcess(reload: ReloadSignal): Promise<void> {
  const pid = reload.pidFile === undefined ? reload.pid : await readPid(reload.pidFile);
  const signal = signalNamed(reload.signal);
  if (signal === undefined) throw failure(`${reload.signal} is no signal here`, "check `signal`");
  try {
    process.kill(pid, signal);
  } catch (cause) {
    const code = codeOf(cause);
    const stale = reload.pidFile === undefined ? "" : `, though ${reload.pidFile} names it`;
    if (code === "ESRCH") {
      throw failure(
        `no process ${pid} is running${stale}`,
        "start the program, or correct where its id comes from",
        cause,
      );
    }
    if (code === "EPERM") {
      throw failure(`process ${pid} may not be signalled`, "run the agent as the program's user, or as root", cause);
    }
    throw failure(`${signal} did not reach process ${pid}: ${messageOf(cause)}`, "check `signal`", cause);
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
    await using file = await open(path);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MOST_BYTES), 0, MOST_BYTES, 0);
    return buffer.toString("utf8", 0, bytesRead).split("\n", 1)[0]?.trim() ?? "";
  } catch (cause) {
    const hint = "is the program running, and may the agent read the file?";
    throw failure(`pid file ${path} cannot be read: ${messageOf(cause)}`, hint, cause);
  }
}

function signalNamed(name: string): NodeJS.Signals | undefined {
  const upper = name.toUpperCase();
  const full = upper.startsWith("SIG") ? upper : `SIG${upper}`;
  return isSignal(full) ? full : undefined;
}

function isSignal(name: string): name is NodeJS.Signals {
  return Object.hasOwn(constants.signals, name);
}

function failure(message: string, hint: string, cause?: unknown): OpAMPError {
  return new OpAMPError("ERR_OPAMP_HANDLER", message, { hint, cause });
}
