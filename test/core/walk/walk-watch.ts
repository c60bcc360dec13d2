import type { PingSetting } from "../../../src/core/link/keepalive.js";

const PONG_MS = 100;

/** A second account of how a core watches over one duplex link. */
export class Watch {
  /** Pings are not answered. */
  frozen = false;
  /** The clock has just jumped, which is a reason to ping out of turn. */
  jumping = false;
  readonly #setting: PingSetting;
  #heardAt = 0;
  #pingedAt: number | undefined;
  /** The last ping may have been for a custom message, or for the silence. */
  #isUnclear = false;
  /** When the last ping left, whatever it was for, if its pong has not come. */
  #outAt: number | undefined;
  /** The least that the peer is given for its answer. */
  #graceMs = 0;
  /** The longest interval that held since the last sign of life, and time in which nobody could watch. */
  #longestMs = 0;
  #sleptMs = 0;
  /** A ping for a jump of the clock may have given the peer a little more time, once. */
  #doubtedUntil = 0;

  constructor(setting: PingSetting) {
    this.#setting = setting;
  }

  /** When the peer's answer arrives. */
  get pongAt(): number {
    return this.frozen || this.#outAt === undefined ? Number.POSITIVE_INFINITY : this.#outAt + PONG_MS;
  }

  heard(now: number): void {
    this.#heardAt = now;
    this.#pingedAt = undefined;
    this.#longestMs = 0;
    this.#sleptMs = 0;
    this.#doubtedUntil = 0;
  }

  ponged(): void {
    this.#outAt = undefined;
  }

  slept(ms: number): void {
    this.#sleptMs += ms;
  }

  /** @param hasCustom whether a custom message is under way, which a ping can prove to be read */
  ping(beatMs: number, now: number, hasCustom: boolean): void {
    const everyMs = this.#everyMs(beatMs);
    if (everyMs === Number.POSITIVE_INFINITY) throw new Error("a ping although there are none");
    const isProof = hasCustom && this.#outAt === undefined && !this.jumping;
    this.#outAt = now;
    if (isProof && now < this.#heardAt + everyMs) return;
    if (!this.jumping && this.#pingedAt !== undefined && !this.#isUnclear) throw new Error("a second ping");
    this.#isUnclear = isProof;
    if (!this.jumping && now < this.#heardAt + everyMs) throw new Error("a ping although something came");
    this.#pingedAt = now;
    this.#graceMs = Math.min(everyMs / 2, 10_000);
    if (this.jumping && this.#doubtedUntil === 0) this.#doubtedUntil = now + this.#graceMs;
  }

  /** The link is cut because of the peer's silence. */
  cut(now: number): void {
    if (this.#pingedAt === undefined) throw new Error("cut without being asked for a sign of life");
    if (now < this.#pingedAt + this.#graceMs) throw new Error("cut before an answer could come");
  }

  check(beatMs: number, now: number): void {
    this.#longestMs = Math.max(this.#longestMs, this.#everyMs(beatMs));
    const limit = Math.max(this.#heardAt + 2 * this.#longestMs, this.#doubtedUntil) + this.#sleptMs;
    if (now >= limit) throw new Error(`silent since ${this.#heardAt}, and still there at ${now}`);
  }

  #everyMs(beatMs: number): number {
    if (this.#setting === false) return Number.POSITIVE_INFINITY;
    if (this.#setting.intervalMs !== undefined) return this.#setting.intervalMs;
    return beatMs === Number.POSITIVE_INFINITY ? 30_000 : Math.min(Math.max(5_000, beatMs), 300_000);
  }
}
