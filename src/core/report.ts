import type { Outgoing } from "./io.js";
import { Part, type PartName, type PartSet, type PartValues, partNames } from "./parts.js";

/**
 * The only copy of what the agent reports, and how far the server knows it: each part is dirty (to be sent), in flight
 * (sent, not answered) or acknowledged.
 *
 * Changes of the same part merge, so nothing grows while the server is away (RETRY-03).
 */
export class Report {
  #values: Partial<PartValues> = {};
  #dirty: PartSet = 0;
  #inFlight: PartSet = 0;
  /** After an oversized message: parts travel one by one, so that only the one that is too large is given up. */
  #singly = false;

  /** Keeps a value; `undefined` takes the part out of reports. */
  set<P extends PartName>(name: P, value: PartValues[P] | undefined): void {
    if (value === undefined) {
      delete this.#values[name];
      this.#dirty &= ~Part[name];
      this.#inFlight &= ~Part[name];
      return;
    }
    this.#values[name] = value;
    this.mark(Part[name]);
  }

  /** The value as last set. */
  get<P extends PartName>(name: P): PartValues[P] | undefined {
    return this.#values[name];
  }

  /** The parts that have a value. */
  get present(): PartSet {
    let present = 0;
    for (const name of partNames) {
      if (this.#values[name] !== undefined) present |= Part[name];
    }
    return present;
  }

  /** Parts that must be told, again or for the first time. */
  mark(parts: PartSet): void {
    this.#dirty |= parts;
    this.#inFlight &= ~parts;
  }

  /** Marks everything that has a value (STATUS-07). */
  markAll(): void {
    this.mark(this.present);
  }

  /** The dirty parts among those allowed. */
  due(allowed: PartSet): PartSet {
    const due = this.#dirty & allowed;
    return this.#singly ? due & -due : due;
  }

  /** Moves parts into a message, whole (STATUS-06). */
  take(parts: PartSet, message: Outgoing): void {
    for (const name of partNames) {
      if ((parts & Part[name]) !== 0) copy(name, this.#values, message);
    }
    this.#dirty &= ~parts;
    this.#inFlight |= parts;
  }

  /** An answer came: the server knows what was in flight (D3). */
  acknowledge(): void {
    this.#inFlight = 0;
    if (this.#dirty === 0) this.#singly = false;
  }

  /** The link went: what was in flight may never have arrived (D3). */
  restore(): void {
    this.#dirty |= this.#inFlight;
    this.#inFlight = 0;
  }

  /** The server refused what was in flight: it is not sent again until it changes (RETRY-01). */
  refuse(): PartSet {
    const refused = this.#inFlight;
    this.#inFlight = 0;
    return refused;
  }

  /**
   * The message with these parts was over the size limit and never left. Several parts are tried again one by one; a
   * single one is given up until it changes (SIZE-04).
   *
   * @returns the parts given up
   */
  oversized(parts: PartSet): PartSet {
    this.#inFlight &= ~parts;
    const several = (parts & (parts - 1)) !== 0;
    if (!several) return parts;
    this.#dirty |= parts;
    this.#singly = true;
    return 0;
  }
}

function copy<P extends PartName>(name: P, from: Partial<PartValues>, to: Partial<PartValues>): void {
  const value = from[name];
  if (value !== undefined) to[name] = value;
}
