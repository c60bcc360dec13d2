import type { Identity } from "./identity.js";
import type { CustomOutgoing, Outgoing, Output } from "./io.js";
import type { Outbox } from "./outbox.js";
import { Part, type PartSet } from "./parts.js";
import type { Report } from "./report.js";

/** A message that has left, or is about to. */
interface Told {
  parts: PartSet;
  custom: boolean;
  /** When it left. */
  at: number;
}

/** A message this old is not waited for by itself any more: the next answer, whatever it is for, covers it. */
const STALE_MS = 5_000;
/** So many messages are told apart; with more, the oldest count as stale. */
const MAX_OPEN = 1_000;

/**
 * Makes the messages of one agent, numbers them, and knows which of them an answer is for.
 *
 * Servers answer in order, so an answer is for the oldest message without one (D3). Some leave heartbeats or more
 * without an answer; therefore the rule holds for recent messages only.
 */
export class Composer {
  readonly #identity: Identity;
  readonly #report: Report;
  readonly #outbox: Outbox;
  /** The number of the last message that left or may have left (D2). */
  #sequenceNum = 0n;
  /** How many messages have been made. */
  #told = 0;
  /** The last of them: those that have neither an answer nor become stale. */
  readonly #open: Told[] = [];
  /** The last message, as long as it can turn out that it never left. */
  #last: Told | undefined;

  constructor(identity: Identity, report: Report, outbox: Outbox) {
    this.#identity = identity;
    this.#report = report;
    this.#outbox = outbox;
  }

  /** A message with these parts; with none it only shows life (HB-05). */
  report(asked: PartSet, capabilities: bigint, now: number, custom?: CustomOutgoing): Outgoing {
    // The capabilities are in every message (CAP-01), so any message will do to tell a change of them.
    const parts = asked | this.#report.due(Part.capabilities);
    this.#told += 1;
    this.#sequenceNum += 1n;
    const message: Outgoing = { instanceUid: this.#identity.uid, sequenceNum: this.#sequenceNum, capabilities };
    if (parts !== 0) this.#report.take(parts, message, this.#told);
    if ((parts & Part.uidRequest) !== 0) message.flags = 1n;
    if (custom !== undefined) message.customMessage = custom;
    this.#last = { parts, custom: custom !== undefined, at: now };
    this.#forgetStale(now);
    this.#open.push(this.#last);
    return message;
  }

  /** A message with these parts and the next custom message, if there is anything to say at all. */
  next(parts: PartSet, capabilities: bigint, now: number): Outgoing | undefined {
    const custom = this.#report.isAlone(parts) ? undefined : this.#outbox.take(this.#told + 1);
    return parts === 0 && custom === undefined ? undefined : this.report(parts, capabilities, now, custom);
  }

  /** The last message to a server, with what is still to be told (CLOSE-01). */
  goodbye(parts: PartSet, capabilities: bigint, now: number): Outgoing {
    const message = this.report(parts, capabilities, now);
    message.agentDisconnect = {};
    return message;
  }

  /** An answer came. @returns up to which message the server has answered */
  answered(now: number): number {
    this.#last = undefined;
    this.#forgetStale(now);
    this.#open.shift();
    return this.#told - this.#open.length;
  }

  /** What has no answer by now gets none any more. */
  restore(): void {
    this.#last = undefined;
    this.#open.length = 0;
  }

  /** The last message never left: its number is free again (D2). */
  unsent(): void {
    if (this.#last === undefined) return;
    this.#sequenceNum -= 1n;
    this.#told -= 1;
    this.#open.pop();
    this.#last = undefined;
  }

  /**
   * The last message is over the size limit: it never left, and what cannot be split is given up (SIZE-04).
   *
   * @returns whether the next message is smaller
   */
  oversized(out: Output[]): boolean {
    if (this.#last === undefined) return false;
    const { parts, custom } = this.#last;
    this.unsent();
    const dropped = this.#report.oversized(parts, custom);
    if (dropped !== 0) out.push({ type: "notice", notice: { kind: "dropped", parts: dropped, why: "oversized" } });
    const split = this.#report.isAlone(parts);
    if (custom && split) this.#outbox.putBackLast();
    else if (custom) this.#outbox.giveUpLast(out);
    return custom || split || dropped !== 0;
  }

  /**
   * The oldest message without an answer is too large for the server, which has read neither it nor what followed: their
   * numbers are free again, or the server would miss them and ask for everything. What cannot be split is given up.
   */
  tooLarge(now: number, out: Output[]): void {
    this.#forgetStale(now);
    const message = this.#open[0] ?? this.#last;
    if (message === undefined) return;
    const unread = Math.max(1, this.#open.length);
    this.#sequenceNum -= BigInt(unread);
    const told = this.#told - unread + 1;
    const dropped = this.#report.tooLarge(message.parts, message.custom, told);
    if (dropped !== 0) out.push({ type: "notice", notice: { kind: "dropped", parts: dropped, why: "refused" } });
    if (message.custom && !this.#report.isAlone(message.parts)) this.#outbox.settle(told, "refused", out);
  }

  #forgetStale(now: number): void {
    for (let oldest = this.#open[0]; oldest !== undefined; oldest = this.#open[0]) {
      if (now - oldest.at <= STALE_MS && this.#open.length <= MAX_OPEN) return;
      this.#open.shift();
    }
  }
}
