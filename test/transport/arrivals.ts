/** Things that come one after the other, and a test that waits for the next one. */
export class Arrivals<T> {
  readonly all: T[] = [];
  #taken = 0;
  #wake: (() => void) | undefined;

  push(item: T): void {
    this.all.push(item);
    this.#wake?.();
  }

  /** The next one; one reader at a time. */
  async next(): Promise<T> {
    while (this.all.length <= this.#taken) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const item = this.all[this.#taken];
    this.#taken += 1;
    if (item === undefined) throw new Error("nothing arrived");
    return item;
  }
}
