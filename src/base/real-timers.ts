import { clearTimeout, setImmediate, setTimeout } from "node:timers";

/**
 * What fake timers of a test must not stop: taken from the module, and when this is loaded, since test runners replace the
 * globals, and those of the module too. Waits of a client are made of the globals, and follow fake timers.
 */
export const realTimers = {
  clearTimeout,
  setImmediate,
  setTimeout,
  /** By a promise, which nobody replaces. */
  queueMicrotask: (callback: () => void): void => void Promise.resolve().then(callback),
};
