/** How often to ask for a sign of life in milliseconds, where `undefined` is as often as heartbeats; `false` is never. */
export type PingSetting = { readonly intervalMs: number | undefined } | false;

/** Where there are no heartbeats to go by. */
const DEFAULT_MS = 30_000;
/** However fast the heartbeat: a pong may wait for a retransmission, or for a side that is busy. */
const SHORTEST_DEFAULT_MS = 5_000;
/** After a jump of the clock the link is probably dead; who waits for it waits no longer than this. */
const LONGEST_DOUBT_MS = 10_000;

/**
 * Whether the peer of a duplex link is still there (D7). Anything that comes is a sign of life, and a ping goes out only
 * when nothing came: a server that answers heartbeats is never pinged. A peer that is silent for two intervals is gone.
 */
export class Pulse {
  readonly #setting: PingSetting;
  #heardAt = 0;
  /** When the ping that is out has had its time; `Infinity` while none is. */
  #goneAt = Number.POSITIVE_INFINITY;
  /** That ping went out for a jump of the clock: another jump gives it no more time. */
  #doubted = false;

  constructor(setting: PingSetting) {
    this.#setting = setting;
  }

  /** The link opened, or something came. */
  heard(now: number): void {
    this.#heardAt = now;
    this.#goneAt = Number.POSITIVE_INFINITY;
    this.#doubted = false;
  }

  /**
   * When to look again; `Infinity` for never.
   *
   * @param heartbeatMs the interval of heartbeats, `Infinity` where there are none
   * @param sentAt when the last message left, which may still be answered
   */
  deadline(heartbeatMs: number, sentAt: number): number {
    return this.#goneAt === Number.POSITIVE_INFINITY ? this.#dueAt(heartbeatMs, sentAt) : this.#goneAt;
  }

  /** Whether the peer had its time. */
  gone(now: number): boolean {
    return now >= this.#goneAt;
  }

  /** @returns whether to ping now */
  due(heartbeatMs: number, sentAt: number, now: number): boolean {
    if (this.#goneAt !== Number.POSITIVE_INFINITY || now < this.#dueAt(heartbeatMs, sentAt)) return false;
    const everyMs = this.#everyMs(heartbeatMs);
    // After a sleep the two intervals are long over, and yet the peer needs time for its answer.
    this.#goneAt = Math.max(this.#heardAt + 2 * everyMs, now + everyMs / 2);
    return true;
  }

  /** The clock jumped: whether to ping now, in case that was a sleep and the peer has given up on this side. */
  doubt(heartbeatMs: number, now: number): boolean {
    const everyMs = this.#everyMs(heartbeatMs);
    if (this.#doubted || everyMs === Number.POSITIVE_INFINITY) return false;
    this.#doubted = true;
    this.#goneAt = now + Math.min(everyMs / 2, LONGEST_DOUBT_MS);
    return true;
  }

  #dueAt(heartbeatMs: number, sentAt: number): number {
    const everyMs = this.#everyMs(heartbeatMs);
    // A message has just left: its answer is waited for first, though not for ever.
    const afterSilence = Math.max(this.#heardAt + everyMs, sentAt + everyMs / 2);
    return Math.min(afterSilence, this.#heardAt + 1.5 * everyMs);
  }

  #everyMs(heartbeatMs: number): number {
    if (this.#setting === false) return Number.POSITIVE_INFINITY;
    if (this.#setting.intervalMs !== undefined) return this.#setting.intervalMs;
    return heartbeatMs === Number.POSITIVE_INFINITY ? DEFAULT_MS : Math.max(heartbeatMs, SHORTEST_DEFAULT_MS);
  }
}
