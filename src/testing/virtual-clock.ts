import { kindOf, wrongOption } from "../base/checks.js";
import { realTimers } from "../base/real-timers.js";
import { MAX_TIMER_MS } from "../base/time.js";
import type { Clock } from "../client/clock.js";

/** The first of January 2026, so that dates in reports look like dates. */
const DEFAULT_START_MS = Date.UTC(2026, 0, 1);

/** A turn in which nothing was set off may still hold a host that waits for the next one. */
const IDLE_TURNS = 2;

interface Timer {
  /** On the clock of {@link VirtualClock.now}. */
  readonly atMs: number;
  readonly callback: () => void;
}

/** A {@link Clock} whose time moves only when told to. Give it to an `OpAMPClient` as `clock`. */
export interface VirtualClock extends Clock {
  /**
   * Lets time pass: runs every timer that falls due, in order and at its time, and lets everything that it sets off
   * (promises, ends of turns, messages over a memory transport) come to rest before the next one. `advance(0)` does only
   * the latter.
   *
   * What waits for real input and output (sockets, files) is not waited for. Rejects with what a timer throws. Calls
   * queue up behind each other. Rejects with ERR_OPAMP_OPTION for what is not such a number.
   *
   * @param ms how far to move, in milliseconds, 0 or more
   */
  advance(ms: number): Promise<void>;
  /** How many timers wait; 0 once a client has stopped. */
  readonly pending: number;
}

/**
 * Makes a clock that stands still.
 *
 * Time never moves by itself, but turns of the event loop still end: what has no wait in it goes on without `advance`.
 *
 * @param startMs what {@link Clock.wallNow} begins with, in milliseconds since the Unix epoch. Default: 2026-01-01.
 * {@link Clock.now} begins with 0.
 */
export function virtualClock(startMs: number = DEFAULT_START_MS): VirtualClock {
  if (!Number.isFinite(startMs)) throw wrongOption("startMs", "must be milliseconds since the Unix epoch");
  /** The one due first comes first, and of two that are due together the one set first. */
  const timers: Timer[] = [];
  let nowMs = 0;
  let turnsToEnd = 0;
  let advanced: Promise<void> = Promise.resolve();

  async function settle(): Promise<void> {
    for (let idle = 0; idle < IDLE_TURNS; ) {
      await new Promise((resolve) => realTimers.setImmediate(resolve));
      idle = turnsToEnd === 0 ? idle + 1 : 0;
    }
  }

  async function run(untilMs: number): Promise<void> {
    await settle();
    for (let timer = timers[0]; timer !== undefined && timer.atMs <= untilMs; timer = timers[0]) {
      timers.shift();
      nowMs = Math.max(nowMs, timer.atMs);
      timer.callback();
      await settle();
    }
    nowMs = Math.max(nowMs, untilMs);
  }

  return {
    now: () => nowMs,
    wallNow: () => startMs + nowMs,
    get pending() {
      return timers.length;
    },
    after(delayMs, callback) {
      // Like the system's timers, it takes a longer delay, or none that is a number, for one millisecond.
      const waitMs = delayMs <= MAX_TIMER_MS ? Math.max(0, delayMs) : 1;
      const timer: Timer = { atMs: nowMs + waitMs, callback };
      timers.splice(timers.findLastIndex(({ atMs }) => atMs <= timer.atMs) + 1, 0, timer);
      return () => {
        const place = timers.indexOf(timer);
        if (place !== -1) timers.splice(place, 1);
      };
    },
    soon(callback) {
      turnsToEnd += 1;
      realTimers.setImmediate(() => {
        turnsToEnd -= 1;
        callback();
      });
    },
    advance(ms) {
      if (!(Number.isFinite(ms) && ms >= 0)) {
        const given = typeof ms === "number" ? ms : kindOf(ms);
        return Promise.reject(
          wrongOption("advance", `must be a finite number of milliseconds, 0 or more, not ${given}`),
        );
      }
      const done = advanced.then(() => run(nowMs + ms));
      advanced = done.catch(() => undefined);
      return done;
    },
  };
}
