import type { CapabilityName } from "../../core/capabilities.js";
import type { OfferKind, OfferValues } from "../../core/io.js";
import type { OfferStatus } from "../../core/parts.js";
import type { StoredState } from "../../store/store.js";
import type { RemoteConfig } from "../../values/config-files.js";

/** A handler or provider that a host can supply. */
export interface HandlerRow {
  /** What it turns on. */
  readonly capabilities: readonly CapabilityName[];
  /** The functions that it must have where it is an object; otherwise it is a function itself. */
  readonly members?: readonly string[];
}

/** An offer of each kind as its handler is given it. */
export interface AppliedOffers {
  remoteConfig: RemoteConfig;
}

/** How one kind of offers gets to its handler and into the store. */
export interface OfferHandler<K extends OfferKind> extends HandlerRow {
  /** An offer as plain values, copied: the bytes of a message do not outlive it. */
  read(offer: OfferValues[K]): AppliedOffers[K];
  /** What the store remembers: how the last offer ended, and what was applied last. */
  restore(state: StoredState): { status: OfferStatus | undefined; applied: AppliedOffers[K] | undefined };
  /**
   * What the store is to remember.
   *
   * @throws TypeError where the handler has made something else of what it was given
   */
  store(status: OfferStatus, applied: AppliedOffers[K] | undefined): StoredState;
}
