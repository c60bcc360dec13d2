import { realTimers } from "../../base/real-timers.js";
import { MAX_TIMER_MS } from "../../base/time.js";
import { checkWaitOptions, type WaitOptions, waitDefaults } from "../../base/wait-options.js";
import type { Phase } from "../../core/phases.js";
import { OpAMPError } from "../../errors.js";
import { afterAtMost, type Clock, holdProcess } from "../clock.js";
import type { PhaseEvent } from "../events.js";

interface Waiter {
  resolve: () => void;
  reject: (reason: unknown) => void;
}

const FETCHING_HINT =
  "have the `effectiveConfig` handler return sooner; the first report goes without it after timeouts.effectiveConfigMs";
const NOBODY: readonly Waiter[] = [];

/** Those who wait for a connection or for the end, and the process that has to live for them. */
export class Waiters {
  readonly #clock: Clock;
  /** What ended the link last, to name as the cause when a wait runs out. */
  #lastError: OpAMPError | undefined;
  #isStarted = false;
  #isReporting = false;
  /** In a pause that the server asked for. */
  #pausedUntil: Date | undefined;
  #online = NOBODY;
  #ended: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Resolves when the link is online, which it may be already.
   *
   * @param isFetching whether the effective config is awaited, without which there is no first report
   */
  async online(options: WaitOptions, phase: Phase, isFetching: () => boolean): Promise<void> {
    checkWaitOptions("connected", options);
    if (phase === "online") return;
    const { timeoutMs = Number.POSITIVE_INFINITY, signal } = options;
    signal?.throwIfAborted();
    const ends: (() => void)[] = [holdProcess()];
    try {
      await new Promise<void>((resolve, reject) => {
        const waiter = { resolve, reject };
        this.#online = [...this.#online, waiter];
        ends.push(() => {
          this.#online = this.#online.filter((other) => other !== waiter);
        });
        if (timeoutMs !== Number.POSITIVE_INFINITY) {
          const late = (): void => reject(this.#overdue(timeoutMs, isFetching()));
          ends.push(afterAtMost(this.#clock, timeoutMs, waitDefaults.timeoutMs, late));
        }
        if (signal === undefined) return;
        const abort = (): void => reject(signal.reason);
        signal.addEventListener("abort", abort, { once: true });
        ends.push(() => signal.removeEventListener("abort", abort));
      });
    } finally {
      for (const end of ends) end();
    }
  }

  /** Resolves when the link has stopped, which takes no longer in real time than this, or `hurry` is called. */
  async stopped(phase: Phase, withinMs: number, hurry: () => void): Promise<void> {
    if (phase === "stopped") return;
    const ended = new Promise<void>((resolve) => {
      this.#ended = resolve;
    });
    const realMs = Math.max(Math.min(withinMs, MAX_TIMER_MS), waitDefaults.stopMs);
    const timer = realTimers.setTimeout(hurry, realMs);
    await ended;
    realTimers.clearTimeout(timer);
  }

  /** Waits for something that may never come, but not for longer than this. */
  async atMost(ms: number, something: Promise<void>): Promise<void> {
    let end: (() => void) | undefined;
    const enough = new Promise<void>((resolve) => {
      end = afterAtMost(this.#clock, ms, waitDefaults.stopMs, resolve);
    });
    await Promise.race([something, enough]);
    end?.();
  }

  started(): void {
    this.#isStarted = true;
  }

  /** The phase changed. */
  moved(event: PhaseEvent): void {
    const { phase, error } = event;
    this.#isReporting = phase === "reporting";
    this.#pausedUntil = event.phase === "waiting" && event.reason === "throttled" ? event.retryAt : undefined;
    if (error !== undefined) this.#lastError = error;
    if (phase === "stopped") this.#ended?.();
    if (phase !== "online") return;
    for (const waiter of this.#online) waiter.resolve();
  }

  /** Nobody needs to wait for a connection any more. */
  fail(error: OpAMPError): void {
    for (const waiter of this.#online) waiter.reject(error);
  }

  #overdue(timeoutMs: number, isFetching: boolean): OpAMPError {
    const { message, hint, cause } = this.#reason(isFetching);
    const why = message === undefined ? "" : `: ${message}`;
    return new OpAMPError("ERR_OPAMP_TIMEOUT", `not connected within ${timeoutMs} ms${why}`, { cause, hint });
  }

  #reason(isFetching: boolean): { message?: string; hint?: string; cause?: OpAMPError } {
    if (!this.#isStarted) return { message: "the client has not been started", hint: "call start()" };
    if (this.#isReporting && isFetching) return { message: "waiting for effectiveConfig", hint: FETCHING_HINT };
    const cause = this.#lastError;
    if (cause === undefined && this.#pausedUntil !== undefined) {
      return { message: `the server asks for a pause, until ${this.#pausedUntil.toISOString()}` };
    }
    if (cause !== undefined) return { message: cause.message, hint: cause.hint, cause };
    return this.#isReporting ? { message: "the server has not answered the first report" } : {};
  }
}
