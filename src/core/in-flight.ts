import type { ConnectionSettingsRequest } from "../gen/opamp/v1/opamp_pb.js";
import type { CustomMessageQueue } from "./custom-message-queue.js";
import type { CustomOutgoing, Outgoing, Output } from "./io.js";
import type { Keepalive } from "./link/keepalive.js";
import { isSingle } from "./part-weights.js";
import { Part, type PartSet } from "./parts.js";
import type { Report } from "./report.js";
import { SettingsRequest } from "./requests/settings-request.js";

/** A message that has left, or is about to. */
interface Sent {
  parts: PartSet;
  custom: boolean;
  /** When it left; later while a large message may still be arriving. */
  at: number;
  /** Its size if it is large, else 0. */
  bytes: number;
}

/** A message this old is not waited for by itself any more: the next answer, whatever it is for, covers it. */
const STALE_MS = 5_000;
/** So many messages are told apart; with more, the oldest count as stale. */
const MAX_OPEN = 1_000;
const NO_PING = -1;
/** So many times in a row a large message may end its connection before it is given up. */
const MAX_ATTEMPTS = 3;

/**
 * Makes the messages of one agent, numbers them, and knows which of them an answer is for.
 *
 * Servers answer in order, so an answer is for the oldest message without one (D3). Some leave heartbeats or more
 * without an answer; therefore the rule holds for recent messages only.
 */
export class InFlight {
  /** There once there was a custom message; most agents have none. */
  queue: CustomMessageQueue | undefined;
  /** There once something was asked for the connection; most agents ask nothing. */
  #request: SettingsRequest | undefined;
  readonly #agent: { readonly uid: Uint8Array };
  readonly #report: Report;
  /** The number of the last message that left or may have left (D2). */
  #sequenceNum = 0n;
  /** How many messages have been made. */
  #messageNo = 0;
  /** The last of them: those that have neither an answer nor become stale. */
  readonly #open: Sent[] = [];
  /** The last message, as long as it can turn out that it never left. */
  #last: Sent | undefined;
  /** How many times in a row a connection failed under a large message. */
  #attempts = 0;
  /** Behind which message the ping is that has no pong yet, and when it left; {@link NO_PING} while there is none. */
  #pingedNo = NO_PING;
  #pingedAt = 0;

  constructor(agent: { readonly uid: Uint8Array }, report: Report) {
    this.#agent = agent;
    this.#report = report;
  }

  /** Whether a message waits only for a connection that is free. */
  get isDue(): boolean {
    return this.#report.due !== 0 || this.queue?.ready === true || this.#isRequestDue;
  }

  /**
   * Asks the server something for the connection; `undefined` takes that back.
   *
   * @param isTaken whether this server has declared, on an earlier connection, that it takes requests
   */
  ask(request: ConnectionSettingsRequest | undefined, isTaken = false): void {
    if (request !== undefined) this.#request ??= new SettingsRequest(this.#report);
    this.#request?.set(request, isTaken);
  }

  /** The first message on a connection; it always is one, also with nothing to report (STATUS-01). */
  first(now: number): Outgoing {
    return this.#message(this.#report.due, now);
  }

  /** The next message that has something to say: what is due, and the next custom message. */
  next(now: number): Outgoing | undefined {
    const parts = this.#report.due;
    const custom = this.#report.isAlone(parts) ? undefined : this.queue?.take(this.#messageNo + 1);
    if (parts !== 0 || custom !== undefined) return this.#message(parts, now, custom);
    this.#forgetStale(now);
    if (!this.#isRequestDue) return undefined;
    const message = this.#message(0, now);
    const request = this.#request?.take(this.#messageNo);
    if (request !== undefined) message.connectionSettingsRequest = request;
    return message;
  }

  /** A message that only shows life (HB-05). */
  heartbeat(now: number): Outgoing {
    return this.#message(0, now);
  }

  /**
   * The last message to a server (CLOSE-01).
   *
   * @param lean without what is still to be reported
   */
  disconnect(lean: boolean, now: number): Outgoing {
    const message = this.#message(lean ? 0 : this.#report.due, now);
    message.agentDisconnect = {};
    return message;
  }

  /** Whether a ping would prove that a custom message was read: one that has left, while no other ping is under way. */
  get wantsPing(): boolean {
    return this.#pingedNo === NO_PING && this.queue?.hasLeft === true;
  }

  /** A ping leaves behind the last message. */
  pinged(now: number): void {
    this.#pingedNo = this.#messageNo;
    this.#pingedAt = now;
  }

  /** The pong to it came. */
  ponged(out: Output[]): void {
    this.queue?.delivered(this.#pingedNo, out);
    this.#pingedNo = NO_PING;
  }

  /** An answer without an error came. @param proof what proves that the server has read a custom message */
  answered(proof: Keepalive["proof"], now: number, out: Output[]): void {
    const messageNo = this.#answeredUpTo(now);
    this.#report.acknowledge(messageNo);
    const isWithoutPong = this.#pingedNo !== NO_PING && now - this.#pingedAt > STALE_MS;
    if (proof === "answer") this.queue?.delivered(messageNo, out);
    else if (proof === "later answer" || isWithoutPong) this.queue?.delivered(messageNo - 1, out);
    this.queue?.answered(messageNo);
    this.#request?.answered(messageNo, out);
  }

  /** The server refused a message: what it held is dropped (RETRY-01). @returns the parts dropped */
  refused(text: string, now: number, out: Output[]): PartSet {
    const messageNo = this.#answeredUpTo(now);
    const parts = this.#report.refuse(messageNo);
    this.queue?.refused(messageNo, out);
    this.#request?.refused(messageNo, text, out);
    return parts;
  }

  /** The last message is so large that it may take long to leave. */
  large(bytes: number): void {
    if (this.#last !== undefined) this.#last.bytes = bytes;
  }

  /** Nothing of what has left can have an answer, or be stale, before this time. */
  arriving(until: number): void {
    for (const sent of this.#open) sent.at = until;
  }

  /**
   * The connection failed. A large message that was under way is sent again, each part by itself so that only the large one
   * is held up; but not for ever (RETRY-02).
   */
  failed(out: Output[]): void {
    const at = this.#open.findIndex(({ bytes }) => bytes > 0);
    const large = this.#open[at];
    if (large === undefined) return;
    const { parts, custom, bytes } = large;
    this.#attempts += 1;
    const attempts = this.#attempts;
    if (attempts < MAX_ATTEMPTS || !isSingle(parts, custom)) return this.#report.separate(parts);
    this.#attempts = 0;
    // What has changed meanwhile is another report.
    if (this.#report.dirty(parts) !== 0) return;
    const dropped = this.#report.oversized(parts, custom);
    if (dropped !== 0) out.push({ type: "notice", notice: { kind: "undelivered", parts: dropped, bytes, attempts } });
    if (custom) this.queue?.abandon(this.#messageNo - this.#open.length + 1 + at, out);
  }

  /** The connection went: what has no answer by now is sent again. */
  restore(): void {
    this.#last = undefined;
    this.#pingedNo = NO_PING;
    this.#open.length = 0;
    this.#report.restore();
    this.queue?.restore();
    this.#request?.restore();
  }

  /** The last message never left: its number is free again (D2). */
  unsent(): void {
    if (this.#last === undefined) return;
    this.#request?.unsent(this.#messageNo);
    this.#sequenceNum -= 1n;
    this.#messageNo -= 1;
    this.#pingedNo = Math.min(this.#pingedNo, this.#messageNo);
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
    const isRequest = this.#request?.oversized(this.#messageNo, out) === true;
    this.unsent();
    if (isRequest) return true;
    const dropped = this.#report.oversized(parts, custom);
    if (dropped !== 0) out.push({ type: "notice", notice: { kind: "dropped", parts: dropped, why: "oversized" } });
    const split = this.#report.isAlone(parts);
    if (custom && split) this.queue?.putBackLast();
    else if (custom) this.queue?.giveUpLast(out);
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
    const messageNo = this.#messageNo - unread + 1;
    if (this.#request?.oversized(messageNo, out) === true) return;
    const dropped = this.#report.tooLarge(message.parts, message.custom, messageNo);
    if (dropped !== 0) out.push({ type: "notice", notice: { kind: "dropped", parts: dropped, why: "refused" } });
    if (message.custom && !this.#report.isAlone(message.parts)) this.queue?.refused(messageNo, out);
  }

  /** It waits for every answer that is still to come, so that its own is the next one. */
  get #isRequestDue(): boolean {
    return this.#request?.isDue === true && this.#open.length === 0;
  }

  #message(asked: PartSet, now: number, custom?: CustomOutgoing): Outgoing {
    const { capabilities } = this.#report;
    // The capabilities are in every message (CAP-01), so any message will do to report a change of them.
    const parts = asked | this.#report.dirty(Part.capabilities);
    this.#messageNo += 1;
    this.#sequenceNum += 1n;
    const message: Outgoing = { instanceUid: this.#agent.uid, sequenceNum: this.#sequenceNum, capabilities };
    if (parts !== 0) this.#report.take(parts, message, this.#messageNo);
    if ((parts & Part.uidRequest) !== 0) message.flags = 1n;
    if (custom !== undefined) message.customMessage = custom;
    this.#last = { parts, custom: custom !== undefined, at: now, bytes: 0 };
    this.#forgetStale(now);
    this.#open.push(this.#last);
    return message;
  }

  /** @returns up to which message the server has answered now that an answer came */
  #answeredUpTo(now: number): number {
    this.#last = undefined;
    this.#forgetStale(now);
    const answered = this.#open.shift();
    if (answered !== undefined && answered.bytes > 0) this.#attempts = 0;
    // Gives its memory back, which every idle agent would have.
    if (this.#open.length === 0) this.#open.length = 0;
    return this.#messageNo - this.#open.length;
  }

  #forgetStale(now: number): void {
    for (let oldest = this.#open[0]; oldest !== undefined; oldest = this.#open[0]) {
      if (now - oldest.at <= STALE_MS && this.#open.length <= MAX_OPEN) return;
      this.#open.shift();
    }
  }
}
