import type { Agent } from "./agent.js";
import type { Outgoing, Output } from "./io.js";
import { moved, type Presence, type PresenceEvent } from "./phases.js";
import { NEVER } from "./timers.js";

/** An agent, and what it has said on the current connection. */
export interface Member {
  readonly agent: Agent;
  presence: Presence;
}

/**
 * What is under way between the agents of a connection and the server: whose turn it is, whose answer is out, who has
 * said what. Knows nothing of time limits and phases.
 */
export class Exchange {
  /** The agent of this process. */
  readonly self: Member;
  /** Every agent on the connection. */
  readonly #members: readonly Member[];
  /** On a connection that is not duplex: whose message has no answer yet. */
  #awaiting: Member | undefined;
  /** Whose message was put out last. */
  #last: Member | undefined;
  /** That message may have arrived, and what the server said to it is lost with its connection. */
  #isUnheard = false;
  #isKnown = false;

  constructor(agent: Agent) {
    this.self = { agent, presence: "absent" };
    this.#members = [this.self];
  }

  /** Whether an answer has to come before anything else can be sent. */
  get isAwaiting(): boolean {
    return this.#awaiting !== undefined;
  }

  /** Whether the server may have answered, and nothing of that came: it may have asked for everything. */
  get isUnheard(): boolean {
    return this.#isUnheard;
  }

  /** On a connection that is not duplex: whether a message may ever have arrived. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** When something of an agent comes due; `Infinity` for never. */
  get nextTimer(): number {
    let next = NEVER;
    for (const { agent } of this.#members) next = Math.min(next, agent.nextTimer);
    return next;
  }

  /** Whether an agent wants a ping, to know what was read. */
  get wantsPing(): boolean {
    for (const { agent } of this.#members) if (agent.messages.wantsPing) return true;
    return false;
  }

  /** Whose message this is, by the uid in it: an empty one, or one just replaced, will do. */
  memberOf(uid: Uint8Array): Member | undefined {
    return this.#members.find(({ agent }) => agent.owns(uid));
  }

  each(action: (agent: Agent) => void): void {
    for (const { agent } of this.#members) action(agent);
  }

  /** Something happened to the connection as a whole. */
  move(event: PresenceEvent): void {
    for (const member of this.#members) member.presence = moved(member.presence, event);
  }

  /** An answer came, whatever it says. */
  answered(): void {
    this.#isKnown ||= this.#awaiting !== undefined;
    this.#awaiting = undefined;
    this.#isUnheard = false;
  }

  /** The connection is gone. @param isHeard whether what has no message as its answer was answered all the same */
  lost(isHeard: boolean): void {
    this.#isKnown ||= this.#awaiting !== undefined;
    this.#isUnheard = this.#awaiting !== undefined && !isHeard;
    this.restore();
    this.move("lost");
  }

  /** The message that has no answer may have arrived, and another one takes its place on the same link. */
  stale(out: Output[]): void {
    if (this.#awaiting === undefined) return;
    this.failed(out);
    this.restore();
    this.each((agent) => agent.forgotten());
    this.move("stale");
  }

  /** What is in flight is to be sent again. */
  restore(): void {
    this.#awaiting = undefined;
    for (const { agent } of this.#members) agent.messages.restore();
  }

  /** Whether a message could leave now, or the connection be closed behind the last one. */
  canSend(isClosing: boolean): boolean {
    if (this.#awaiting !== undefined) return false;
    for (const { agent, presence } of this.#members) {
      if (isClosing) {
        if (presence !== "absent") return true;
      } else if (presence === "unreported") {
        if (!agent.report.isHeld) return true;
      } else if (agent.messages.isDue) return true;
    }
    return false;
  }

  /**
   * Puts the next message out.
   *
   * @returns who sent it; `undefined` where there is nothing to send now
   */
  send(isClosing: boolean, isHeartbeatDue: boolean, isDuplex: boolean, now: number, out: Output[]): Member | undefined {
    if (this.#awaiting !== undefined) return undefined;
    for (const member of this.#members) {
      const message = isClosing ? disconnect(member, now) : next(member, isHeartbeatDue, now);
      if (message === undefined) continue;
      out.push({ type: "send", message });
      if (member.presence !== "reported") member.presence = moved(member.presence, "sent");
      this.#last = member;
      this.#awaiting = isDuplex ? undefined : member;
      return member;
    }
    return undefined;
  }

  /** Whether every agent has sent agent_disconnect, and has its answer where that has to come first. */
  get hasLeft(): boolean {
    if (this.#awaiting !== undefined) return false;
    for (const { presence } of this.#members) if (presence !== "gone") return false;
    return true;
  }

  /**
   * The message put out last is over the size limit, and never left.
   *
   * @returns whose it was, if the next one is smaller
   */
  oversized(out: Output[]): Member | undefined {
    const member = this.#last;
    if (member === undefined || !member.agent.messages.oversized(out)) return undefined;
    this.#awaiting = undefined;
    member.presence = moved(member.presence, "oversized");
    return member;
  }

  /** The message that waits for an answer never left. */
  unsent(): void {
    this.#awaiting?.agent.messages.unsent();
    this.#awaiting = undefined;
  }

  /** The message put out last is so large that it may take long to leave. */
  large(bytes: number): void {
    this.#last?.agent.messages.large(bytes);
  }

  /** The connection failed, and what is in flight may have been the cause. */
  failed(out: Output[]): void {
    this.each((agent) => agent.messages.failed(out));
  }

  /** The server takes no message as large as the oldest one that it has not answered. */
  tooLarge(now: number, out: Output[]): void {
    this.#last?.agent.messages.tooLarge(now, out);
  }
}

function next({ agent, presence }: Member, isHeartbeatDue: boolean, now: number): Outgoing | undefined {
  // What takes the place of a message that may have got lost does not keep heartbeats waiting.
  if (presence === "unreported") {
    return agent.report.isHeld && !isHeartbeatDue ? undefined : agent.messages.first(now);
  }
  return agent.messages.next(now) ?? (isHeartbeatDue ? agent.messages.heartbeat(now) : undefined);
}

function disconnect({ agent, presence }: Member, now: number): Outgoing | undefined {
  if (presence !== "owing" && presence !== "leaving") return undefined;
  return agent.messages.disconnect(presence === "leaving", now);
}
