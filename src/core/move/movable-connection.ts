import { Connection } from "../connection.js";
import type { Exchange } from "../exchange.js";
import type { Failure, Lost, Output, Use } from "../io.js";
import { promptMs } from "../link/backoff.js";
import type { Keepalive } from "../link/keepalive.js";
import type { LinkTimes } from "../link/link.js";
import { type DelayBounds, RetryDelays } from "../link/retry-delays.js";
import { type ConnectionTimers, NEVER } from "../timers.js";
import type { ConnectionSwitch, Movable } from "./connection-switch.js";

/**
 * A connection that can be moved to other settings, and back. While those are on trial its failures are theirs: they are
 * counted apart, and end the trial where another attempt cannot change them.
 */
export class MovableConnection extends Connection implements Movable {
  /** What moves it; set once both are made. */
  trial: ConnectionSwitch | undefined;
  readonly #times: LinkTimes;
  readonly #random: () => number;
  readonly #timers: ConnectionTimers;
  readonly #exchange: Exchange;
  readonly #keepalive: Keepalive;
  /** How the failures of the settings in force were counted, while others are tried. */
  #counted: RetryDelays | undefined;
  /** The server of the settings in force wants nobody to come back before this time. */
  #backAt = 0;
  /** The next dial goes to another server than the last one. */
  #isElsewhere = false;

  constructor(
    times: LinkTimes,
    random: () => number,
    timers: ConnectionTimers,
    exchange: Exchange,
    keepalive: Keepalive,
  ) {
    super(times, random, timers, exchange, keepalive);
    this.#times = times;
    this.#random = random;
    this.#timers = timers;
    this.#exchange = exchange;
    this.#keepalive = keepalive;
  }

  override get ignoresServer(): boolean {
    return this.#isElsewhere && this.trial?.isProving !== true;
  }

  moveTo(use: Use, now: number, out: Output[], isRolledBack = true): void {
    const { phase, up } = this;
    this.#isElsewhere = true;
    if (use === "candidate") {
      this.#backAt = this.dueAt(now);
      this.#counted = this.swap(use, new RetryDelays(this.#trialBounds, this.#random));
    } else {
      this.swap(use, this.#counted ?? new RetryDelays(this.#times, this.#random));
      this.#counted = undefined;
    }
    if (phase === "connecting") this.#exchange.lost(false);
    const inMs = use === "candidate" ? 0 : Math.max(promptMs(this.#random()), this.#backAt - now);
    const back = isRolledBack ? "rolledBack" : "reconnect";
    this.redial(use === "candidate" ? "settings" : back, inMs, now, out);
    if (up) this.#exchange.move("leave");
  }

  keep(): void {
    this.#counted = undefined;
    this.swap("committed", new RetryDelays(this.#times, this.#random));
  }

  /** The interval that was offered is forgotten. Dials again, unless the settings in force are those before. */
  startOver(stays: boolean, now: number, out: Output[]): void {
    this.#keepalive.forget(out);
    if (stays) return;
    const isOnTrial = this.#counted !== undefined;
    this.#counted = undefined;
    this.moveTo("committed", now, out, isOnTrial);
  }

  override start(now: number, out: Output[]): void {
    this.#isElsewhere = false;
    super.start(now, out);
  }

  override due(now: number, out: Output[]): void {
    if (this.#isElsewhere) this.#exchange.each((agent) => agent.elsewhere());
    this.#isElsewhere = false;
    super.due(now, out);
  }

  override lost(loss: Lost, now: number, out: Output[]): void {
    const wasLive = this.dialled && this.phase !== "closing";
    super.lost(loss, now, out);
    if (!wasLive) return;
    // Other credentials are tried first.
    if (loss.final === true && !this.isUndecided) return this.trial?.rollBack({ why: "final" }, now, out);
    this.#judge(loss.throttled ? this.#whyLate(loss.retryAfterMs) : "overdue", now, out);
  }

  override fail(reason: Failure, error: unknown, now: number, out: Output[]): void {
    super.fail(reason, error, now, out);
    this.#judge("overdue", now, out);
  }

  override pause(retryAfterMs: number | undefined, now: number, out: Output[]): void {
    if (!this.#isElsewhere && retryAfterMs !== undefined && now + retryAfterMs >= this.#provedBy) {
      return this.trial?.rollBack({ why: this.#whyLate(retryAfterMs) }, now, out);
    }
    super.pause(retryAfterMs, now, out);
    this.#judge(this.#whyLate(retryAfterMs), now, out);
  }

  override postpone(retryAfterMs: number | undefined, now: number): void {
    if (!this.#isElsewhere) super.postpone(retryAfterMs, now);
    // The server that is being left for another one wants a pause: that is for coming back to it.
    else if (this.trial?.isProving === true) this.#hold(retryAfterMs);
  }

  /** Only an answer proves settings, however alive the connection is. */
  override notAnswered(now: number, out: Output[]): void {
    if (this.trial?.isProving === true) this.fail("timeout", undefined, now, out);
    else super.notAnswered(now, out);
  }

  #hold(retryAfterMs: number | undefined): void {
    const { throttleFloorMs, throttleMaxMs, closeMs } = this.#times;
    // Counted from the end of the leaving at the latest.
    const since = (this.#timers.close ?? closeMs) - closeMs;
    const asked = retryAfterMs !== undefined && retryAfterMs >= 0 ? retryAfterMs : throttleFloorMs;
    this.#backAt = Math.max(this.#backAt, since + Math.min(asked, throttleMaxMs));
  }

  /** A server on trial that is busy is tried again by the backoff, unless it names a pause; and always while there is time. */
  get #trialBounds(): DelayBounds {
    const { throttleMaxMs } = this.#times;
    const { minMs, maxMs } = this.#times.backoff;
    const before = () => this.#provedBy;
    return { backoff: { minMs, maxMs }, throttleFloorMs: minMs, throttleMaxMs, before };
  }

  /** Short pauses may use up the time too. */
  #whyLate(retryAfterMs = 0): "paused" | "overdue" {
    return retryAfterMs >= (this.trial?.verifyMs ?? NEVER) ? "paused" : "overdue";
  }

  get #provedBy(): number {
    return this.trial?.provedBy ?? NEVER;
  }

  /** The next attempt would come too late. */
  #judge(why: "paused" | "overdue", now: number, out: Output[]): void {
    const isLate = this.phase === "waiting" && (this.#timers.retry ?? 0) >= this.#provedBy;
    if (isLate) this.trial?.rollBack({ why }, now, out);
  }
}
