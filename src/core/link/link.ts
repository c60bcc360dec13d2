import type { Failure, Lost, Output, PhaseReason, Use } from "../io.js";
import { type LinkEvent, next, type Phase } from "../phases.js";
import { type ConnectionTimers, NEVER } from "../timers.js";
import { type DelayBounds, RetryDelays } from "./retry-delays.js";

/** How long the connection waits for what, in milliseconds. */
export interface LinkTimes extends DelayBounds {
  /** From dialling to an open link. */
  connectMs: number;
  /** From a message to its answer. */
  answerMs: number;
  /** For an orderly end that is followed by another dial. */
  closeMs: number;
}

/** A link that lived this long was a good one: the next break starts over with a prompt reconnect. */
const SETTLED_MS = 10_000;
const CLOSE_NOW = 1006;
/** What a phase waits for: nothing of that outlives it. */
const NOTHING_AWAITED = { connect: undefined, dial: undefined, answer: undefined, close: undefined, retry: undefined };

/**
 * The life of the connection: when to dial, how long to wait for what, when to come back. Knows nothing of agents, and
 * has at most one connection by construction (DUP-01): `dial` is put out only when the one before is over.
 */
export class Link {
  readonly #times: LinkTimes;
  #delays: RetryDelays;
  readonly #timers: ConnectionTimers;
  /** The settings of the next dial. */
  #use: Use = "committed";
  #phase: Phase = "idle";
  #answered = false;
  #openedAt = 0;
  #waitFor: "backoff" | "renewal" | "pause" = "backoff";
  /** While leaving: how long to stay away, and why. */
  #return: { inMs: number; reason: PhaseReason } | undefined;

  constructor(times: LinkTimes, random: () => number, timers: ConnectionTimers) {
    this.#times = times;
    this.#delays = new RetryDelays(times, random);
    this.#timers = timers;
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** Whether messages can be exchanged. */
  get up(): boolean {
    return this.#phase === "reporting" || this.#phase === "online";
  }

  /** Whether a transport has been told to open and not yet said, or been told, that it is over. */
  get dialled(): boolean {
    return this.up || this.#phase === "connecting" || this.#phase === "closing";
  }

  /** Whether this link is the last one. */
  get ending(): boolean {
    return this.#phase === "closing" && this.#return === undefined;
  }

  /** Whether what the server asks for has no effect: it is being left, as its settings are not in force. */
  get ignoresServer(): boolean {
    return false;
  }

  /** Whether a connection is being made, or the attempt goes on in another way. */
  get isUndecided(): boolean {
    if (this.#phase === "waiting") return this.#waitFor === "renewal";
    return this.#phase === "connecting" || this.isDialling;
  }

  start(now: number, out: Output[]): void {
    if (this.#move("start", "started", out)) this.#dial(now, out);
  }

  /** The wait is over. */
  due(now: number, out: Output[]): void {
    if (this.#move("due", "retry", out)) this.#dial(now, out);
  }

  opened(now: number, out: Output[]): void {
    // The time for an answer begins with the report, which may have to wait for the effective config.
    if (this.#move("opened", "opened", out)) this.#openedAt = now;
  }

  /** A message left that must be answered before anything else can happen. */
  awaitAnswer(now: number): void {
    this.#timers.answer = now + this.#times.answerMs;
  }

  get isAwaitingAnswer(): boolean {
    return this.#timers.answer !== undefined;
  }

  /** That message never left. */
  awaitNothing(): void {
    this.#timers.answer = undefined;
    this.#timers.dial = undefined;
  }

  get isDialling(): boolean {
    return this.#timers.dial !== undefined;
  }

  /** The message that was put out last needs a connection of its own, or has it now. */
  dialling(isDialling: boolean, now: number): void {
    if (isDialling && (this.up || this.#phase === "closing")) this.#timers.dial = now + this.#times.connectMs;
    else this.#timers.dial = undefined;
  }

  /** The server answered, and not that it is too busy. */
  answered(out: Output[]): void {
    if (!this.up) return;
    this.awaitNothing();
    if (this.#answered) return;
    this.#answered = true;
    this.#delays.answered();
    this.#move("answered", "answered", out);
  }

  /** The server lets a first report go unanswered on a live connection (D18). */
  silent(out: Output[]): void {
    if (!this.#move("silent", "silent", out)) return;
    out.push({ type: "notice", notice: { kind: "silent", afterMs: this.#times.answerMs } });
  }

  /** The transport reports the end of the link. */
  lost(loss: Lost, now: number, out: Output[]): void {
    if (this.#phase === "closing") {
      if (loss.throttled) this.postpone(loss.retryAfterMs, now);
      return this.#left(now, out);
    }
    this.#settle(now);
    if (!loss.throttled && this.#delays.mayRenew(loss.renewed)) return this.#renew(loss, now, out);
    this.#wait(
      this.#delays.next(loss, this.#answered, now),
      loss.throttled ? "throttled" : "lost",
      loss.error,
      now,
      out,
    );
  }

  /** The link is cut from this side, because the peer does not keep to the protocol or to time. */
  fail(reason: Failure, error: unknown, now: number, out: Output[]): void {
    out.push({ type: "close", code: CLOSE_NOW, reason });
    // An unresponsive peer is a broken connection, not an orderly close: the first reconnect is prompt (D7).
    const orderly = reason !== "unresponsive";
    this.#settle(now);
    this.#wait(this.#delays.next({ orderly, throttled: false }, this.#answered, now), reason, error, now, out);
  }

  /** The server asked for a pause in a message: stay away, on HTTP without agent_disconnect. */
  pause(retryAfterMs: number | undefined, now: number, out: Output[]): void {
    out.push({ type: "close", code: CLOSE_NOW, reason: "throttled" });
    this.#wait(this.#delays.pause(retryAfterMs, now), "throttled", undefined, now, out);
  }

  /** Leave in good order and come back: since the server asked for a pause (THR-01), or to start afresh (DUP-02). */
  leave(why: { throttledForMs: number | undefined } | "reconnect", now: number, out: Output[]): void {
    const reason = why === "reconnect" ? why : "throttled";
    if (!this.#move("leave", reason, out)) return;
    this.#return = { reason, inMs: why === "reconnect" ? 0 : this.#delays.pause(why.throttledForMs, now) };
    this.#timers.close = now + this.#times.closeMs;
  }

  /** The server asks for a pause while it is being left: the return waits for that. */
  postpone(retryAfterMs: number | undefined, now: number): void {
    if (this.#return === undefined) return;
    const { inMs } = this.#return;
    // Every message to a busy server may be answered alike; that is one pause, not several.
    if (retryAfterMs === undefined && inMs >= this.#times.throttleFloorMs) return;
    this.#return = { reason: "throttled", inMs: Math.max(inMs, this.#delays.pause(retryAfterMs, now)) };
  }

  /** Dials use other settings from now on. @returns how the failures of those before were counted */
  swap(use: Use, delays: RetryDelays): RetryDelays {
    const before = this.#delays;
    this.#use = use;
    this.#delays = delays;
    return before;
  }

  /** When the next dial is due, as far as anybody has said: in a wait, and while the connection is left for one. */
  dueAt(now: number): number {
    if (this.#phase === "waiting") return this.#timers.retry ?? now;
    return now + (this.#return?.inMs ?? 0);
  }

  /** Dials in so long, however far the connection is: one that is up is left, one that is being made is cut, a wait ends. */
  redial(reason: PhaseReason, inMs: number, now: number, out: Output[]): void {
    if (this.#phase === "connecting") {
      out.push({ type: "close", code: CLOSE_NOW, reason });
      this.#wait(inMs, reason, undefined, now, out);
    } else if (this.#phase === "waiting") {
      this.#timers.retry = now + inMs;
      out.push({ type: "phase", phase: "waiting", previous: "waiting", reason, answered: this.#answered, inMs });
    } else if (this.#return !== undefined) this.#return = { reason, inMs };
    else if (this.up && this.#move("leave", reason, out)) {
      this.#return = { reason, inMs };
      this.#timers.close = now + this.#times.closeMs;
    }
  }

  /** Leave for good. @param canReturn whether to dial for that after a failure @returns whether there is a server to tell */
  stop(withinMs: number, now: number, out: Output[], error?: unknown, canReturn = false): boolean {
    const wasUp = this.up;
    if (this.#phase === "closing") {
      this.#return = undefined;
      this.#timers.close = Math.min(this.#timers.close ?? NEVER, now + withinMs);
      return false;
    }
    const wasConnecting = this.#phase === "connecting";
    const returns = canReturn && this.#phase === "waiting" && this.#waitFor !== "pause";
    if (!this.#move(returns ? "leave" : "stop", "stopping", out, error)) return false;
    if (wasUp || returns) this.#timers.close = now + withinMs;
    if (returns) {
      this.#timers.dial = now + Math.min(withinMs, this.#times.connectMs);
      out.push({ type: "dial", use: this.#use });
    }
    if (wasConnecting) this.cut(now, out);
    return wasUp;
  }

  /** The orderly end took too long: the connection is cut. */
  cut(now: number, out: Output[]): void {
    out.push({ type: "close", code: CLOSE_NOW, reason: "cut" });
    this.#left(now, out);
  }

  /** The end of the closing phase. */
  #left(now: number, out: Output[]): void {
    const back = this.#return;
    this.#return = undefined;
    if (back === undefined) return void this.#move("closed", "stopped", out);
    this.#waitFor = "pause";
    this.#move("left", back.reason, out, undefined, back.inMs);
    this.#timers.retry = now + back.inMs;
  }

  #wait(delayMs: number, reason: PhaseReason, error: unknown, now: number, out: Output[]): void {
    this.#waitFor = reason === "throttled" ? "pause" : "backoff";
    if (this.#move("lost", reason, out, error, delayMs)) this.#timers.retry = now + delayMs;
  }

  #dial(now: number, out: Output[]): void {
    this.#answered = false;
    this.#timers.connect = now + this.#times.connectMs;
    out.push({ type: "dial", use: this.#use });
  }

  /** Only an answered link that lasted starts all counts again from nothing: nothing that a server says can make a tight loop. */
  #settle(now: number): void {
    if (this.#answered && now - this.#openedAt >= SETTLED_MS) this.#delays.settled();
  }

  /** Dials again at once. Trying another way is not a failure, and is not reported as one. */
  #renew({ renewed, error }: Lost, now: number, out: Output[]): void {
    const isDetour = renewed === "transport";
    const delayMs = this.#delays.renewal(isDetour);
    this.#wait(delayMs, isDetour ? "reconnect" : "lost", isDetour ? undefined : error, now, out);
    this.#waitFor = "renewal";
  }

  #move(event: LinkEvent, reason: PhaseReason, out: Output[], error?: unknown, inMs?: number): boolean {
    const previous = this.#phase;
    const phase = next(previous, event);
    if (phase === undefined) return false;
    this.#phase = phase;
    if (phase !== previous) Object.assign(this.#timers, NOTHING_AWAITED);
    const change: Output = { type: "phase", phase, previous, reason, answered: this.#answered };
    if (error !== undefined) change.error = error;
    if (inMs !== undefined) change.inMs = inMs;
    out.push(change);
    return true;
  }
}
