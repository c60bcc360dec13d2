import { hexOf, sha256 } from "../../base/bytes.js";
import { messageOf, OpAMPError, ownHint } from "../../errors.js";
import type { Store, StoredState } from "../../store/store.js";
import type { Failed } from "../observe/client-event.js";
import type { Persistence } from "../state/persistence.js";

/** Why stored settings are put aside: some of them cannot be read any more. */
export const DAMAGED = "the stored settings are gone or damaged";
/** Why stored settings are put aside: the operator has changed what they were laid over. */
export const forOtherOptions = (changed: readonly string[]): string =>
  `the options changed since they were offered: ${changed.join(", ")}`;
/** What to do about settings that cannot be read now. */
export const unreadHint =
  "make the file readable for the agent, and restart it: nothing is forgotten, and until then it goes on without them";

/** A change of what a state names. */
export interface Replacement {
  /** By name, to be there before the state. */
  readonly blobs: ReadonlyMap<string, Uint8Array>;
  readonly state: StoredState;
  /** What the core waits for. */
  readonly ids?: readonly number[];
  /** Called where a blob cannot be written: the state stays as it was. */
  readonly unwritten?: () => void;
  /** The names that are no longer needed, asked for once the state is saved. */
  readonly unneeded: () => readonly string[];
}

/**
 * Settings as blobs that are named by their content: each is there before the state that names it, and removed after the
 * state that does not. Without a place for blobs they last as long as the process.
 */
export class SettingsBlobs {
  readonly #store: Store | undefined;
  readonly #persistence: Persistence;
  readonly #failed: Failed;
  /** One change after the other. */
  #last: Promise<unknown> = Promise.resolve();
  #underWay = 0;

  constructor(store: Store | undefined, persistence: Persistence, failed: Failed) {
    this.#store = store;
    this.#persistence = persistence;
    this.#failed = failed;
  }

  /** Whether settings outlive the process, keys included. */
  get isLasting(): boolean {
    return this.#store?.lasting === true && this.#store.blobs !== undefined && this.#persistence.isKept;
  }

  /**
   * A blob of ours, if it is what its name says.
   *
   * @param unread told why it cannot be read now; it may be whole
   */
  async read(name: string, unread: (cause: unknown) => void): Promise<Uint8Array | undefined> {
    try {
      const bytes = await this.#store?.blobs?.read(name);
      return bytes !== undefined && isWhole(name, bytes) ? bytes : undefined;
    } catch (cause) {
      this.#complain(cause);
      unread(cause);
      return undefined;
    }
  }

  /** Resolves once it is kept, or cannot be. */
  replace({ blobs, state, ids = [], unwritten, unneeded }: Replacement): Promise<void> {
    const persistence = this.#persistence;
    const store = this.#store?.blobs;
    if (store === undefined || !persistence.isKept) {
      persistence.kept(ids);
      return Promise.resolve();
    }
    this.#underWay += 1;
    const replaced = this.#last.then(async () => {
      try {
        for (const [name, bytes] of blobs) await store.write(name, bytes);
      } catch (cause) {
        unwritten?.();
        this.#complain(cause);
        return persistence.kept(ids, messageOf(cause));
      }
      if (!(await persistence.saveAll(state, ids))) return;
      for (const name of unneeded()) await store.remove(name).catch((cause: unknown) => this.#complain(cause));
    });
    this.#last = replaced.finally(() => {
      this.#underWay -= 1;
    });
    return replaced;
  }

  get isIdle(): boolean {
    return this.#underWay === 0;
  }

  /** Resolves once nothing is under way. */
  async settled(): Promise<void> {
    await this.#last;
  }

  #complain(cause: unknown): void {
    const text = `the connection settings of the server: ${messageOf(cause)}`;
    this.#failed(new OpAMPError("ERR_OPAMP_STORE", text, { cause, hint: ownHint(cause) }));
  }
}

/** The name of a blob with this content. */
export function blobName(kind: string, bytes: Uint8Array): string {
  return `${kind}-${digestOf(bytes)}`;
}

/** Whether this is what the blob of this name was written with. */
export function isWhole(name: string, bytes: Uint8Array): boolean {
  return name.endsWith(digestOf(bytes));
}

function digestOf(bytes: Uint8Array): string {
  return hexOf(sha256([bytes])).slice(0, 32);
}
