import { OpAMPError } from "../errors.js";

/** What is needed of a process that is to signal itself. */
export interface SignalledProcess {
  /** As `process.platform`. */
  readonly platform: string;
  /** Process id. */
  readonly pid: number;
  /** How many listeners a signal has. */
  listenerCount(event: string): number;
  /** Sends a signal. */
  kill(pid: number, signal: string): unknown;
}

const HINT = 'listen with process.on("SIGHUP", ...) and reload there, or give a `restart` handler of your own';

/**
 * A `restart` handler that does what the Collector's extension does: sends SIGHUP to this process (CMD-01). A program that
 * listens for it reloads.
 *
 * The handler rejects with `ERR_OPAMP_HANDLER`, and sends nothing, on Windows, which has no such signal, and while nobody
 * listens, since the signal would then end the process.
 *
 * @param options.process default: this process
 */
export function restartBySignal({
  process: self = process,
}: {
  process?: SignalledProcess | undefined;
} = {}): () => Promise<void> {
  return async () => {
    if (self.platform === "win32") throw refused("Windows has no SIGHUP to restart by", "give a `restart` handler");
    if (self.listenerCount("SIGHUP") === 0) {
      throw refused("nobody listens for SIGHUP, which would end the process", HINT);
    }
    self.kill(self.pid, "SIGHUP");
  };
}

function refused(problem: string, hint: string): OpAMPError {
  return new OpAMPError("ERR_OPAMP_HANDLER", `restart: ${problem}`, { hint });
}
