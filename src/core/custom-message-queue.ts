import type { CustomFate, CustomOutgoing, Input, Output } from "./io.js";
import { type AgentTimers, NEVER } from "./timers.js";

type CustomInput = Extract<Input, { type: "custom" }>;

interface Entry {
  id: number;
  message: CustomOutgoing;
  /** The message that it travels in, or travelled in when the link went; 0 before it left. */
  messageNo: number;
  /** When it has waited long enough. */
  expiresAt?: number;
}

/**
 * Custom messages on their way: first in, first out, one AgentToServer each, never merged, kept while there is no link
 * (D11, CUSTOM-07). A message waits until the server has announced its capability (CUSTOM-04).
 */
export class CustomMessageQueue {
  readonly #limit: number;
  readonly #timers: AgentTimers;
  #waiting: Entry[] = [];
  #inFlight: Entry[] = [];
  #understood: ReadonlySet<string> | undefined;
  /** The capabilities of which it was told that messages wait for them. */
  #told: Set<string> | undefined;
  /** Messages up to this AgentToServer can no longer be refused. */
  #answeredNo = 0;

  /** @param limit how many messages may wait or be in flight */
  constructor(limit: number, timers: AgentTimers) {
    this.#limit = limit;
    this.#timers = timers;
  }

  /**
   * What the server announced; replaces the list before (CUSTOM-02).
   *
   * @returns whether it is another list
   */
  understood(names: readonly string[]): boolean {
    const before = this.#understood;
    const now = new Set(names);
    this.#understood = now;
    for (const name of names) this.#told?.delete(name);
    return before?.size !== now.size || names.some((name) => !before.has(name));
  }

  /** Keeps a message if there is room, for as long as it may wait. */
  add({ id, message, expiresInMs = Number.POSITIVE_INFINITY }: CustomInput, now: number, out: Output[]): void {
    if (this.#waiting.length + this.#inFlight.length >= this.#limit) return settle([{ id }], "full", out);
    const entry: Entry = { id, message, messageNo: 0 };
    if (expiresInMs !== Number.POSITIVE_INFINITY) entry.expiresAt = now + expiresInMs;
    this.#waiting.push(entry);
    this.#watch([entry]);
  }

  /** How many messages have not left. */
  get waiting(): number {
    return this.#waiting.length;
  }

  understands(capability: string): boolean {
    return this.#understood?.has(capability) === true;
  }

  /** The server has spoken: what waits for a capability all the same is told of, once for each. */
  tellUnannounced(out: Output[]): void {
    for (const { message } of this.#waiting) {
      const { capability } = message;
      if (this.understands(capability) || this.#told?.has(capability)) continue;
      this.#told ??= new Set();
      this.#told.add(capability);
      out.push({ type: "notice", notice: { kind: "customWaits", capability } });
    }
  }

  /** Drops what has waited long enough. What is in flight does not wait. */
  expire(now: number, out: Output[]): void {
    if (now < (this.#timers.customMessage ?? NEVER)) return;
    this.#timers.customMessage = undefined;
    const kept: Entry[] = [];
    for (const entry of this.#waiting) {
      if (entry.expiresAt === undefined || now < entry.expiresAt) kept.push(entry);
      else settle([entry], entry.messageNo === 0 ? "expired" : "unanswered", out);
    }
    this.#waiting = kept;
    this.#watch(kept);
  }

  /** Whether a message could leave now. */
  get ready(): boolean {
    return this.#waiting.length > 0 && this.#waiting.some((entry) => this.understands(entry.message.capability));
  }

  /**
   * Moves the next message that the server understands into flight.
   *
   * @param messageNo which AgentToServer it travels in; the numbers rise
   */
  take(messageNo: number): CustomOutgoing | undefined {
    if (this.#waiting.length === 0) return undefined;
    const at = this.#waiting.findIndex((entry) => this.understands(entry.message.capability));
    const entry = this.#waiting[at];
    if (entry === undefined) return undefined;
    this.#waiting.splice(at, 1);
    entry.messageNo = messageNo;
    this.#inFlight.push(entry);
    return entry.message;
  }

  /**
   * Whether a message is in flight, can leave, or waits no longer than its sender said.
   *
   * @param isAwaited whether the first answer on this connection is to come, which may announce any capability
   */
  isActive(isAwaited: boolean): boolean {
    if (this.hasLeft) return true;
    return this.#waiting.some(
      ({ message, expiresAt }) => isAwaited || expiresAt !== undefined || this.understands(message.capability),
    );
  }

  /** Whether anything is in flight. */
  get hasLeft(): boolean {
    return this.#inFlight.length > 0;
  }

  /** The server has answered up to this AgentToServer, and refused nothing of that. */
  answered(messageNo: number): void {
    this.#answeredNo = messageNo;
  }

  /** The server has read up to this AgentToServer. */
  delivered(messageNo: number, out: Output[]): void {
    this.#settle((entry) => entry.messageNo <= messageNo, "delivered", out);
  }

  /** The server refuses what travelled up to this AgentToServer and has no answer. */
  refused(messageNo: number, out: Output[]): void {
    this.#settle((entry) => entry.messageNo <= messageNo && entry.messageNo > this.#answeredNo, "refused", out);
    this.answered(messageNo);
  }

  /** Gives up what travelled in this AgentToServer, and may have arrived. */
  abandon(messageNo: number, out: Output[]): void {
    this.#settle((entry) => entry.messageNo === messageNo, "unanswered", out);
  }

  /** Gives up the message taken last: it never left and never can. */
  giveUpLast(out: Output[]): void {
    settle(this.#inFlight.splice(-1), "oversized", out);
  }

  /** The message taken last never left, through no fault of its own. */
  putBackLast(): void {
    const entry = this.#inFlight.pop();
    if (entry === undefined) return;
    entry.messageNo = 0;
    this.#waiting.unshift(entry);
    this.#watch([entry]);
  }

  /** The link went: what was in flight goes first next time (RETRY-02). */
  restore(): void {
    if (this.#inFlight.length === 0) return;
    this.#waiting = [...this.#inFlight, ...this.#waiting];
    this.#watch(this.#inFlight);
    this.#inFlight = [];
  }

  /** Drops the waiting messages of a capability. */
  forget(capability: string, out: Output[]): void {
    const gone = this.#waiting.filter((entry) => entry.message.capability === capability);
    if (gone.length > 0) this.#waiting = this.#waiting.filter((entry) => entry.message.capability !== capability);
    settle(gone, "forgotten", out);
  }

  #settle(isMeant: (entry: Entry) => boolean, fate: CustomFate, out: Output[]): void {
    const settled = this.#inFlight.filter(isMeant);
    if (settled.length === 0) return;
    this.#inFlight = this.#inFlight.filter((entry) => !isMeant(entry));
    settle(settled, fate, out);
  }

  /** These wait from now on. */
  #watch(entries: readonly Entry[]): void {
    for (const { expiresAt = NEVER } of entries) {
      this.#timers.customMessage = Math.min(this.#timers.customMessage ?? NEVER, expiresAt);
    }
  }
}

function settle(entries: readonly { id: number }[], fate: CustomFate, out: Output[]): void {
  for (const { id } of entries) out.push({ type: "customSettled", id, fate });
}
