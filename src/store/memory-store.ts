import { checkBlobName, copyOfBlob } from "./blob-format.js";
import type { Store, StoreBlobs, StoredState } from "./store.js";

/**
 * A store that lives as long as the process: for tests, and for agents that make a new client now and then.
 *
 * @param initial what it holds at first; default: nothing
 */
export function memoryStore(initial?: StoredState): Store & { readonly blobs: StoreBlobs } {
  let state = initial;
  const blobs = new Map<string, Uint8Array>();
  return {
    // A copy for each load, which is seldom; what is saved is new each time.
    load: () => structuredClone(state),
    save(next) {
      state = next;
    },
    blobs: {
      async read(name) {
        checkBlobName(name);
        const blob = blobs.get(name);
        return blob && new Uint8Array(blob);
      },
      async write(name, bytes) {
        checkBlobName(name);
        blobs.set(name, copyOfBlob(bytes));
      },
      async remove(name) {
        checkBlobName(name);
        blobs.delete(name);
      },
    },
  };
}
