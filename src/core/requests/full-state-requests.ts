import type { Output } from "../io.js";
import { Part, Resend } from "../parts.js";
import type { Report } from "../report.js";
import type { AgentTimers } from "../timers.js";

/** So many in a row are granted at once: servers ask after a restart, and people click more than once. */
const BURST = 5;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;

const REPORT_FULL_STATE = 0x1n;
const REPORT_AVAILABLE_COMPONENTS = 0x2n;

/**
 * What a server asks to have reported again (STATUS-07, COMP-05, D13).
 *
 * Keeps a server that asks for everything, gets it and asks again from making a storm of that. A few requests in a row
 * on a connection are granted at once; those after them wait, at first for a second after the one before, in the end for
 * half a minute. What is wanted meanwhile merges. Half a minute without a request, and all is forgotten.
 */
export class FullStateRequests {
  readonly #report: Report;
  readonly #timers: AgentTimers;
  readonly #refresh: (now: number, out: Output[]) => void;
  #granted = 0;
  #grantedAt = Number.NEGATIVE_INFINITY;
  #held = 0;

  /** @param refresh fetches the effective config, and reports it */
  constructor(report: Report, timers: AgentTimers, refresh: (now: number, out: Output[]) => void) {
    this.#report = report;
    this.#timers = timers;
    this.#refresh = refresh;
  }

  /** The flags of a message. */
  flagged(flags: bigint, now: number, out: Output[]): void {
    let what = 0;
    if ((flags & REPORT_FULL_STATE) !== 0n) what |= Resend.everything | Resend.effectiveConfig;
    const isComponents = (flags & REPORT_AVAILABLE_COMPONENTS) !== 0n;
    if (isComponents && this.#report.declares(Part.availableComponents)) what |= Resend.components;
    if (what !== 0) this.ask(what, now, out);
  }

  /** Reports at once, unless the server does not leave off. @param what a sum of {@link Resend} bits */
  ask(what: number, now: number, out: Output[]): void {
    const isFirst = this.#held === 0;
    if (isFirst && now - this.#grantedAt >= LONGEST_WAIT_MS) this.#granted = 0;
    this.#held |= what;
    this.expire(now, out);
    if (this.#held === 0) return;
    this.#timers.fullState = this.#grantedAt + this.#waitMs;
    if (isFirst && this.#granted === BURST) out.push({ type: "notice", notice: { kind: "storm" } });
  }

  /** A new connection: the server may be another one, or know nothing any more, and what it asked for is granted. */
  opened(now: number, out: Output[]): void {
    this.#granted = 0;
    this.#grantedAt = Number.NEGATIVE_INFINITY;
    this.expire(now, out);
  }

  /** Reports what was held back, once it has waited long enough. */
  expire(now: number, out: Output[]): void {
    const what = this.#held;
    if (what === 0 || now < this.#grantedAt + this.#waitMs) return;
    this.#held = 0;
    this.#timers.fullState = undefined;
    this.#granted += 1;
    this.#grantedAt = now;
    if ((what & Resend.everything) !== 0) this.#report.markAll(true);
    if ((what & Resend.components) !== 0) this.#report.markComponents();
    if ((what & Resend.effectiveConfig) !== 0) this.#refresh(now, out);
  }

  get #waitMs(): number {
    if (this.#granted < BURST) return 0;
    return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(this.#granted - BURST, 10));
  }
}
