import type { Lost } from "../io.js";
import { type BackoffBounds, backoffMs, obeyMs, promptMs, throttleMs } from "./backoff.js";

/** Between what the waits before another dial lie, in milliseconds. */
export interface DelayBounds {
  backoff: BackoffBounds;
  /** The shortest pause when the server asks for one without a length (THR-06). */
  throttleFloorMs: number;
  /** The longest pause that a server can impose. */
  throttleMaxMs: number;
}

/** So many times in a row another way to the server may be tried at once: from one to the other and back. */
const MAX_DETOURS = 2;

/** How long to wait before the next dial, by what went wrong so far. */
export class RetryDelays {
  readonly #bounds: DelayBounds;
  readonly #random: () => number;
  #failures = 0;
  #pauses = 0;
  /** Other credentials have been tried at once. */
  #refreshed = false;
  #detours = 0;

  constructor(bounds: DelayBounds, random: () => number) {
    this.#bounds = bounds;
    this.#random = random;
  }

  /** The server answered, and not that it is too busy. */
  answered(): void {
    this.#pauses = 0;
  }

  /** The link was a good one: what went wrong before it no longer counts. */
  settled(): void {
    this.#failures = 0;
    this.#detours = 0;
    this.#refreshed = false;
  }

  /** AUTH-02: fresh credentials are tried at once, but only once. */
  mayRenew(renewed: Lost["renewed"]): boolean {
    if (renewed === "transport") return this.#detours < MAX_DETOURS;
    if (renewed !== "credentials" || this.#refreshed) return false;
    this.#refreshed = true;
    return true;
  }

  /** @param isDetour whether another way to the server is tried, which does not count as a failure */
  renewal(isDetour: boolean): number {
    if (isDetour) this.#detours += 1;
    else this.#failures += 1;
    return promptMs(this.#random());
  }

  /** D5: prompt after the break of a good link, else backoff. */
  next(loss: Pick<Lost, "orderly" | "throttled" | "retryAfterMs">, wasAnswered: boolean): number {
    this.#detours = 0;
    if (loss.throttled) return this.pause(loss.retryAfterMs);
    const prompt = wasAnswered && this.#failures === 0 && !loss.orderly;
    const delay = prompt ? promptMs(this.#random()) : backoffMs(this.#failures, this.#random(), this.#bounds.backoff);
    this.#failures += 1;
    return delay;
  }

  /** The server asks for a pause. @param askedMs how long, if it says so */
  pause(askedMs: number | undefined): number {
    const { throttleFloorMs, throttleMaxMs, backoff } = this.#bounds;
    const pauses = this.#pauses;
    this.#pauses += 1;
    if (askedMs === undefined || Number.isNaN(askedMs)) {
      return Math.min(throttleMaxMs, throttleMs(pauses, this.#random(), throttleFloorMs));
    }
    // A server that asks for next to nothing, again and again, would get a storm.
    const leastMs = pauses === 0 ? 0 : backoff.minMs;
    return Math.max(leastMs, obeyMs(askedMs, this.#random(), throttleMaxMs));
  }
}
