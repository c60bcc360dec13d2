import { setTimeout as pause } from "node:timers/promises";
import { type VirtualClock, virtualClock } from "../../../src/testing/index.js";

const STEP_MS = 5;
/** What a step takes beyond this is the machine's time, not that of the clients. */
const LONGEST_STEP_MS = 15;

/** A clock that goes on by itself, and stands still while the machine is busy with something else. */
export interface SteadyClock extends VirtualClock {
  /** Resolves after this long. */
  wait(ms: number): Promise<void>;
}

/**
 * Runs `work` on a clock of its own, in real time as long as the machine keeps up: what holds this process up holds up the
 * clock too, so that no time limit and no figure is about how busy the machine is.
 *
 * @param tick is called after each step
 */
export async function onSteadyClock<T>(work: (clock: SteadyClock) => Promise<T>, tick: () => void): Promise<T> {
  const virtual = virtualClock();
  const clock: SteadyClock = {
    ...virtual,
    get pending() {
      return virtual.pending;
    },
    wait: (ms) => new Promise((resolve) => virtual.after(ms, resolve)),
  };
  let isOver = false;
  const done = work(clock).finally(() => {
    isOver = true;
  });
  // The caller sees how it fails; here it only ends the loop.
  done.catch(() => undefined);
  for (let lastMs = performance.now(); !isOver; ) {
    await pause(STEP_MS);
    const nowMs = performance.now();
    await virtual.advance(Math.min(nowMs - lastMs, LONGEST_STEP_MS));
    lastMs = nowMs;
    tick();
  }
  return done;
}
