import { memoryStore, type Store } from "../../src/index.js";

/** A store that says it outlives the process; in memory unless another one is given. */
export function lastingStore(store: Store = memoryStore()): Store {
  return { ...store, lasting: true };
}
