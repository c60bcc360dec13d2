import { has } from "./capabilities.js";
import type { CoreConfig, HeartbeatBounds } from "./config.js";
import { boundedMs, intervalMs } from "./heartbeat.js";
import type { Phase } from "./phases.js";
import { Pulse } from "./pulse.js";

/** The signs of life on a link: heartbeats, or polls, from this side, and whether anything comes from the other. */
export class Vitals {
  readonly #bounds: HeartbeatBounds;
  readonly #pulse: Pulse;
  #declared: boolean;
  #duplex = true;
  /** What the server asked for last; it outlives the link that it came on. */
  #wishedMs: number | undefined;
  #toldMs: number;
  #sentAt = 0;
  #sentBefore = 0;

  constructor({ heartbeat, ping, capabilities }: CoreConfig) {
    this.#bounds = heartbeat;
    this.#toldMs = heartbeat.intervalMs;
    this.#pulse = new Pulse(ping);
    this.#declared = has(capabilities, "reportsHeartbeat");
  }

  /** Whether the current link carries messages both ways at any time. */
  get duplex(): boolean {
    return this.#duplex;
  }

  /** The agent can do other things from now on. */
  declare(capabilities: bigint): void {
    this.#declared = has(capabilities, "reportsHeartbeat");
  }

  /** A link opened. @returns the interval of heartbeats on it in milliseconds, if that is another one */
  opened(duplex: boolean, now: number): number | undefined {
    this.#duplex = duplex;
    this.#pulse.heard(now);
    return this.#news();
  }

  /** Something came from the other side, whatever it was. */
  heard(now: number): void {
    this.#pulse.heard(now);
  }

  /** A message left. */
  sent(now: number): void {
    this.#sentBefore = this.#sentAt;
    this.#sentAt = now;
  }

  /** It never did (HB-06). */
  unsent(): void {
    this.#sentAt = this.#sentBefore;
  }

  /** The server asks for an interval. @returns the one from now on in milliseconds, if it is another one */
  offered(wishMs: number): number | undefined {
    this.restore(wishMs);
    return this.#news();
  }

  /** It did so in an earlier life; what becomes of that is known when a link opens. */
  restore(wishMs: number): void {
    this.#wishedMs = boundedMs(wishMs, this.#bounds);
  }

  /**
   * When a sign is due from either side; `Infinity` for never.
   *
   * @param awaiting whether a heartbeat would have to wait for an answer first
   */
  deadline(phase: Phase, awaiting: boolean): number {
    const everyMs = this.#everyMs;
    const beatAt = phase === "online" && !awaiting ? this.#sentAt + everyMs : Number.POSITIVE_INFINITY;
    return this.#watches(phase) ? Math.min(beatAt, this.#pulse.deadline(everyMs, this.#sentAt)) : beatAt;
  }

  /** Whether to send a heartbeat. It counts from the last message, whatever that was (HB-06). */
  beats(phase: Phase, now: number): boolean {
    return phase === "online" && now >= this.#sentAt + this.#everyMs;
  }

  /** Whether to ping now; asked once a message that is due has left, which may do as well. */
  pings(phase: Phase, now: number): boolean {
    return this.#watches(phase) && this.#pulse.due(this.#everyMs, this.#sentAt, now);
  }

  /** Whether to ping now because the clock jumped. */
  doubts(phase: Phase, now: number): boolean {
    return this.#watches(phase) && this.#pulse.doubt(this.#everyMs, now);
  }

  /** Whether the other side was silent for too long. */
  gone(phase: Phase, now: number): boolean {
    return this.#watches(phase) && this.#pulse.gone(now);
  }

  /** On a link that is not duplex each message has its own time limit, and silence in between means nothing. */
  #watches(phase: Phase): boolean {
    return this.#duplex && (phase === "online" || phase === "reporting");
  }

  /** From a message to the heartbeat after it. Polls are no choice of the agent (HTTP-03). */
  get #everyMs(): number {
    if (this.#duplex && !this.#declared) return Number.POSITIVE_INFINITY;
    return intervalMs(this.#wishedMs, this.#duplex, this.#bounds);
  }

  #news(): number | undefined {
    const toldMs = intervalMs(this.#wishedMs, this.#duplex, this.#bounds);
    if (toldMs === this.#toldMs) return undefined;
    this.#toldMs = toldMs;
    return toldMs;
  }
}
