import { isObject } from "../../base/checks.js";
import type { Input, StateChange } from "../../core/io.js";
import type { OfferStatus } from "../../core/parts.js";
import { messageOf, OpAMPError, type OpAMPErrorDetails } from "../../errors.js";
import type { Store, StoredState } from "../../store/store.js";
import { readStoredState } from "../../store/stored-state.js";
import type { Clock } from "../clock.js";
import type { Applied, HandledKind } from "../handlers/handler-row.js";
import { offerHandlers } from "../handlers/handler-table.js";

/** How long a store may take to load before the client goes on without, in milliseconds. */
const LOAD_MS = 30_000;
const NO_STORE = "there is no store";

/** What a store came back with, or why the client is to stop. */
type Loaded = StoredState | OpAMPError;

/** Keeps a store up to date: one save at a time, the newest state wins, a failure is told and survived. */
export class Persistence {
  /** Without one, nothing outlives the client. */
  #store: Store | undefined;
  readonly #clock: Clock;
  readonly #failed: (error: OpAMPError) => void;
  readonly #feed: (input: Input) => void;
  readonly #onForeignStore: "stop" | "newIdentity";
  #state: StoredState = {};
  /** The changes that the next save makes durable. */
  #changes: number[] | undefined;
  /** There is something that is not saved, and nobody at it unless `#writing`. */
  #dirty = false;
  #writing = false;
  /** The end of the saving that began last. */
  #saving: Promise<void> | undefined;
  /** When the store has come back from loading, however late. */
  #loading: Promise<void> | undefined;
  #endLoading: (() => void) | undefined;
  /** There while a store that was done without is still loading; whether it holds a state that nobody has seen. */
  #late: Promise<boolean> | undefined;

  constructor(
    store: Store | undefined,
    clock: Clock,
    failed: (error: OpAMPError) => void,
    feed: (input: Input) => void,
    onForeignStore: "stop" | "newIdentity" = "stop",
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#failed = failed;
    this.#feed = feed;
    this.#onForeignStore = onForeignStore;
  }

  /**
   * What the store remembers; nothing where it cannot be read; an error where it is foreign, and the client is to stop. At
   * once where the store answers at once.
   */
  load(): Loaded | Promise<Loaded> {
    if (this.#store === undefined) return this.#state;
    this.#loading = Promise.resolve();
    try {
      const loaded: unknown = this.#store.load((error) => this.#reported(error));
      if (!isThenable(loaded)) return this.#loaded(loaded);
      const loading = Promise.resolve(loaded);
      this.#loading = loading.then(
        () => undefined,
        (cause: unknown) => this.#refused(cause),
      );
      return this.#loadInTime(loading);
    } catch (cause) {
      this.#refused(cause);
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

  /**
   * Keeps a change that the core wants to be durable, and tells it once it is, or cannot be.
   *
   * @param applied what of a kind was applied last
   */
  keep(id: number, change: StateChange, applied: (kind: HandledKind) => Applied | undefined): void {
    // Servers repeat what they ask for, some in every answer.
    const isKnown = change.what === "heartbeat" && change.requestedMs === this.#state.heartbeatMs;
    if (isKnown) return this.#feed({ type: "persisted", id });
    if (this.#store === undefined) return this.kept([id], NO_STORE);
    this.#changes = [...(this.#changes ?? []), id];
    this.save(this.#stored(change, applied));
  }

  /** Whether there is a store, and it is for this client. */
  get isKept(): boolean {
    return this.#store !== undefined;
  }

  /** Changes what is remembered, and tells the core of these changes. @returns whether it was saved */
  async saveAll(change: StoredState, ids: readonly number[]): Promise<boolean> {
    this.#changes = [...(this.#changes ?? []), ...ids];
    this.save(change);
    await this.#saving;
    return !this.#dirty;
  }

  /** Tells the core that changes are kept, or why not. */
  kept(ids: readonly number[], error?: string): void {
    for (const id of ids)
      this.#feed(error === undefined ? { type: "persisted", id } : { type: "persisted", id, error });
  }

  #stored(change: StateChange, applied: (kind: HandledKind) => Applied | undefined): StoredState {
    switch (change.what) {
      case "instanceUid":
        return { instanceUid: change.uid };
      case "heartbeat":
        return { heartbeatMs: change.requestedMs };
      case "offer": {
        if (change.kind === "connectionSettings") return toStoredSettings(change.status);
        const { store } = offerHandlers[change.kind];
        const offer = change.offered?.kind === change.kind ? change.offered.offer : undefined;
        try {
          return store(change.status, applied(change.kind), offer);
        } catch (cause) {
          this.#complain("what was applied cannot be stored", cause);
          return store(change.status, undefined, offer);
        }
      }
      case "forget":
        return { [change.kind]: undefined };
      case "settings":
        // Kept with the settings themselves.
        return {};
      default:
        return change satisfies never;
    }
  }

  /** Resolves once what was changed last is saved, or cannot be; at once where the store does not outlive the process. */
  get saved(): Promise<void> | undefined {
    return this.#store?.lasting === true ? this.#saving : undefined;
  }

  /** Nothing is loaded any more. Resolves when everything is saved, or cannot be. */
  async settled(): Promise<void> {
    this.#endLoading?.();
    await this.#saving;
  }

  /** The end: what could not be saved is tried once more, and the store let go of. */
  async close(): Promise<void> {
    if (this.#dirty && !this.#writing) this.#saving = this.#write();
    else if (this.#writing) this.#saving = this.#saving?.then(() => (this.#dirty ? this.#write() : undefined));
    await this.settled();
    const closing = this.#loading?.then(() => this.#close());
    // A store that is still loading is closed when it has, without anybody waiting for that.
    if (this.#endLoading === undefined) await closing;
  }

  async #write(): Promise<void> {
    this.#writing = true;
    let isOwing = false;
    while (this.#dirty) {
      this.#dirty = false;
      const changes = this.#changes ?? [];
      this.#changes = undefined;
      const failure = await this.#trySave();
      isOwing = failure !== undefined;
      this.kept(changes, isOwing ? messageOf(failure) : undefined);
    }
    // In the same breath as the last look at what is dirty, so that a change that comes later starts over.
    this.#dirty = isOwing;
    this.#writing = false;
  }

  /** @returns why it could not be saved */
  async #trySave(): Promise<unknown> {
    try {
      if (this.#late !== undefined && (await this.#late)) throw unseen();
      if (this.#store === undefined) return NO_STORE;
      await this.#store.save(this.#state);
      return undefined;
    } catch (cause) {
      this.#refused(cause);
      this.#complain("the store did not save", cause);
      return cause ?? new Error("the store gave no reason");
    }
  }

  async #close(): Promise<void> {
    try {
      await this.#store?.close?.();
    } catch (cause) {
      this.#complain("the store did not close", cause);
    }
  }

  async #loadInTime(loading: Promise<unknown>): Promise<Loaded> {
    const late = new Promise<never>((_, reject) => {
      this.#endLoading = this.#clock.after(LOAD_MS, () => {
        this.#late = loading.then(
          (found) => found !== undefined && found !== null,
          () => false,
        );
        reject(new Error(`nothing came within ${LOAD_MS} ms`));
      });
    });
    try {
      return this.#loaded(await Promise.race([loading, late]));
    } catch (cause) {
      return this.#unreadable(cause);
    } finally {
      this.#endLoading?.();
      this.#endLoading = undefined;
    }
  }

  #loaded(loaded: unknown): StoredState {
    this.#state = readStoredState(loaded, this.#failed);
    return this.#state;
  }

  #unreadable(cause: unknown): Loaded {
    if (!isForeign(cause)) this.#complain("the store did not load", cause);
    else if (this.#onForeignStore === "newIdentity")
      this.#complain("going on without the store, as another agent", cause);
    else {
      const hint = `${cause.hint}; with onForeignStore: "newIdentity" it goes on without the store, as another agent`;
      return failure("the store did not load", cause, { hint });
    }
    return {};
  }

  /** A store that is for somebody else is left alone, and closing it is not up to us either. */
  #refused(cause: unknown): void {
    if (!(cause instanceof OpAMPError) || cause.code !== "ERR_OPAMP_STORE") return;
    if (!cause.retryable || cause.foreignStore) this.#store = undefined;
  }

  #reported(error: unknown): void {
    if (error instanceof OpAMPError) this.#failed(error);
    else this.#complain("the store reports", error);
  }

  #complain(what: string, cause: unknown): void {
    this.#failed(failure(what, cause));
  }
}

function toStoredSettings({ hash, status, error, digest }: OfferStatus): StoredState {
  return status === "applying" ? {} : { connectionSettings: { hash, status, error, digest } };
}

function failure(what: string, cause: unknown, more: OpAMPErrorDetails = {}): OpAMPError {
  const { hint, retryable, foreignStore }: OpAMPErrorDetails = cause instanceof OpAMPError ? cause : {};
  const details = { cause, hint, retryable, foreignStore, ...more };
  return new OpAMPError("ERR_OPAMP_STORE", `${what}: ${messageOf(cause)}`, details);
}

function isForeign(cause: unknown): cause is OpAMPError {
  return cause instanceof OpAMPError && cause.code === "ERR_OPAMP_STORE" && cause.foreignStore;
}

function unseen(): OpAMPError {
  const hint = "restart the agent once the store answers in time";
  const text = "it holds a state that came too late to be used, and is not overwritten";
  return new OpAMPError("ERR_OPAMP_STORE", text, { hint });
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return isObject(value) && typeof value["then"] === "function";
}
