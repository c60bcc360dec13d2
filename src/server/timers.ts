/** Time as a server needs it; `virtualClock()` of `opamp-client/testing` is one. */
export interface ServerClock {
  /** Milliseconds since some fixed moment; never goes back. */
  now(): number;
  /** Calls back once, after `delayMs`. @returns what ends the wait */
  after(delayMs: number, callback: () => void): () => void;
}

const systemClock: ServerClock = {
  now: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs).unref();
    return () => clearTimeout(timer);
  },
};

/** The timers of one server: for delays and slow answers that were ordered, and none besides. */
export class Timers {
  readonly #clock: ServerClock;
  readonly #pending = new Set<() => void>();
  #over = false;

  constructor(clock: ServerClock = systemClock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  /** Calls back once, unless the server closes first. */
  after(delayMs: number, callback: () => void): void {
    if (this.#over) return;
    const cancel = this.#clock.after(delayMs, () => {
      this.#pending.delete(cancel);
      callback();
    });
    this.#pending.add(cancel);
  }

  /** Ends all waits, and lets no new ones begin. */
  end(): void {
    this.#over = true;
    for (const cancel of this.#pending) cancel();
    this.#pending.clear();
  }
}
