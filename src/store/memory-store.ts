import type { Store, StoredState } from "./store.js";

/**
 * A store that lives as long as the process: for tests, and for agents that make a new client now and then.
 *
 * @param initial what it holds at first; default: nothing
 */
export function memoryStore(initial?: StoredState): Store {
  let state = initial;
  return {
    load: () => state,
    save(next) {
      state = structuredClone(next);
    },
  };
}
