import type { Lost } from "../io.js";
import { NEVER } from "../timers.js";
import { type BackoffBounds, failureWindows, nextTurnMs, pauseWindows, promptMs, type Windows } from "./backoff.js";

/** Between what the waits before another dial lie, in milliseconds. */
export interface DelayBounds {
  backoff: BackoffBounds;
  /** The shortest pause when the server asks for one without a length (THR-06). */
  throttleFloorMs: number;
  /** The longest pause that a server can impose. */
  throttleMaxMs: number;
  /** Until when another dial makes sense: a wait ends before, where it may. Default: no such time. */
  before?: (() => number) | undefined;
}

/** So many times in a row another way to the server may be tried at once: from one to the other and back. */
const MAX_DETOURS = 2;

/** By so much at most a wait is shorter than to the agent's next turn; where a spread is given, as often longer by half of it. */
const SHIFT = 0.04;

/** When an agent comes back: its place in windows that began then. */
interface Turns {
  since: number;
  place: number;
  windows: Windows;
}

/** Whether windows are too narrow for a pause of this length, or too wide since the server asks for far less than at first. */
function isFarFrom({ startMs, maxMs }: Windows, leastMs: number): boolean {
  return leastMs > maxMs || 2 * leastMs < startMs;
}

/** How long to wait before the next dial, by what went wrong so far. */
export class RetryDelays {
  readonly #bounds: DelayBounds;
  readonly #random: () => number;
  /** A server has answered since the start. */
  #wasConnected = false;
  #failures = 0;
  /** From the first failure to a good link, and from the first pause to an answer. */
  #failing: Turns | undefined;
  #pausing: Turns | undefined;
  /** Other credentials have been tried at once. */
  #refreshed = false;
  #detours = 0;

  constructor(bounds: DelayBounds, random: () => number) {
    this.#bounds = bounds;
    this.#random = random;
  }

  /** The server answered, and not that it is too busy. */
  answered(): void {
    this.#wasConnected = true;
    this.#pausing = undefined;
  }

  /** The link was a good one: what went wrong before it no longer counts. */
  settled(): void {
    this.#failures = 0;
    this.#failing = undefined;
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
  next(loss: Pick<Lost, "orderly" | "throttled" | "retryAfterMs">, wasAnswered: boolean, now: number): number {
    this.#detours = 0;
    if (loss.throttled) return this.pause(loss.retryAfterMs, now);
    const { minMs, maxMs, spreadMs } = this.#bounds.backoff;
    const isPrompt = wasAnswered && this.#failures === 0 && !loss.orderly;
    this.#failures += 1;
    if (isPrompt && spreadMs === undefined) return promptMs(this.#random());
    const windows = failureWindows(this.#bounds.backoff, this.#wasConnected);
    this.#failing ??= { since: now, place: this.#random(), windows };
    return this.#waitFor(this.#failing, isPrompt ? 0 : minMs, spreadMs === undefined ? maxMs : NEVER, now);
  }

  /** The server asks for a pause. @param askedMs how long, if it says so */
  pause(askedMs: number | undefined, now: number): number {
    const { throttleFloorMs, throttleMaxMs, backoff } = this.#bounds;
    const isNamed = askedMs !== undefined && !Number.isNaN(askedMs);
    // A server that asks for next to nothing, again and again, would get a storm.
    const shortestMs = this.#pausing === undefined ? 0 : backoff.minMs;
    const leastMs = Math.min(isNamed ? Math.max(askedMs, shortestMs) : throttleFloorMs, throttleMaxMs);
    if (this.#pausing === undefined || isFarFrom(this.#pausing.windows, leastMs)) {
      const roomMs = isNamed ? NEVER : throttleMaxMs - leastMs;
      const windows = pauseWindows(leastMs, roomMs, throttleFloorMs, backoff);
      this.#pausing = { since: now, place: this.#random(), windows };
    }
    return this.#waitFor(this.#pausing, leastMs, isNamed ? NEVER : throttleMaxMs, now);
  }

  /** How long it is to the agent's next turn, or a little less: all later turns are as much earlier. */
  #waitFor(turns: Turns, leastMs: number, mostMs: number, now: number): number {
    const waitMs = turns.since + nextTurnMs(now + leastMs - turns.since, turns.place, turns.windows) - now;
    // Who meets others, or a server that is busy at the same moment every minute, does not meet them for ever.
    const share = this.#random() - (this.#bounds.backoff.spreadMs === undefined ? 0 : 0.5);
    const thisMs = Math.ceil(Math.min(waitMs - SHIFT * share * (waitMs - leastMs), Math.max(leastMs, mostMs)));
    turns.since -= waitMs - thisMs;
    return this.#inTime(thisMs, leastMs, now);
  }

  #inTime(waitMs: number, leastMs: number, now: number): number {
    const roomMs = (this.#bounds.before?.() ?? NEVER) - now;
    if (waitMs < roomMs || leastMs >= roomMs) return waitMs;
    return leastMs + Math.floor(this.#random() * (roomMs - leastMs));
  }
}
