import type { Store, StoredState } from "../../../src/index.js";

/** What a disk holds at one moment. */
export interface Disk {
  state: StoredState | undefined;
  blobs: ReadonlyMap<string, Uint8Array>;
}

const EMPTY: Disk = { state: undefined, blobs: new Map() };

/** A store that remembers what it held after each of its changes, as a process finds it that starts after a kill. */
export function recorded(from: Disk = EMPTY) {
  const moments: Disk[] = [from];
  const now = (): Disk => moments.at(-1) ?? from;
  const store: Store = {
    lasting: true,
    load: () => structuredClone(now().state),
    save: (state) => void moments.push({ ...now(), state: structuredClone(state) }),
    blobs: {
      read: async (name) => now().blobs.get(name),
      async write(name, bytes) {
        moments.push({ ...now(), blobs: new Map(now().blobs).set(name, new Uint8Array(bytes)) });
      },
      async remove(name) {
        const blobs = new Map(now().blobs);
        blobs.delete(name);
        moments.push({ ...now(), blobs });
      },
    },
  };
  return { store, moments, now };
}
