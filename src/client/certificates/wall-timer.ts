import type { Clock } from "../clock.js";

/** Timers go by a clock that may stand still while the machine sleeps: the time of day is looked at so often. */
const LOOK_MS = 3_600_000;
const SOONEST_MS = 1_000;

/** Has something looked at by a time of day, and perhaps before: the look has to read the time again. */
export class WallTimer {
  readonly #clock: Clock;
  readonly #look: () => void;
  #end: (() => void) | undefined;

  constructor(clock: Clock, look: () => void) {
    this.#clock = clock;
    this.#look = look;
  }

  /** The next look, in place of the one before. @param at milliseconds since the Unix epoch; `Infinity` for none */
  set(at: number): void {
    this.clear();
    if (at === Number.POSITIVE_INFINITY) return;
    const inMs = at - this.#clock.wallNow();
    this.#end = this.#clock.after(Math.min(Math.max(inMs, SOONEST_MS), LOOK_MS), this.#look);
  }

  clear(): void {
    this.#end?.();
    this.#end = undefined;
  }
}
