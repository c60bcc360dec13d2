import type { Agent } from "./agent.js";
import type { Outgoing, Output } from "./io.js";
import { moved, type Presence, type PresenceEvent } from "./phases.js";

/**
 * What is under way between the agent and the server: whose turn it is, and what the agent has said on the current
 * connection. Knows nothing of time limits and phases.
 */
export class Exchange {
  readonly #agent: Agent;
  #presence: Presence = "absent";
  /** On a connection that is not duplex: the message put out last has no answer yet. */
  #isAwaiting = false;

  constructor(agent: Agent) {
    this.#agent = agent;
  }

  /** What the agent has said on the current connection. */
  get presence(): Presence {
    return this.#presence;
  }

  /** Whether an answer has to come before anything else can be sent. */
  get isAwaiting(): boolean {
    return this.#isAwaiting;
  }

  /** Something happened to the connection, or to a message on it. */
  move(event: PresenceEvent): void {
    this.#presence = moved(this.#presence, event);
  }

  /** An answer came, whatever it says. */
  answered(): void {
    this.#isAwaiting = false;
  }

  /** The connection is gone. */
  lost(): void {
    this.restore();
    this.move("lost");
  }

  /** What is in flight is to be sent again. */
  restore(): void {
    this.#isAwaiting = false;
    this.#agent.messages.restore();
  }

  /** Whether a message could leave now, or the connection be closed behind the last one. */
  canSend(isClosing: boolean): boolean {
    if (this.#isAwaiting) return false;
    if (isClosing) return this.#presence !== "absent";
    return this.#presence === "unreported" ? !this.#agent.report.isHeld : this.#agent.messages.isDue;
  }

  /**
   * Puts the next message out.
   *
   * @returns whether there was something to send
   */
  send(isClosing: boolean, isHeartbeatDue: boolean, isDuplex: boolean, now: number, out: Output[]): boolean {
    if (this.#isAwaiting) return false;
    const message = isClosing ? this.#disconnect(now) : this.#next(isHeartbeatDue, now);
    if (message === undefined) return false;
    out.push({ type: "send", message });
    if (this.#presence !== "reported") this.move("sent");
    this.#isAwaiting = !isDuplex;
    return true;
  }

  /** Whether the agent has sent agent_disconnect, and has its answer where that has to come first. */
  get hasLeft(): boolean {
    return !this.#isAwaiting && this.#presence === "gone";
  }

  /**
   * The message put out last is over the size limit, and never left.
   *
   * @returns whether the next one is smaller
   */
  oversized(out: Output[]): boolean {
    if (!this.#agent.messages.oversized(out)) return false;
    this.#isAwaiting = false;
    this.move("oversized");
    return true;
  }

  /** The message that waits for an answer never left. */
  unsent(): void {
    if (this.#isAwaiting) this.#agent.messages.unsent();
  }

  /** The server takes no message as large as the oldest one that it has not answered. */
  tooLarge(now: number, out: Output[]): void {
    this.#agent.messages.tooLarge(now, out);
  }

  #next(isHeartbeatDue: boolean, now: number): Outgoing | undefined {
    const { messages, report } = this.#agent;
    if (this.#presence === "unreported") return report.isHeld ? undefined : messages.first(now);
    return messages.next(now) ?? (isHeartbeatDue ? messages.heartbeat(now) : undefined);
  }

  #disconnect(now: number): Outgoing | undefined {
    if (this.#presence !== "owing" && this.#presence !== "leaving") return undefined;
    return this.#agent.messages.disconnect(this.#presence === "leaving", now);
  }
}
