import { changedMembers, type PartSettings } from "../../connection-settings/part-settings.js";
import { OpAMPError, ownHint } from "../../errors.js";
import type { Clock } from "../clock.js";
import type { SettingsContext, SettingsHandler } from "../connection-options.js";
import { refuseFalse } from "../handlers/handler-runner.js";

/** What a handler is to be called for. */
export interface CallFor {
  readonly handler: SettingsHandler<PartSettings>;
  readonly settings: PartSettings;
  readonly previous: PartSettings | undefined;
  readonly reason: SettingsContext<PartSettings>["reason"];
}

/** How long a call may take, and how long it may go on after it was aborted, in milliseconds. */
export interface CallLimits {
  readonly limitMs: number;
  readonly graceMs: number;
}

/** No call gets less than this while there is so much: half of what is left may be too little to do anything in. */
const LEAST_MS = 100;
const HINT = "the server gets this message as the reason why the offer failed";

/**
 * What a call gets of the time that is left for all: half of it, so that one that hangs leaves something to those behind.
 *
 * @param leftMs above 0
 * @param isLast whether nothing has to be left
 */
export function shareOf(leftMs: number, isLast: boolean, abortMs: number): CallLimits {
  const limitMs = isLast ? leftMs : Math.min(leftMs, Math.max(leftMs / 2, LEAST_MS));
  return { limitMs, graceMs: Math.min(abortMs, (leftMs - limitMs) / 2) };
}

/** What ended a call that took too long. */
export function overdueAfter(limitMs: number): OpAMPError {
  return new OpAMPError("ERR_OPAMP_HANDLER", `it did not end within ${Math.round(limitMs)} ms`);
}

/** What the host is told of its function. @param which as in the options */
export function failureOf(which: string, cause: unknown, why: string): OpAMPError {
  const text = `connectionSettings.${which} failed: ${why}`;
  return new OpAMPError("ERR_OPAMP_HANDLER", text, { cause, hint: ownHint(cause) ?? HINT });
}

/** One call of a host's handler of connection settings. */
export class PartCall {
  readonly #controller = new AbortController();
  readonly #clock: Clock;
  /** Which function of the handler runs. */
  step: "validate" | "apply" = "apply";
  /** Whether `apply` was called. */
  wasApplied = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  abort(why: unknown): void {
    this.#controller.abort(why);
  }

  /**
   * Ends in time, whatever the handler does; what resolves shortly after it was told to end has done its work.
   *
   * @throws what the handler throws; OpAMPError `ERR_OPAMP_HANDLER` where it took too long
   */
  async run(call: CallFor, { limitMs, graceMs }: CallLimits): Promise<void> {
    const { signal } = this.#controller;
    const running = this.#run(call, signal);
    if (await this.#endsIn(limitMs, running)) return running;
    const overdue = overdueAfter(limitMs);
    this.abort(overdue);
    if (!(await this.#endsIn(graceMs, running))) throw overdue;
    return running.catch(() => Promise.reject(overdue));
  }

  async #run({ handler, settings, previous, reason }: CallFor, signal: AbortSignal): Promise<void> {
    // Outside the step that asked for it.
    await undefined;
    signal.throwIfAborted();
    const changed = changedMembers(previous, settings);
    const context = () => ({ signal, previous: structuredClone(previous), reason, changed });
    if (handler.validate !== undefined) {
      this.step = "validate";
      refuseFalse(await handler.validate(structuredClone(settings), context()));
      signal.throwIfAborted();
      this.step = "apply";
    }
    this.wasApplied = true;
    refuseFalse(await handler.apply(structuredClone(settings), context()));
  }

  /** Whether a call ends in time, in whatever way. */
  #endsIn(ms: number, running: Promise<void>): Promise<boolean> {
    return new Promise((resolve) => {
      const endTimer = this.#clock.after(ms, () => resolve(false));
      const ended = () => {
        endTimer();
        resolve(true);
      };
      running.then(ended, ended);
    });
  }
}
