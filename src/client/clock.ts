import { realTimers } from "../base/real-timers.js";
import { MAX_TIMER_MS, NANOSECONDS_PER_MS } from "../base/time.js";

/** Time as the client sees it; give another one to run it on virtual time. */
export interface Clock {
  /**
   * Milliseconds since some fixed moment; never goes back. All waits are counted on this one. Whether it goes on while the
   * machine sleeps is up to the system; where not, a wait goes on after the sleep where it was.
   */
  now(): number;
  /**
   * Milliseconds since the Unix epoch. Setting it neither shortens nor stretches any wait; a jump only has the client
   * make sure that its link is alive, since that is what a sleep looks like.
   */
  wallNow(): number;
  /** Calls back once, after `delayMs` (at most 2^31 - 1). @returns what ends the wait */
  after(delayMs: number, callback: () => void): () => void;
  /** Calls back once, when everything that this turn of the event loop set off has run. */
  soon(callback: () => void): void;
}

const [guestClock, hostClock] = [clockOfSystem(false), clockOfSystem(true)];

/**
 * The system's clock, one for all clients.
 *
 * @param keepAlive whether a waiting timer keeps the process alive
 */
export function systemClock(keepAlive: boolean): Clock {
  return keepAlive ? hostClock : guestClock;
}

function clockOfSystem(keepAlive: boolean): Clock {
  return {
    // Whole numbers up, which V8 keeps in place; a fraction would be an object of its own wherever it is kept.
    now: () => Math.ceil(performance.now()),
    wallNow: () => Date.now(),
    after(delayMs, callback) {
      const timer = setTimeout(callback, delayMs);
      if (!keepAlive) timer.unref();
      return () => clearTimeout(timer);
    },
    soon: (callback) => void realTimers.setImmediate(callback),
  };
}

/**
 * Calls back once after so long on a clock, or in real time where that clock stands still, as virtual ones do.
 *
 * @param realMs the least that passes in real time before the clock is no longer waited for
 * @returns what ends the wait
 */
export function afterAtMost(clock: Clock, delayMs: number, realMs: number, callback: () => void): () => void {
  // Timers take a longer delay for none at all.
  const waitMs = Math.min(delayMs, MAX_TIMER_MS);
  const once = (): void => {
    end();
    callback();
  };
  const endOnClock = clock.after(waitMs, once);
  const timer = realTimers.setTimeout(once, Math.max(waitMs, realMs));
  const end = (): void => {
    endOnClock();
    realTimers.clearTimeout(timer);
  };
  return end;
}

/** Keeps the process alive until the function returned is called. */
export function holdProcess(): () => void {
  const timer = setInterval(() => undefined, MAX_TIMER_MS);
  return () => clearInterval(timer);
}

/** The time of day in nanoseconds since the Unix epoch, as messages carry it. */
export function wallNanoseconds(clock: Clock): bigint {
  return BigInt(Math.trunc(clock.wallNow())) * NANOSECONDS_PER_MS;
}
