import { type BackoffBounds, backoffMs, obeyMs, promptMs, throttleMs } from "./backoff.js";
import type { Lost, Output, PhaseReason } from "./io.js";
import { type LinkEvent, next, type Phase } from "./phases.js";

/** How long the link waits for what, in milliseconds. */
export interface LinkTimes {
  /** From dialling to an open link. */
  connectMs: number;
  /** From a message to its answer. */
  answerMs: number;
  /** For a goodbye that is followed by another dial. */
  closeMs: number;
  backoff: BackoffBounds;
  /** The shortest pause when the server asks for one without a length (THR-06). */
  throttleFloorMs: number;
  /** The longest pause that a server can impose. */
  throttleMaxMs: number;
}

/** A link that lived this long was a good one: the next break starts over with a prompt reconnect. */
const SETTLED_MS = 10_000;
const CLOSE_NOW = 1006;

/**
 * The life of the connection: when to dial, how long to wait for what, when to come back. Knows nothing of agents, and
 * has at most one connection by construction (DUP-01): `dial` is put out only when the one before is over.
 */
export class Link {
  readonly #times: LinkTimes;
  readonly #random: () => number;
  #phase: Phase = "idle";
  #deadline: number | undefined;
  #answered = false;
  #openedAt = 0;
  #failures = 0;
  #pauses = 0;
  /** While leaving: how long to stay away. */
  #returnMs: number | undefined;

  constructor(times: LinkTimes, random: () => number) {
    this.#times = times;
    this.#random = random;
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** When this phase has lasted long enough; `undefined` where it may last. */
  get deadline(): number | undefined {
    return this.#deadline;
  }

  /** Whether messages can be exchanged. */
  get up(): boolean {
    return this.#phase === "reporting" || this.#phase === "online";
  }

  /** Whether a transport has been told to open and not yet said, or been told, that it is over. */
  get dialled(): boolean {
    return this.up || this.#phase === "connecting" || this.#phase === "closing";
  }

  start(now: number, out: Output[]): void {
    if (this.#move("start", "started", out)) this.#dial(now, out);
  }

  /** The wait is over. */
  due(now: number, out: Output[]): void {
    if (this.#move("due", "retry", out)) this.#dial(now, out);
  }

  opened(now: number, out: Output[]): void {
    if (!this.#move("opened", "opened", out)) return;
    this.#openedAt = now;
    this.#deadline = now + this.#times.answerMs;
  }

  /** A message left that must be answered before anything else can happen. */
  awaitAnswer(now: number): void {
    this.#deadline = now + this.#times.answerMs;
  }

  /** That message never left. */
  awaitNothing(): void {
    if (this.up) this.#deadline = undefined;
  }

  /** The server answered, and not that it is too busy. */
  answered(out: Output[]): void {
    if (!this.up) return;
    this.#pauses = 0;
    this.#deadline = undefined;
    if (this.#answered) return;
    this.#answered = true;
    this.#move("answered", "answered", out);
  }

  /** The server lets a first report go unanswered on a live connection (D18). */
  silent(out: Output[]): void {
    this.#deadline = undefined;
    if (!this.#move("silent", "silent", out)) return;
    out.push({ type: "notice", notice: { kind: "silent", afterMs: this.#times.answerMs } });
  }

  /** The transport reports the end of the link. */
  lost(loss: Lost, now: number, out: Output[]): void {
    if (this.#phase === "closing") this.#left(now, out);
    else this.#wait(this.#delay(loss, now), loss.throttled ? "throttled" : "lost", loss.error, now, out);
  }

  /** The link is cut from this side, because the peer does not keep to the protocol or to time. */
  fail(reason: "timeout" | "malformed", error: unknown, now: number, out: Output[]): void {
    out.push({ type: "close", code: CLOSE_NOW, reason });
    const loss: Lost = { error, fate: "unknown", orderly: true, throttled: false };
    this.#wait(this.#delay(loss, now), reason, error, now, out);
  }

  /** The server asked for a pause in a message: stay away, on HTTP without a goodbye. */
  pause(retryAfterMs: number | undefined, now: number, out: Output[]): void {
    out.push({ type: "close", code: CLOSE_NOW, reason: "throttled" });
    this.#wait(this.#throttle(retryAfterMs), "throttled", undefined, now, out);
  }

  /** Say goodbye and come back: at the server's wish (THR-01), or to start afresh (DUP-02). */
  leave(why: { throttledForMs: number | undefined } | "reconnect", now: number, out: Output[]): void {
    const reconnect = why === "reconnect";
    if (!this.#move("leave", reconnect ? "reconnect" : "throttled", out)) return;
    this.#returnMs = reconnect ? 0 : this.#throttle(why.throttledForMs);
    this.#deadline = now + this.#times.closeMs;
  }

  /** Say goodbye for good. @returns whether there is somebody to say it to */
  stop(withinMs: number, now: number, out: Output[]): boolean {
    const wasUp = this.up;
    if (this.#phase === "closing") {
      this.#returnMs = undefined;
      this.#deadline = Math.min(this.#deadline ?? Infinity, now + withinMs);
      return false;
    }
    const dialling = this.#phase === "connecting";
    this.#deadline = undefined;
    if (!this.#move("stop", "stopping", out)) return false;
    if (wasUp) this.#deadline = now + withinMs;
    if (dialling) this.cut(now, out);
    return wasUp;
  }

  /** The goodbye took too long: the link is cut. */
  cut(now: number, out: Output[]): void {
    out.push({ type: "close", code: CLOSE_NOW, reason: "cut" });
    this.#left(now, out);
  }

  /** The end of the closing phase. */
  #left(now: number, out: Output[]): void {
    const returnMs = this.#returnMs;
    this.#returnMs = undefined;
    this.#deadline = returnMs === undefined ? undefined : now + returnMs;
    if (returnMs === undefined) this.#move("closed", "stopped", out);
    else this.#move("left", "retry", out, undefined, returnMs);
  }

  #wait(delayMs: number, reason: PhaseReason, error: unknown, now: number, out: Output[]): void {
    if (this.#move("lost", reason, out, error, delayMs)) this.#deadline = now + delayMs;
  }

  #dial(now: number, out: Output[]): void {
    this.#answered = false;
    this.#deadline = now + this.#times.connectMs;
    out.push({ type: "dial" });
  }

  #throttle(askedMs: number | undefined): number {
    if (askedMs !== undefined) return obeyMs(askedMs, this.#random(), this.#times.throttleMaxMs);
    const delay = throttleMs(this.#pauses, this.#random(), this.#times.throttleFloorMs);
    this.#pauses += 1;
    return delay;
  }

  /** D5: prompt after the break of a good link, else backoff; only an answered link that lasted starts the count anew. */
  #delay(loss: Lost, now: number): number {
    if (loss.throttled) return this.#throttle(loss.retryAfterMs);
    if (this.#answered && now - this.#openedAt >= SETTLED_MS) this.#failures = 0;
    const prompt = this.#answered && this.#failures === 0 && !loss.orderly;
    const delay = prompt ? promptMs(this.#random()) : backoffMs(this.#failures, this.#random(), this.#times.backoff);
    this.#failures += 1;
    return delay;
  }

  #move(event: LinkEvent, reason: PhaseReason, out: Output[], error?: unknown, inMs?: number): boolean {
    const previous = this.#phase;
    const phase = next(previous, event);
    if (phase === undefined) return false;
    this.#phase = phase;
    const change: Output = { type: "phase", phase, previous, reason, answered: this.#answered };
    if (error !== undefined) change.error = error;
    if (inMs !== undefined) change.inMs = inMs;
    out.push(change);
    return true;
  }
}
