/** A list that forgets its oldest entries. */
export class BoundedList<Entry> {
  readonly #entries: Entry[] = [];
  readonly #keep: number;

  constructor(
    /** How many entries are kept for certain; older ones go. */
    keep: number,
  ) {
    this.#keep = keep;
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  add(entry: Entry): void {
    this.#entries.push(entry);
    // In bulk, so that a bounded list costs constant time per entry.
    if (this.#entries.length > 2 * this.#keep) {
      this.#entries.splice(0, this.#entries.length - this.#keep);
    }
  }
}
