import { bytesOfHex, hexOf } from "../../base/bytes.js";
import { attempt } from "../../base/checks.js";
import { decodePart, encodePart, type PartSettings } from "../../connection-settings/part-settings.js";
import type { StoredOffer, StoredOther, StoredOthers, StoredRemoteConfig, StoredState } from "../../store/store.js";
import type { Clock } from "../clock.js";
import { bytesOf, offerOf, type SettingsOffer } from "./offer-plan.js";
import { blobName, type SettingsBlobs } from "./settings-blobs.js";

/** Which connection settings are for: a kind and, where there are several of it, a name. */
export interface PartId {
  readonly kind: string;
  readonly name: string | undefined;
}

/** An offer that an earlier process was applying. */
export interface LeftOffer {
  readonly offered: SettingsOffer;
  /** When that began, in milliseconds since the Unix epoch. */
  readonly at: number;
}

/** What an earlier process left. */
export interface LeftParts {
  readonly parts: readonly (PartId & { readonly settings: PartSettings })[];
  /** Why some of it, or all, no longer counts. */
  readonly putAside?: string;
  /** An offer that was under way. */
  readonly offer?: LeftOffer;
}

/** Keeps the settings of connections besides the agent's own, those that nobody here has a handler for included. */
export class PartRecord {
  readonly #blobs: SettingsBlobs;
  readonly #clock: Clock;
  readonly #epoch: string;
  #stored: readonly StoredOther[] = [];
  #offer: StoredOffer | undefined;

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
  async read({ epoch, parts: stored, offer }: StoredOthers, isHandled: (kind: string) => boolean): Promise<LeftParts> {
    this.#stored = stored;
    this.#offer = offer;
    if (epoch !== this.#epoch) {
      void this.#replace([], undefined, { connectionSettings: undefined });
      return { parts: [], putAside: "connectionSettings.settingsEpoch is another one" };
    }
    const handled = stored.filter(({ part }) => isHandled(part));
    const read = await Promise.all(
      handled.map(async (entry) => ({ entry, settings: decodedPart(await this.#blobs.read(entry.blob)) })),
    );
    const parts = read.flatMap(({ entry: { part: kind, name }, settings }) =>
      settings === undefined ? [] : [{ kind, name, settings }],
    );
    const gone = new Set(read.flatMap(({ entry, settings }) => (settings === undefined ? [entry] : [])));
    const bytes = offer && (await this.#blobs.read(offer.blob));
    const under =
      bytes && attempt(() => offerOf(bytes, offer.digest === undefined ? undefined : bytesOfHex(offer.digest)));
    if (gone.size === 0) return { parts, ...(under && { offer: { offered: under, at: offer.at } }) };
    // The server offers again what it is not told to be in force.
    void this.#replace(
      stored.filter((entry) => !gone.has(entry)),
      undefined,
      { connectionSettings: undefined },
    );
    return { parts, putAside: "they are gone or damaged" };
  }

  /** Keeps settings in place of those before. Resolves once they are kept, or cannot be. */
  keep({ kind, name }: PartId, settings: PartSettings): Promise<void> {
    const bytes = encodePart(settings);
    const blob = blobName("other", bytes);
    const entry: StoredOther = { part: kind, ...(name !== undefined && { name }), blob, at: this.#clock.wallNow() };
    const others = this.#stored.filter(({ part, name: its }) => part !== kind || its !== name);
    return this.#replace([...others, entry], this.#offer, {}, new Map([[blob, bytes]]));
  }

  /** An offer is under way whose server may be gone before all of it is done. */
  begin(offered: SettingsOffer): void {
    const bytes = bytesOf(offered);
    const blob = blobName("other-offer", bytes);
    const digest = offered.digest && hexOf(offered.digest);
    const offer: StoredOffer = { blob, at: this.#clock.wallNow(), ...(digest !== undefined && { digest }) };
    void this.#replace(this.#stored, offer, {}, new Map([[blob, bytes]]));
  }

  /** Whatever was under way is done. @param status how it ended, where the core does not have that stored */
  done(status?: StoredRemoteConfig): void {
    if (this.#offer === undefined) return;
    void this.#replace(this.#stored, undefined, status === undefined ? {} : { connectionSettings: status });
  }

  /** Resolves once nothing is under way. */
  settled(): Promise<void> {
    return this.#blobs.settled();
  }

  #replace(
    parts: readonly StoredOther[],
    offer: StoredOffer | undefined,
    also: StoredState,
    blobs: ReadonlyMap<string, Uint8Array> = new Map(),
  ): Promise<void> {
    const before = { parts: this.#stored, offer: this.#offer };
    this.#stored = parts;
    this.#offer = offer;
    const isNothing = parts.length === 0 && offer === undefined;
    const otherConnections: StoredOthers = { epoch: this.#epoch, parts, ...(offer && { offer }) };
    return this.#blobs.replace({
      blobs,
      state: { ...also, otherConnections: isNothing ? undefined : otherConnections },
      unwritten: () => {
        if (this.#stored === parts) this.#stored = before.parts;
        if (this.#offer === offer) this.#offer = before.offer;
      },
      unneeded: () => {
        const needed = namesIn(this.#stored, this.#offer);
        return [...namesIn(before.parts, before.offer)].filter((blob) => !needed.has(blob));
      },
    });
  }
}

function namesIn(parts: readonly StoredOther[], offer: StoredOffer | undefined): ReadonlySet<string> {
  return new Set([...parts, ...(offer ? [offer] : [])].map(({ blob }) => blob));
}

function decodedPart(bytes: Uint8Array | undefined): PartSettings | undefined {
  return bytes && decodePart(bytes);
}
