import type { Output } from "./io.js";

/** So many in a row are granted at once: servers ask after a restart, and people click more than once. */
const BURST = 5;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;

/**
 * Keeps a server that asks for everything, gets it and asks again from making a storm of that. A few requests in a row
 * are granted at once; those after them wait, at first for a second after the one before, in the end for half a minute.
 * What is wanted meanwhile merges. Half a minute without a request, and all is forgotten.
 */
export class StormGate {
  #granted = 0;
  #grantedAt = Number.NEGATIVE_INFINITY;
  #held = 0;

  /** When what is held back may be done; `undefined` while nothing is. */
  get deadline(): number | undefined {
    return this.#held === 0 ? undefined : this.#grantedAt + this.#waitMs;
  }

  /**
   * Asks.
   *
   * @param wanted a sum of bits
   * @returns what may be done now: this and all that was held back, or nothing
   */
  ask(wanted: number, now: number, out: Output[]): number {
    const isFirst = this.#held === 0;
    if (isFirst && now - this.#grantedAt >= LONGEST_WAIT_MS) this.#granted = 0;
    this.#held |= wanted;
    const granted = this.release(now);
    if (granted === 0 && isFirst && this.#granted === BURST) out.push({ type: "notice", notice: { kind: "storm" } });
    return granted;
  }

  /** What was held back and has waited long enough. */
  release(now: number): number {
    const wanted = this.#held;
    if (wanted === 0 || now < this.#grantedAt + this.#waitMs) return 0;
    this.#held = 0;
    this.#granted += 1;
    this.#grantedAt = now;
    return wanted;
  }

  get #waitMs(): number {
    if (this.#granted < BURST) return 0;
    return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(this.#granted - BURST, 10));
  }
}
