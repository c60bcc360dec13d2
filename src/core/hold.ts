/** The wait of reports for the effective config that belongs in them (D13). */
export class Hold {
  readonly #limitMs: number;
  #until: number | undefined;

  /** @param limitMs how long reports wait at most */
  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** When the wait ends in any case; `undefined` while nothing is waited for. */
  get deadline(): number | undefined {
    return this.#until;
  }

  /** Whether reports wait. */
  get on(): boolean {
    return this.#until !== undefined;
  }

  /** Waits, though not longer for being asked to again: reports would never leave. */
  begin(now: number): void {
    this.#until ??= now + this.#limitMs;
  }

  end(): void {
    this.#until = undefined;
  }

  /** @returns whether the wait has just ended in vain */
  expire(now: number): boolean {
    if (this.#until === undefined || now < this.#until) return false;
    this.#until = undefined;
    return true;
  }
}

/** The earlier of two deadlines, where `undefined` is never. */
export function earlier(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}
