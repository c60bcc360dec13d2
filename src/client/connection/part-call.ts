import { changedMembers, type PartSettings } from "../../connection-settings/part-settings.js";
import type { Clock } from "../clock.js";
import type { SettingsContext, SettingsHandler } from "../connection-options.js";
import { refuseFalse } from "../handlers/handler-runner.js";
import { type CallLimits, HostCall } from "./host-call.js";

/** What a handler is to be called for. */
export interface CallFor {
  readonly handler: SettingsHandler<PartSettings>;
  readonly settings: PartSettings;
  readonly previous: PartSettings | undefined;
  readonly reason: SettingsContext<PartSettings>["reason"];
}

/** No call gets less than this while there is so much: half of what is left may be too little to do anything in. */
const LEAST_MS = 100;

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

/** One call of a host's handler of connection settings. */
export class PartCall {
  readonly #call: HostCall;
  /** Which function of the handler runs. */
  step: "validate" | "apply" = "apply";
  /** Whether `apply` was called. */
  wasApplied = false;

  constructor(clock: Clock) {
    this.#call = new HostCall(clock);
  }

  abort(why: unknown): void {
    this.#call.abort(why);
  }

  /** @throws what the handler throws; OpAMPError `ERR_OPAMP_HANDLER` where it took too long */
  run(call: CallFor, limits: CallLimits): Promise<void> {
    return this.#call.run((signal) => this.#run(call, signal), limits);
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
}
