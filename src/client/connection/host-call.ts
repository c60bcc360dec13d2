import { MAX_TIMER_MS } from "../../base/time.js";
import { OpAMPError, ownHint } from "../../errors.js";
import type { Clock } from "../clock.js";

/** How long a call may take, and how long it may go on after it was aborted, in milliseconds. */
export interface CallLimits {
  readonly limitMs: number;
  readonly graceMs: number;
}

const HINT = "the server gets this message as the reason why the offer failed";

/** What the host is told of its function. @param which as in the options */
export function failureOf(which: string, cause: unknown, why: string): OpAMPError {
  const text = `connectionSettings.${which} failed: ${why}`;
  return new OpAMPError("ERR_OPAMP_HANDLER", text, { cause, hint: ownHint(cause) ?? HINT });
}

/** A call of a function of the host, which may throw, reject or never end. */
export class HostCall {
  readonly #controller = new AbortController();
  readonly #clock: Clock;
  #endTimer: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Its time no longer counts: nobody waits for it, or somebody else limits that. */
  abort(why: unknown): void {
    this.#endTimer?.();
    this.#controller.abort(why);
  }

  /**
   * Ends in time, whatever the function does; what resolves shortly after it was told to end has done its work.
   *
   * @throws what the function throws; OpAMPError `ERR_OPAMP_HANDLER` where it took too long
   */
  async run(work: (signal: AbortSignal) => Promise<void>, { limitMs, graceMs }: CallLimits): Promise<void> {
    const running = work(this.#controller.signal);
    if (await this.#endsIn(limitMs, running)) return running;
    const overdue = new OpAMPError("ERR_OPAMP_HANDLER", `it did not end within ${Math.round(limitMs)} ms`);
    this.#controller.abort(overdue);
    if (!(await this.#endsIn(graceMs, running))) throw overdue;
    return running.catch(() => Promise.reject(overdue));
  }

  /** Whether it ends in time, in whatever way. */
  #endsIn(ms: number, running: Promise<void>): Promise<boolean> {
    return new Promise((resolve) => {
      this.#endTimer = this.#clock.after(Math.min(ms, MAX_TIMER_MS), () => resolve(false));
      const ended = () => {
        this.#endTimer?.();
        resolve(true);
      };
      running.then(ended, ended);
    });
  }
}
