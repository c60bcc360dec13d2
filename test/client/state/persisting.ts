import { Persistence } from "../../../src/client/state/persistence.js";
import type { Input } from "../../../src/core/io.js";
import type { OpAMPError, Store, StoredState } from "../../../src/index.js";
import { virtualClock } from "../../../src/testing/index.js";
import { Arrivals } from "../../transport/arrivals.js";

export const uid = (byte: number): Uint8Array => new Uint8Array(16).fill(byte);

/** A persistence over a store, what it complains of, and what it feeds the core with. */
export function persisting(store: Store | undefined) {
  const errors: OpAMPError[] = [];
  const fed: Input[] = [];
  const failed = (error: OpAMPError): void => void errors.push(error);
  return { persistence: new Persistence(store, virtualClock(), failed, (input) => fed.push(input)), errors, fed };
}

/** A store whose saves end when the test says so. */
export function slowStore() {
  const saves = new Arrivals<{ state: StoredState; end: () => void; fail: (cause: unknown) => void }>();
  const store: Store = {
    load: () => undefined,
    save: (state) => new Promise<void>((end, fail) => saves.push({ state, end, fail })),
  };
  return { store, saves };
}
