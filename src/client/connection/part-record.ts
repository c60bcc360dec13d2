import { decodePart, type PartSettings } from "../../connection-settings/part-settings.js";
import { encodePlain } from "../../connection-settings/snapshot.js";
import { messageOf } from "../../errors.js";
import type { StoredOther, StoredOthers, StoredState } from "../../store/store.js";
import type { Clock } from "../clock.js";
import { blobName, DAMAGED, type SettingsBlobs } from "./settings-blobs.js";

/** Which connection settings are for: a kind and, where there are several of it, a name. */
export interface PartId {
  readonly kind: string;
  readonly name: string | undefined;
}

/** What an earlier process left. */
export interface LeftParts {
  readonly parts: readonly (PartId & { readonly settings: PartSettings })[];
  /** Why some of it, or all, no longer counts. */
  readonly putAside?: string | undefined;
  /** Why some of it cannot be read now, which stays for a later start. */
  readonly unread?: string | undefined;
  /** Whose settings those are. */
  readonly unreadParts?: readonly PartId[];
}

/** Keeps the settings of connections besides the agent's own, those that nobody here has a handler for included. */
export class PartRecord {
  readonly #blobs: SettingsBlobs;
  readonly #clock: Clock;
  readonly #epoch: string;
  #stored: readonly StoredOther[] = [];

  constructor(blobs: SettingsBlobs, clock: Clock, epoch: string) {
    this.#blobs = blobs;
    this.#clock = clock;
    this.#epoch = epoch;
  }

  /** Whether settings outlive the process, keys included. */
  get isLasting(): boolean {
    return this.#blobs.isLasting;
  }

  /** Reads what was kept of the kinds that there are handlers for; what is damaged is done without. */
  async read({ epoch, parts: stored }: StoredOthers, isHandled: (kind: string) => boolean): Promise<LeftParts> {
    this.#stored = stored;
    if (epoch !== this.#epoch) {
      void this.#replace([], { connectionSettings: undefined });
      return { parts: [], putAside: "connectionSettings.settingsEpoch is another one" };
    }
    const handled = stored.filter(({ part }) => isHandled(part));
    const unread = new Map<StoredOther, unknown>();
    const read = await Promise.all(
      handled.map(async (entry) => {
        const bytes = await this.#blobs.read(entry.blob, (cause) => unread.set(entry, cause));
        return { entry, settings: bytes && decodePart(bytes) };
      }),
    );
    const parts = read.flatMap(({ entry: { part: kind, name }, settings }) =>
      settings === undefined ? [] : [{ kind, name, settings }],
    );
    const missing = read.filter(({ entry, settings }) => settings === undefined && !unread.has(entry));
    const gone = new Set(missing.map(({ entry }) => entry));
    const [why] = unread.values();
    const unreadParts = [...unread.keys()].map(({ part: kind, name }) => ({ kind, name }));
    const left: LeftParts = { parts, unread: unread.size === 0 ? undefined : messageOf(why), unreadParts };
    if (gone.size === 0) return left;
    // The server offers again what it is not told to be in force.
    void this.#replace(
      stored.filter((entry) => !gone.has(entry)),
      { connectionSettings: undefined },
    );
    return { ...left, putAside: DAMAGED };
  }

  /** Keeps settings in place of those before. Resolves once they are kept, or cannot be. */
  keep({ kind, name }: PartId, settings: PartSettings): Promise<void> {
    const bytes = encodePlain(settings);
    const blob = blobName("other", bytes);
    const entry: StoredOther = { part: kind, ...(name !== undefined && { name }), blob, at: this.#clock.wallNow() };
    const others = this.#stored.filter(({ part, name: its }) => part !== kind || its !== name);
    return this.#replace([...others, entry], {}, new Map([[blob, bytes]]));
  }

  /** Resolves once nothing is under way. */
  settled(): Promise<void> {
    return this.#blobs.settled();
  }

  #replace(next: readonly StoredOther[], also: StoredState, blobs: ReadonlyMap<string, Uint8Array> = new Map()) {
    const before = this.#stored;
    this.#stored = next;
    const otherConnections = next.length === 0 ? undefined : { epoch: this.#epoch, parts: next };
    return this.#blobs.replace({
      blobs,
      state: { ...also, otherConnections },
      unwritten: () => {
        if (this.#stored === next) this.#stored = before;
      },
      unneeded: () => {
        const needed = new Set(this.#stored.map(({ blob }) => blob));
        return before.map(({ blob }) => blob).filter((blob) => !needed.has(blob));
      },
    });
  }
}
