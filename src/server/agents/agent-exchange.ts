import { sameBytes, uidText } from "../../base/bytes.js";
import { OpAMPError } from "../../errors.js";
import type { AgentRemoteConfig, AgentToServer } from "../../gen/opamp/v1/opamp_pb.js";
import { encodeServerToAgent } from "../../wire/codec.js";
import { type Announcement, type Composed, composeAnswer, composePush, type ServerToAgentFields } from "../answer.js";
import type { AgentLink, AgentLinkCounts, Link, TransportName, WebSocketLink } from "../link/link.js";
import { BoundedList, type LogEntry, type MessageLog } from "../message-log.js";
import type { AgentMisbehaviour } from "../misbehave/misbehaviour.js";
import { Script } from "../misbehave/orders.js";
import { Waits } from "../waits.js";
import { type AgentRecord, absorb, UNKNOWN_AGENT } from "./agent-record.js";

/** What the agents of one server share. */
export interface ServerSide extends Announcement {
  /** The log of the whole server. */
  readonly log: MessageLog;
  /** How many messages each agent's own log keeps. */
  readonly keepMessages: number;
  /** The endpoint to offer to an agent that has not been heard of. */
  url(): string;
  /** Called when a change of one agent is complete, when a link came or went, and when something malformed came. */
  changed(): void;
}

/** What users see of an agent. */
export interface AgentView extends AgentRecord {
  /** The uid that the agent used last. */
  readonly uid: Uint8Array;
  /** The link over which the agent spoke last. */
  readonly link: AgentLink | undefined;
  /** The message that came last. */
  readonly lastMessage: AgentToServer | undefined;
}

/** The server's end of the exchange with one agent, over however many links. */
export class AgentExchange {
  /** What the agent's messages said; the user's agent puts itself in its place. */
  view: AgentView;
  readonly waits = new Waits(() => this.#describe());
  /** The agent's part of the server's log. */
  readonly log: BoundedList<LogEntry>;
  /** What is in store for this agent alone. */
  readonly misbehaviours = new Script<AgentMisbehaviour>();
  /** Those over which the agent has spoken. */
  readonly links = new Set<Link>();
  offer: AgentRemoteConfig | undefined;
  readonly #side: ServerSide;
  #announcedOver = new WeakSet<Link>();
  /** What was announced to this agent besides what the server announces to all. */
  readonly #ownCapabilities = new Set<string>();
  readonly #totals = { ws: 0, http: 0 };
  readonly #maxOpen = { ws: 0, http: 0 };
  readonly #queue: ServerToAgentFields[] = [];
  readonly #errors: ServerToAgentFields[] = [];
  #fullStateDue = false;
  #announcedOnHttp = false;

  constructor(uid: Uint8Array, side: ServerSide) {
    this.view = { ...UNKNOWN_AGENT, uid, link: undefined, lastMessage: undefined };
    this.#side = side;
    this.log = new BoundedList(side.keepMessages);
  }

  /** The endpoint by which the agent reached this server, or would reach it. */
  get endpoint(): string {
    return this.view.link?.endpoint ?? this.#side.url();
  }

  /** The newest WebSocket on which the agent has spoken and that is still open. */
  get webSocket(): WebSocketLink | undefined {
    return [...this.links].findLast((link): link is WebSocketLink => link.transport === "ws" && link.isOpen());
  }

  counts(transport: TransportName): AgentLinkCounts {
    const open = [...this.links].filter((link) => link.transport === transport && link.isOpen()).length;
    return { open, total: this.#totals[transport], maxOpen: this.#maxOpen[transport] };
  }

  /** Has the next message announce a custom capability to this agent, unless it has been announced. */
  announce(capability: string): void {
    if (this.#side.customCapabilities.includes(capability) || this.#ownCapabilities.has(capability)) return;
    this.#ownCapabilities.add(capability);
    this.#announcedOver = new WeakSet();
    this.#announcedOnHttp = false;
  }

  /** Takes in a message. The waits are asked when the record is complete. */
  hear(link: Link, message: AgentToServer): void {
    const isNewLink = !this.links.has(link);
    if (isNewLink) {
      this.links.add(link);
      this.#totals[link.transport] += 1;
      this.#maxOpen[link.transport] = Math.max(this.#maxOpen[link.transport], this.counts(link.transport).open);
    }
    const { record, isDescribed, lacksState, startedOver } = absorb(this.view, message);
    const isComplete = record.description !== undefined;
    // A request for the full state may have been lost with the connection before this one.
    const lostRequest = isNewLink && link.transport === "ws" && !isComplete;
    this.#fullStateDue = lacksState || lostRequest || (this.#fullStateDue && !isDescribed);
    this.#announcedOnHttp &&= !startedOver;
    const { transport, origin } = link;
    const { instanceUid: uid } = message;
    Object.assign(this.view, record, { uid, link: { transport, ...origin }, lastMessage: message });
    this.log.add(this.#side.log.received(link, uidText(uid), message));
    this.changed();
  }

  /**
   * Answers the message that came over this link, and lets the rest of the queue follow where that is possible.
   *
   * @param write sends the answer in another way than the link does
   */
  answer(link: Link, extra: ServerToAgentFields = {}, write?: (payload: Uint8Array) => void): void {
    if (!link.isOpen()) return;
    const { uid, remoteConfigStatus } = this.view;
    const isOfferTaken = sameBytes(this.offer?.configHash, remoteConfigStatus?.lastRemoteConfigHash);
    const composed = composeAnswer({
      instanceUid: uid,
      announcement: this.#announcementOver(link),
      fullState: this.#fullStateDue,
      offer: isOfferTaken ? undefined : this.offer,
      error: this.#errors[0],
      queue: this.#queue,
      extra,
    });
    this.#pay(link, composed, write);
    if (link.transport === "ws" && composed.fields.errorResponse === undefined) this.#flush(link);
    this.changed();
  }

  /** Sends at once over an open WebSocket; otherwise with the next answer. Throws if it cannot be encoded. */
  deliver(fields: ServerToAgentFields): void {
    // Found out now, while the caller is there to see it.
    encodeServerToAgent(fields);
    this.#queue.push(fields);
    const link = this.webSocket;
    if (link !== undefined) {
      this.#flush(link);
      this.changed();
    }
  }

  /** Sends over this link, at once and past the queue. */
  send(link: Link, fields: ServerToAgentFields, write?: (payload: Uint8Array) => void): void {
    const { uid } = this.view;
    this.log.add(this.#side.log.send(link, uidText(uid), { instanceUid: uid, ...fields }, write));
  }

  /** Sends a WebSocket message exactly as given, past the log. Throws ERR_OPAMP_CLOSED without a WebSocket. */
  sendAsIs(message: Uint8Array | string): void {
    const link = this.webSocket;
    if (link === undefined) {
      throw new OpAMPError("ERR_OPAMP_CLOSED", `agent ${uidText(this.view.uid)} has no open WebSocket`, {
        hint: "wait until the agent is connected",
      });
    }
    link.sendAsIs(message);
  }

  /** Makes the next answer an error. Throws if it cannot be encoded. */
  refuseNext(fields: ServerToAgentFields): void {
    encodeServerToAgent(fields);
    this.#errors.push(fields);
  }

  /** Takes note that a link is gone. */
  detach(link: Link): void {
    if (this.links.delete(link)) this.changed();
  }

  /** Loses what the agent has reported, as a server does that was restarted. */
  forget(): void {
    Object.assign(this.view, UNKNOWN_AGENT);
    this.#announcedOnHttp = false;
    this.changed();
  }

  changed(): void {
    this.waits.check();
    this.#side.changed();
  }

  #flush(link: WebSocketLink): void {
    for (let fields = this.#queue[0]; fields !== undefined; fields = this.#queue[0]) {
      const to = { instanceUid: this.view.uid, announcement: this.#announcementOver(link) };
      this.#pay(link, { ...composePush(to, fields), queued: 1 });
    }
  }

  #pay(link: Link, composed: Composed, write?: (payload: Uint8Array) => void): void {
    const { fields, announced, fullState, error, queued } = composed;
    this.send(link, fields, write);
    this.#queue.splice(0, queued);
    this.#errors.splice(0, error ? 1 : 0);
    this.#fullStateDue &&= !fullState;
    if (announced) {
      this.#announcedOver.add(link);
      this.#announcedOnHttp ||= link.transport === "http";
    }
  }

  #announcementOver(link: Link): Announcement | undefined {
    const announced = link.transport === "ws" ? this.#announcedOver.has(link) : this.#announcedOnHttp;
    if (announced) return undefined;
    const { capabilities, customCapabilities } = this.#side;
    return { capabilities, customCapabilities: [...customCapabilities, ...this.#ownCapabilities] };
  }

  #describe(): string {
    const { uid, sequenceNum } = this.view;
    const state = this.webSocket === undefined ? "without an open WebSocket" : "connected";
    const last = sequenceNum === undefined ? "nothing heard of it" : `last sequence_num ${sequenceNum}`;
    return `agent ${uidText(uid)} (${state}, ${last})`;
  }
}
