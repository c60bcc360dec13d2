import type { Exchange } from "./exchange.js";
import type { Failure, Lost, Output } from "./io.js";
import type { Keepalive } from "./link/keepalive.js";
import { Link, type LinkTimes } from "./link/link.js";
import type { ConnectionTimers } from "./timers.js";

/**
 * A link with the exchange on it: however the link ends, what has no answer goes out again on the next one, and each
 * agent knows what it has said on this one.
 */
export class Connection extends Link {
  readonly #exchange: Exchange;
  readonly #keepalive: Keepalive;

  constructor(
    times: LinkTimes,
    random: () => number,
    timers: ConnectionTimers,
    exchange: Exchange,
    keepalive: Keepalive,
  ) {
    super(times, random, timers);
    this.#exchange = exchange;
    this.#keepalive = keepalive;
  }

  override lost(loss: Lost, now: number, out: Output[]): void {
    if (!this.dialled) return;
    if (loss.fate === "unsent") this.#exchange.unsent();
    if (loss.fate === "refused") this.#exchange.tooLarge(now, out);
    if (loss.fate === "unknown") this.#exchange.failed(out);
    this.#exchange.lost(loss.fate !== "unknown");
    super.lost(loss, now, out);
  }

  override fail(reason: Failure, error: unknown, now: number, out: Output[]): void {
    // Nothing leaves without a connection.
    if (this.isDialling) this.#exchange.unsent();
    // An exchange went wrong; agent_disconnect can still go right.
    if (this.phase === "closing") return this.#exchange.restore();
    if (reason !== "malformed") this.#exchange.failed(out);
    this.#exchange.lost(reason === "malformed");
    super.fail(reason, error, now, out);
  }

  /** The network connection was closed while it was idle, which shows once a message has left on it. */
  stale(out: Output[]): void {
    if (this.#keepalive.duplex || !(this.up || this.phase === "closing")) return;
    this.awaitNothing();
    this.#exchange.stale(out);
  }

  /** No connection was made for the message that was put out last. */
  notDialled(now: number, out: Output[]): void {
    if (this.phase === "closing") this.cut(now, out);
    else this.fail("timeout", undefined, now, out);
  }

  override cut(now: number, out: Output[]): void {
    if (this.isDialling) this.#exchange.unsent();
    this.#exchange.lost(false);
    super.cut(now, out);
  }

  override pause(retryAfterMs: number | undefined, now: number, out: Output[]): void {
    this.#exchange.restore();
    if (this.phase === "closing") {
      this.#exchange.move("pause");
      return this.postpone(retryAfterMs, now);
    }
    if (this.#keepalive.duplex) return this.leave({ throttledForMs: retryAfterMs }, now, out);
    this.#exchange.move("lost");
    super.pause(retryAfterMs, now, out);
  }

  override leave(why: { throttledForMs: number | undefined } | "reconnect", now: number, out: Output[]): void {
    if (!this.up) return;
    super.leave(why, now, out);
    this.#exchange.move(why === "reconnect" ? "leave" : "pause");
  }

  /** The transport is open again for the last message: agent_disconnect alone, as little as can go wrong. */
  returned(duplex: boolean, now: number, out: Output[]): void {
    if (!this.isDialling) return;
    if (duplex) return this.cut(now, out);
    this.dialling(false, now);
    this.#exchange.move("opened");
    this.#exchange.move("pause");
  }

  /** @returns whether there is a server to tell */
  override stop(withinMs: number, now: number, out: Output[], error?: unknown): boolean {
    const canReturn = withinMs > 0 && error === undefined && !this.#keepalive.duplex && this.#exchange.isKnown;
    const isTold = super.stop(withinMs, now, out, error, canReturn);
    if (isTold) this.#exchange.move("leave");
    return isTold;
  }

  /** A message that needs an answer has none in time. */
  notAnswered(now: number, out: Output[]): void {
    if (this.#keepalive.duplex && this.phase === "reporting") this.silent(out);
    else this.fail("timeout", undefined, now, out);
  }

  /** Something came that is not a message. */
  malformed(error: unknown, now: number, out: Output[]): void {
    if (!this.dialled) return;
    this.#keepalive.heard(now);
    out.push({ type: "notice", notice: { kind: "malformed", error } });
    if (!this.#keepalive.duplex) this.fail("malformed", error, now, out);
  }

  /** One with nothing in it cannot be made smaller: it is missed like one that got lost on the way. */
  oversized(out: Output[]): void {
    const wasAwaited = this.#exchange.isAwaiting;
    const member = this.#exchange.oversized(out);
    if (member === undefined) return;
    this.#keepalive.unsent();
    if (wasAwaited || member.presence === "unreported") this.awaitNothing();
  }

  /** No answer can come before what has left has arrived. */
  arriving(until: number): void {
    this.#exchange.each((agent) => agent.messages.arriving(until));
    if (this.isAwaitingAnswer) this.awaitAnswer(until);
  }
}
