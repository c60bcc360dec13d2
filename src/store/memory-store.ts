import type { Store, StoredState } from "./store.js";

/**
 * A store that lives as long as the process: for tests, and for agents that make a new client now and then.
 *
 * @param initial what it holds at first; default: nothing
 */
export function memoryStore(initial?: StoredState): Store {
  let state = initial;
  return {
    // A copy for whoever loads, which is seldom; what is saved is new each time.
    load: () => structuredClone(state),
    save(next) {
      state = next;
    },
  };
}
