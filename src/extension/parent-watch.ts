import { checkFunction, count, wrongOption } from "../base/checks.js";
import { MAX_TIMER_MS } from "../base/time.js";
import { type Clock, systemClock } from "../client/clock.js";
import { hasCode, messageOf } from "../errors.js";

/** Why an agent counts as orphaned. */
export interface Orphaned {
  /** The parent that is gone. */
  pid: number;
  /** For people and logs: "the agent was orphaned, process with pid 4711 does not exist". */
  message: string;
  /** What went wrong, where it could not be found out whether the parent lives. */
  cause?: unknown;
}

/** How a parent is watched. */
export interface ParentWatchOptions {
  /** The parent's process id. */
  pid: number;
  /** How often to look, in milliseconds. Default 5 000. */
  intervalMs?: number | undefined;
  /** Default: the system's, which does not keep the process alive. */
  clock?: Clock | undefined;
  /** Whether a process is there. Throws where that cannot be found out. Default: asks the system. */
  exists?: ((pid: number) => boolean) | undefined;
  /** The parent of this process, as of now. Default: `process.ppid`. */
  parentPid?: (() => number) | undefined;
  /** Called once; what it throws is not caught. */
  onOrphaned: (orphaned: Orphaned) => void;
}

const DEFAULT_INTERVAL_MS = 5_000;

/**
 * Watches a parent, so that an agent does not outlive who started it (`ppid` of the Collector's extension). Looks at
 * once, when this turn of the event loop is over, and then every interval until told to stop or until the parent is gone.
 *
 * Where the process watched is the one that started this one, a change of parents counts too: its number may have been
 * taken by another process meanwhile, and a dead process has its number until somebody collects it.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
export function watchParent(options: ParentWatchOptions): { stop(): void } {
  const { pid, clock = systemClock(false), exists = processExists, parentPid = () => process.ppid } = options;
  if (!Number.isSafeInteger(pid) || pid <= 0) throw wrongOption("watchParent.pid", "must be a process id above 0");
  const intervalMs = count("watchParent.intervalMs", options.intervalMs, DEFAULT_INTERVAL_MS);
  if (intervalMs > MAX_TIMER_MS) throw wrongOption("watchParent.intervalMs", "must be below 2^31");
  checkFunction("watchParent.onOrphaned", options.onOrphaned);
  const isParent = parentPid() === pid;
  let ended = false;
  let endWait = (): void => undefined;

  function look(): void {
    if (ended) return;
    const orphaned = orphanedBy();
    if (orphaned === undefined) {
      endWait = clock.after(intervalMs, look);
      return;
    }
    ended = true;
    options.onOrphaned({ pid, ...orphaned });
  }

  function orphanedBy(): Omit<Orphaned, "pid"> | undefined {
    try {
      if (exists(pid) && !(isParent && parentPid() !== pid)) return undefined;
      return { message: `the agent was orphaned, process with pid ${pid} does not exist` };
    } catch (cause) {
      const message = `the agent was orphaned, failed to find process with pid ${pid}: ${messageOf(cause)}`;
      return { message, cause };
    }
  }

  queueMicrotask(look);
  return {
    stop() {
      ended = true;
      endWait();
    },
  };
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    // It belongs to somebody else, so it is there.
    if (hasCode(thrown, "EPERM")) return true;
    if (hasCode(thrown, "ESRCH")) return false;
    throw thrown;
  }
}
