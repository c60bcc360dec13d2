import { allowedParts } from "./capabilities.js";
import type { Outgoing, PartChanges } from "./io.js";
import { COMPONENTS, firstAlone, isSingle, WEIGHTLESS } from "./part-weights.js";
import { type Comparisons, Part, type PartName, type PartSet, type PartValues, partNames } from "./parts.js";
import type { AgentTimers } from "./timers.js";

/**
 * The only copy of what the agent reports, and how far the server knows it: each part is dirty (to be sent), in flight
 * (sent, not answered) or acknowledged.
 *
 * Changes of the same part merge, so nothing grows while the server is away (RETRY-03).
 */
export class Report {
  readonly #timers: AgentTimers;
  #capabilities: bigint;
  #serverCapabilities = 0n;
  #declared: PartSet;
  #allowed: PartSet;
  #values: Partial<PartValues> = {};
  #dirty: PartSet = 0;
  #inFlight: PartSet = 0;
  /** For each part, by the place of its bit, the last message that carried it. A map would take more memory. */
  readonly #sentIn: number[] = new Array(32 - Math.clz32(Part.every)).fill(0);
  /** Parts that the server refused, or that are too large, as they are. */
  #givenUp: PartSet = 0;
  #requestsUid = false;
  /** Parts of an oversized message: they travel one by one, so that only the one that is too large is given up. */
  #alone: PartSet = 0;

  constructor(capabilities: bigint, timers: AgentTimers) {
    this.#capabilities = capabilities;
    this.#declared = allowedParts(capabilities, 0n);
    this.#allowed = this.#declared;
    this.#timers = timers;
  }

  /** What the agent declares. */
  get capabilities(): bigint {
    return this.#capabilities;
  }

  /** What the server declared last; 0 while it has not. */
  get serverCapabilities(): bigint {
    return this.#serverCapabilities;
  }

  /** The agent can do other things from now on: parts that may be reported now, and were not before, are due (CAP-04). */
  declare(capabilities: bigint): void {
    const had = this.#allowed;
    this.#capabilities = capabilities;
    this.#declared = allowedParts(capabilities, 0n);
    this.#allowed = allowedParts(capabilities, this.#serverCapabilities);
    this.mark(Part.capabilities | (this.#present & this.#allowed & ~had));
  }

  /** @returns whether the server declares something else than before */
  serverDeclares(capabilities: bigint): boolean {
    if (capabilities === this.#serverCapabilities) return false;
    this.#serverCapabilities = capabilities;
    this.#allowed = allowedParts(this.#capabilities, capabilities);
    return true;
  }

  /** Whether the agent declares that it reports this part. */
  declares(part: PartSet): boolean {
    return (this.#declared & part) !== 0;
  }

  /** Whether the server may be sent this part: it is declared, and not missing from what the server takes. */
  allows(part: PartSet): boolean {
    return (this.#allowed & part) !== 0;
  }

  /** Whether the server is to make the uid, and has not yet (UID-04). */
  get requestsUid(): boolean {
    return this.#requestsUid;
  }

  /** The next message, and each full report until one has come, asks the server for a uid. */
  requestUid(): void {
    this.#requestsUid = true;
    this.mark(Part.uidRequest);
  }

  uidCame(): void {
    this.#requestsUid = false;
    this.unmark(Part.uidRequest);
  }

  /** Whether reports wait for the effective config that belongs in them (D13). */
  get isHeld(): boolean {
    return this.#timers.effectiveConfig !== undefined;
  }

  /** Keeps a value; `undefined` takes the part out of reports. */
  set<P extends PartName>(name: P, value: PartValues[P] | undefined): void {
    if (value === undefined) {
      delete this.#values[name];
      this.unmark(name === "availableComponents" ? COMPONENTS : Part[name]);
      return;
    }
    this.#values[name] = value;
    this.#givenUp &= ~Part[name];
    this.mark(Part[name]);
  }

  /** Keeps a value unless it says the same as the one before (STATUS-05). */
  change<P extends PartName>(name: P, parts: PartChanges, same: Comparisons): void {
    const current = this.#values[name];
    const value = parts[name];
    if (current !== undefined && value !== undefined && same[name](current, value)) return;
    this.set(name, value);
  }

  /** The value as last set. */
  get<P extends PartName>(name: P): PartValues[P] | undefined {
    return this.#values[name];
  }

  /** Parts that must be reported, again or for the first time. */
  mark(parts: PartSet): void {
    this.#dirty |= parts;
    this.#inFlight &= ~parts;
  }

  /** Marks everything that has a value (STATUS-07). @param again also what was refused or too large (D3) */
  markAll(again: boolean): void {
    if (again) this.#givenUp = 0;
    this.mark(this.#present & ~this.#givenUp);
  }

  /** Takes parts back that were marked. */
  unmark(parts: PartSet): void {
    this.#dirty &= ~parts;
    this.#inFlight &= ~parts;
  }

  /** Marks the components, not their hash alone (COMP-05). */
  markComponents(): void {
    if (this.#values.availableComponents !== undefined) this.mark(COMPONENTS);
  }

  /** The dirty ones among these parts. */
  dirty(parts: PartSet): PartSet {
    return this.#dirty & parts;
  }

  /** The parts for the next message: none while reports are held. */
  get due(): PartSet {
    const due = this.#dirty & this.#allowed;
    if (due === 0 || this.isHeld) return 0;
    const alone = due & this.#alone;
    if (alone === 0) return due;
    const first = firstAlone(alone);
    return ((first & COMPONENTS) === 0 ? first : due & COMPONENTS) | (due & WEIGHTLESS);
  }

  /** Whether any of these parts has to travel alone. */
  isAlone(parts: PartSet): boolean {
    return (parts & this.#alone) !== 0;
  }

  /**
   * Moves parts into a message, whole (STATUS-06).
   *
   * @param messageNo which message it is; the numbers rise
   */
  take(parts: PartSet, message: Outgoing, messageNo: number): void {
    for (const name of partNames) {
      if ((parts & Part[name]) !== 0) copy(name, this.#values, message);
    }
    if ((parts & COMPONENTS) !== 0) this.#takeComponents((parts & Part.componentMap) !== 0, message);
    for (let place = 0; parts >>> place !== 0; place++) {
      if (((parts >>> place) & 1) !== 0) this.#sentIn[place] = messageNo;
    }
    this.#dirty &= ~parts;
    this.#inFlight |= parts;
  }

  /** An answer came: the server knows what was in flight up to this message (D3). */
  acknowledge(messageNo: number): void {
    this.#inFlight &= ~this.#upTo(messageNo);
    this.#alone &= this.#dirty | this.#inFlight;
  }

  /** The link went: what was in flight may never have arrived (D3). */
  restore(): void {
    this.#dirty |= this.#inFlight;
    this.#inFlight = 0;
  }

  /** The server refused what was in flight up to this message: it is not sent again until it changes (RETRY-01). */
  refuse(messageNo: number): PartSet {
    const refused = this.#upTo(messageNo);
    this.#inFlight &= ~refused;
    this.#givenUp |= refused;
    return refused;
  }

  /**
   * The message with these parts was too large and never left. Several parts are tried again one by one, and so is one
   * that had company; a part that is too large by itself is given up until it changes (SIZE-04).
   *
   * @param accompanied whether there was something else in the message
   * @returns the part given up, if one is
   */
  oversized(parts: PartSet, accompanied: boolean): PartSet {
    const weighty = parts & ~WEIGHTLESS;
    // Nothing can be smaller than a message with nothing in it: it is missed like one that got lost on the way.
    if (weighty === 0 && !accompanied) return 0;
    this.mark(parts & WEIGHTLESS);
    const whole = (weighty & Part.componentMap) !== 0;
    // What was taken out of reports since is not reported again.
    const owed = weighty & (this.#dirty | this.#inFlight);
    if (!isSingle(parts, accompanied) || owed === 0) {
      this.mark(owed);
      this.#alone |= owed;
      return 0;
    }
    this.#inFlight &= ~weighty;
    this.#alone &= ~weighty;
    this.#givenUp |= whole ? 0 : weighty;
    if (!whole) return weighty;
    // Only the components are too large; their hash can still be reported.
    this.mark(Part.availableComponents);
    return Part.availableComponents;
  }

  /** Has the parts of a message that was lost sent again one by one, unless they have changed since. */
  separate(parts: PartSet): void {
    const owed = parts & ~WEIGHTLESS & this.#inFlight;
    this.mark(owed);
    this.#alone |= owed;
  }

  /**
   * The server takes no message as large as this one with these parts: several are sent again one by one.
   *
   * @param accompanied whether there was something else in the message
   * @returns the part given up, if one is
   */
  tooLarge(parts: PartSet, accompanied: boolean, messageNo: number): PartSet {
    const weighty = parts & ~WEIGHTLESS;
    const single = (weighty & (weighty - 1)) === 0 && !accompanied;
    // One that has changed since is another one by now.
    if (single && (weighty & this.#upTo(messageNo)) === 0) return 0;
    return this.oversized(parts, accompanied);
  }

  /** The parts that have a value. */
  get #present(): PartSet {
    let present: PartSet = this.#requestsUid ? Part.uidRequest : 0;
    for (const name of partNames) {
      if (this.#values[name] !== undefined) present |= Part[name];
    }
    return present;
  }

  #takeComponents(whole: boolean, message: Outgoing): void {
    const value = this.#values.availableComponents;
    if (value === undefined) return;
    const isEmpty = Object.keys(value.components).length === 0;
    message.availableComponents = whole || isEmpty ? value : { ...value, components: {} };
  }

  #upTo(messageNo: number): PartSet {
    if (this.#inFlight === 0) return 0;
    let parts = 0;
    for (const [place, message] of this.#sentIn.entries()) {
      if (message <= messageNo) parts |= 1 << place;
    }
    return parts & this.#inFlight;
  }
}

function copy<P extends PartName>(name: P, from: Partial<PartValues>, to: Partial<PartValues>): void {
  const value = from[name];
  if (value !== undefined) to[name] = value;
}
