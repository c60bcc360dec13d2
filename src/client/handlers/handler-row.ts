import type { CapabilityName } from "../../core/capabilities.js";
import type { OfferKind, OfferValues } from "../../core/io.js";
import type { OfferStatus } from "../../core/parts.js";
import type { StoredState } from "../../store/store.js";
import type { Verdict } from "../connection-options.js";
import type { ApplyContext, Handlers } from "../options.js";

/** A handler or provider that a host can supply. */
export interface HandlerRow {
  /** What it turns on. */
  readonly capabilities: readonly CapabilityName[];
  /** The functions that it must have where it is an object; otherwise it is a function itself. */
  readonly members?: readonly string[];
  /** The functions that it may have besides. */
  readonly optional?: readonly string[];
  /** What to know when it fails. */
  readonly hint?: string;
}

/** The kinds of offers that a handler of the host takes as they are. */
export type HandledKind = OfferKind & keyof Handlers;

/** An offer as its handler is given it. */
export type Applied<K extends HandledKind = HandledKind> = Parameters<NonNullable<Handlers[K]>["apply"]>[0];

/** The host's handler of one kind of offers. */
export interface ApplyHandler<K extends HandledKind = HandledKind> {
  validate?(offer: Applied<K>, context: ApplyContext<Applied<K>>): Verdict;
  apply(offer: Applied<K>, context: ApplyContext<Applied<K>>): void | Promise<void>;
}

/** How one kind of offers gets to its handler and into the store. */
export interface OfferHandler<K extends HandledKind = HandledKind> extends HandlerRow {
  /** What people call the kind, as a line of a log begins with it. */
  readonly title: string;
  /** An offer as plain values, copied: the bytes of a message do not outlive it. */
  read(offer: OfferValues[K]): Applied<K>;
  /** What the store remembers: how the last offer ended, and what was applied last. */
  restore(state: StoredState): { status: OfferStatus | undefined; applied: Applied<K> | undefined };
  /**
   * What the store is to remember.
   *
   * @param offered the offer itself, where it has to be stored before its handler runs
   * @throws TypeError where the handler has made something else of what it was given
   */
  store(status: OfferStatus, applied: Applied<K> | undefined, offered: OfferValues[K] | undefined): StoredState;
}
