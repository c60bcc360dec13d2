import { realTimers } from "./real-timers.js";

/** Long work in pieces: the one who runs it may do something else in between. */
export type Steps<T> = Generator<undefined, T, undefined>;

/** Does all of it now. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const next = steps.next();
    if (next.done === true) return next.value;
  }
}

/** Does it with a turn of the event loop after each step. */
export async function inTurns<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    const next = steps.next();
    if (next.done === true) return next.value;
    await new Promise((resolve) => realTimers.setImmediate(resolve));
  }
}

/** Counts work, and says when it is time for the next step. */
export function stepOf(most: number): (amount: number) => boolean {
  let done = 0;
  return (amount) => {
    done += amount;
    if (done < most) return false;
    done = 0;
    return true;
  };
}
