import { messageOf, OpAMPError } from "../errors.js";
import type { Store, StoredState } from "../store/store.js";

/** Keeps a store up to date: one save at a time, the newest state wins, a failure is told and survived. */
export class Persistence {
  readonly #store: Store;
  readonly #failed: (error: OpAMPError) => void;
  #state: StoredState = {};
  #dirty = false;
  #saving: Promise<void> | undefined;

  constructor(store: Store, failed: (error: OpAMPError) => void) {
    this.#store = store;
    this.#failed = failed;
  }

  /** What the store remembers; nothing where it cannot be read. At once where the store answers at once. */
  load(): StoredState | Promise<StoredState> {
    try {
      const loaded = this.#store.load();
      if (!(loaded instanceof Promise)) return this.#loaded(loaded);
      return loaded.then(
        (state) => this.#loaded(state),
        (cause: unknown) => this.#unreadable(cause),
      );
    } catch (cause) {
      return this.#unreadable(cause);
    }
  }

  /** Changes what is remembered. */
  save(change: StoredState): void {
    this.#state = { ...this.#state, ...change };
    this.#dirty = true;
    this.#saving ??= this.#write().finally(() => {
      this.#saving = undefined;
    });
  }

  /** Resolves when everything is saved, or cannot be. */
  async settled(): Promise<void> {
    await this.#saving;
  }

  async #write(): Promise<void> {
    while (this.#dirty) {
      this.#dirty = false;
      try {
        await this.#store.save(this.#state);
      } catch (cause) {
        this.#failed(new OpAMPError("ERR_OPAMP_STORE", `the store did not save: ${messageOf(cause)}`, { cause }));
      }
    }
  }

  #loaded(state: StoredState | undefined): StoredState {
    this.#state = state ?? {};
    return this.#state;
  }

  #unreadable(cause: unknown): StoredState {
    this.#failed(new OpAMPError("ERR_OPAMP_STORE", `the store did not load: ${messageOf(cause)}`, { cause }));
    return {};
  }
}
