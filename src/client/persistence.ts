import { messageOf, OpAMPError } from "../errors.js";
import type { Store, StoredState } from "../store/store.js";
import type { Clock } from "./clock.js";
import { isOptions } from "./option-path.js";
import { readStoredState } from "./stored-state.js";

/** How long a store may take to load before the client goes on without, in milliseconds. */
const LOAD_MS = 30_000;

/** Keeps a store up to date: one save at a time, the newest state wins, a failure is told and survived. */
export class Persistence {
  /** Without one, nothing outlives the client. */
  readonly #store: Store | undefined;
  readonly #clock: Clock;
  readonly #failed: (error: OpAMPError) => void;
  #state: StoredState = {};
  #dirty = false;
  #writing = false;
  /** The end of the saving that began last. */
  #saving: Promise<void> | undefined;
  #endLoading: (() => void) | undefined;

  constructor(store: Store | undefined, clock: Clock, failed: (error: OpAMPError) => void) {
    this.#store = store;
    this.#clock = clock;
    this.#failed = failed;
  }

  /** What the store remembers; nothing where it cannot be read. At once where the store answers at once. */
  load(): StoredState | Promise<StoredState> {
    if (this.#store === undefined) return this.#state;
    try {
      const loaded: unknown = this.#store.load();
      return isThenable(loaded) ? this.#loadInTime(loaded) : this.#loaded(loaded);
    } catch (cause) {
      return this.#unreadable(cause);
    }
  }

  /** Changes what is remembered. */
  save(change: StoredState): void {
    if (this.#store === undefined) return;
    this.#state = { ...this.#state, ...change };
    this.#dirty = true;
    if (!this.#writing) this.#saving = this.#write();
  }

  /** Nothing is loaded any more. Resolves when everything is saved, or cannot be. */
  async settled(): Promise<void> {
    this.#endLoading?.();
    await this.#saving;
  }

  async #write(): Promise<void> {
    this.#writing = true;
    while (this.#dirty) {
      this.#dirty = false;
      try {
        await this.#store?.save(this.#state);
      } catch (cause) {
        this.#failed(new OpAMPError("ERR_OPAMP_STORE", `the store did not save: ${messageOf(cause)}`, { cause }));
      }
    }
    // In the same breath as the last look at what is dirty, so that a change that comes later begins anew.
    this.#writing = false;
  }

  async #loadInTime(loading: PromiseLike<unknown>): Promise<StoredState> {
    const late = new Promise<never>((_, reject) => {
      this.#endLoading = this.#clock.after(LOAD_MS, () => reject(new Error(`nothing came within ${LOAD_MS} ms`)));
    });
    try {
      return this.#loaded(await Promise.race([loading, late]));
    } catch (cause) {
      return this.#unreadable(cause);
    } finally {
      this.#endLoading?.();
    }
  }

  #loaded(loaded: unknown): StoredState {
    this.#state = readStoredState(loaded);
    return this.#state;
  }

  #unreadable(cause: unknown): StoredState {
    this.#failed(new OpAMPError("ERR_OPAMP_STORE", `the store did not load: ${messageOf(cause)}`, { cause }));
    return {};
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return isOptions(value) && typeof value["then"] === "function";
}
