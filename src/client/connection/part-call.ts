import { changedMembers, type PartSettings } from "../../connection-settings/part-settings.js";
import { OpAMPError } from "../../errors.js";
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
  readonly abortMs: number;
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

  /** @throws what the handler throws; OpAMPError `ERR_OPAMP_HANDLER` where it took too long */
  async run(call: CallFor, { limitMs, abortMs }: CallLimits): Promise<void> {
    const { signal } = this.#controller;
    const running = this.#run(call, signal);
    const isInTime = await this.#endsIn(limitMs, running);
    if (!isInTime) {
      const overdue = new OpAMPError("ERR_OPAMP_HANDLER", `it did not end within ${Math.round(limitMs)} ms`);
      this.abort(overdue);
      await this.#endsIn(abortMs, running);
      throw overdue;
    }
    await running;
    // It may not have listened.
    signal.throwIfAborted();
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
