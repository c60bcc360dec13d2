/** What a line that may be written has to say besides itself. */
export interface Turn {
  /** How often the same happened since the line was written last, this time included; 1 where nothing was left out. */
  times: number;
  /** When it was written last, in milliseconds since the Unix epoch. */
  sinceMs: number;
}

interface Entry {
  topic: string;
  /** How long the line rests after it was written. */
  restMs: number;
  /** When it may be written again. */
  nextAt: number;
  seenAt: number;
  /** How often it was left out since it was written. */
  hidden: number;
  writtenMs: number;
}

const FIRST_REST_MS = 60_000;
const LONGEST_REST_MS = 3_600_000;
/** What has not happened for this long is news again. */
const FORGET_MS = 3_600_000;
/** How many different lines of a topic are kept apart; whoever makes each one different cannot flood the log. */
const MOST_OF_A_TOPIC = 10;
const MOST = 50;
const OTHERS = "...";

/**
 * Lets a line be written at once, and when it comes again and again only after growing rests: a minute, two, up to an
 * hour. Bounded in memory whatever happens.
 */
export class LogLimit {
  /** The one seen last comes last. */
  readonly #entries = new Map<string, Entry>();

  /**
   * @param topic what the line is about
   * @param detail which one of these it is; another one is another line
   * @param now on a clock that never goes back
   * @param wallMs the time of day, in milliseconds since the Unix epoch
   * @param always whether the line is written in any case
   * @returns `undefined` where it is not to be written
   */
  turn(topic: string, detail: string, now: number, wallMs: number, always = false): Turn | undefined {
    const entry = this.#entry(topic, detail, now, wallMs);
    entry.seenAt = now;
    if (!always && now < entry.nextAt) {
      entry.hidden += 1;
      return undefined;
    }
    const turn = { times: entry.hidden + 1, sinceMs: entry.writtenMs };
    entry.restMs = Math.min(LONGEST_REST_MS, entry.restMs * 2);
    entry.nextAt = now + entry.restMs;
    entry.hidden = 0;
    entry.writtenMs = wallMs;
    return turn;
  }

  /** What is known of the line, which is now the one seen last. */
  #entry(topic: string, detail: string, now: number, wallMs: number): Entry {
    const key = this.#keyOf(topic, detail, now);
    const known = this.#entries.get(key);
    this.#entries.delete(key);
    const isOld = known === undefined || now - known.seenAt >= FORGET_MS;
    const entry = isOld
      ? { topic, restMs: FIRST_REST_MS / 2, nextAt: now, seenAt: now, hidden: 0, writtenMs: wallMs }
      : known;
    this.#entries.set(key, entry);
    if (this.#entries.size > MOST) this.#forgetOldest();
    return entry;
  }

  #keyOf(topic: string, detail: string, now: number): string {
    const key = `${topic} ${detail}`;
    if (this.#entries.has(key)) return key;
    let count = 0;
    for (const [other, entry] of this.#entries) {
      if (now - entry.seenAt >= FORGET_MS) this.#entries.delete(other);
      else if (entry.topic === topic) count += 1;
    }
    return count < MOST_OF_A_TOPIC ? key : `${topic} ${OTHERS}`;
  }

  #forgetOldest(): void {
    for (const key of this.#entries.keys()) {
      this.#entries.delete(key);
      return;
    }
  }
}
