import type { CustomOutgoing } from "./io.js";

interface Entry {
  id: number;
  message: CustomOutgoing;
  /** In flight: the message that it travels in. */
  told: number;
}

/**
 * Custom messages on their way: first in, first out, one AgentToServer each, never merged, kept while there is no link
 * (D11, CUSTOM-07). A message waits until the server has announced its capability (CUSTOM-04).
 */
export class Outbox {
  readonly #limit: number;
  #waiting: Entry[] = [];
  #inFlight: Entry[] = [];
  #understood: ReadonlySet<string> | undefined;

  /** @param limit how many messages may wait or be in flight */
  constructor(limit: number) {
    this.#limit = limit;
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
    return before?.size !== now.size || names.some((name) => !before.has(name));
  }

  /** @returns whether there was room */
  add(id: number, message: CustomOutgoing): boolean {
    if (this.#waiting.length + this.#inFlight.length >= this.#limit) return false;
    this.#waiting.push({ id, message, told: 0 });
    return true;
  }

  /** Whether a message could leave now. */
  get ready(): boolean {
    return this.#waiting.length > 0 && this.#waiting.some((entry) => this.#understood?.has(entry.message.capability));
  }

  /**
   * Moves the next message that the server understands into flight.
   *
   * @param told which AgentToServer it travels in; the numbers rise
   */
  take(told: number): CustomOutgoing | undefined {
    if (this.#waiting.length === 0) return undefined;
    const at = this.#waiting.findIndex((entry) => this.#understood?.has(entry.message.capability));
    const entry = this.#waiting[at];
    if (entry === undefined) return undefined;
    this.#waiting.splice(at, 1);
    entry.told = told;
    this.#inFlight.push(entry);
    return entry.message;
  }

  /** Takes out of flight what travelled up to this AgentToServer, answered or refused. */
  settle(told: number): readonly number[] {
    if (this.#inFlight.length === 0) return [];
    const settled = this.#inFlight.filter((entry) => entry.told <= told);
    if (settled.length > 0) this.#inFlight = this.#inFlight.filter((entry) => entry.told > told);
    return settled.map((entry) => entry.id);
  }

  /** Gives up the message taken last: it never left and never can. */
  giveUpLast(): number | undefined {
    return this.#inFlight.pop()?.id;
  }

  /** The message taken last never left, through no fault of its own. */
  putBackLast(): void {
    const entry = this.#inFlight.pop();
    if (entry !== undefined) this.#waiting.unshift(entry);
  }

  /** The link went: what was in flight goes first next time (RETRY-02). */
  restore(): void {
    if (this.#inFlight.length === 0) return;
    this.#waiting = [...this.#inFlight, ...this.#waiting];
    this.#inFlight = [];
  }

  /** Drops the waiting messages of a capability. */
  forget(capability: string): readonly number[] {
    const gone = this.#waiting.filter((entry) => entry.message.capability === capability);
    if (gone.length > 0) this.#waiting = this.#waiting.filter((entry) => entry.message.capability !== capability);
    return gone.map((entry) => entry.id);
  }
}
