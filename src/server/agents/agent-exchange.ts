import { sameBytes, uidText } from "../../base/bytes.js";
import { OpAMPError } from "../../errors.js";
import type { AgentRemoteConfig, AgentToServer, ConnectionSettingsOffers } from "../../gen/opamp/v1/opamp_pb.js";
import { encodeServerToAgent } from "../../wire/codec.js";
import { type Announcement, type Composed, composeAnswer, composePush, type ServerToAgentFields } from "../answer.js";
import type { AgentLink, AgentLinkCounts, Link, TransportName, WebSocketLink } from "../link/link.js";
import { BoundedList, type LogEntry, type MessageLog } from "../message-log.js";
import type { AgentMisbehaviour } from "../misbehave/misbehaviour.js";
import { Script } from "../misbehave/orders.js";
import type { Signer } from "../signing/signer.js";
import type { SigningState } from "../signing/signing-options.js";
import { Waits } from "../waits.js";
import { absorb, UNKNOWN_AGENT } from "./agent-record.js";
import { hasLeft, isTaken, isUsedUp } from "./settings-taken.js";

/** What a server has seen, a text each: who tried to come in, who has spoken, and what went wrong or is meant to. */
export interface OutlineOfServer {
  readonly attempts: readonly string[];
  readonly agents: readonly string[];
  readonly trouble: readonly string[];
}

/** What the agents of one server share. */
export interface ServerSide extends Announcement {
  /** The log of the whole server. */
  readonly log: MessageLog;
  /** How many messages each agent's own log keeps. */
  readonly keepMessages: number;
  /** What answers signing requests, if anything does. */
  readonly signer: Signer | undefined;
  /** What the whole server has seen. */
  outline(): OutlineOfServer;
  /** Called when a change of one agent is complete, when a link came or went, and when something malformed came. */
  changed(): void;
}

/** The server's end of the exchange with one agent, over however many links. */
export class AgentExchange {
  /** What the agent's messages said. */
  record = UNKNOWN_AGENT;
  /** The uids that the agent has used, the present one last; before its first words the one it was asked for by. */
  uids: readonly [Uint8Array, ...Uint8Array[]];
  /** The link over which the agent spoke last. */
  link: AgentLink | undefined;
  /** The message that came last. */
  lastMessage: AgentToServer | undefined;
  readonly waits: Waits;
  /** The agent's part of the server's log. */
  readonly log: BoundedList<LogEntry>;
  /** What is in store for this agent alone. */
  readonly misbehaviours = new Script<AgentMisbehaviour>();
  /** Those over which the agent has spoken. */
  readonly links = new Set<Link>();
  offer: AgentRemoteConfig | undefined;
  settings: ConnectionSettingsOffers | undefined;
  /** The signing request that came last. */
  signing: SigningState | undefined;
  readonly side: ServerSide;
  #leftFor: ConnectionSettingsOffers | undefined;
  #announcedOver = new WeakSet<Link>();
  /** What was announced to this agent besides what the server announces to all. */
  readonly #ownCapabilities = new Set<string>();
  readonly #totals = { ws: 0, http: 0 };
  readonly #maxOpen = { ws: 0, http: 0 };
  readonly #queue: ServerToAgentFields[] = [];
  readonly #errors: ServerToAgentFields[] = [];
  #fullStateDue = false;
  #announcedOnHttp = false;

  constructor(
    uid: Uint8Array,
    side: ServerSide,
    /** What has been seen of this agent, a line each. */
    outline: (exchange: AgentExchange) => readonly string[],
  ) {
    this.waits = new Waits(() => outline(this));
    this.uids = [uid];
    this.side = side;
    this.log = new BoundedList(side.keepMessages);
  }

  /** The uid that the agent used last. */
  get uid(): Uint8Array {
    return this.uids.at(-1) ?? this.uids[0];
  }

  /** The agent has left this server for the settings on offer, so they are not offered again. */
  get hasLeft(): boolean {
    return this.#leftFor !== undefined && this.#leftFor === this.settings;
  }

  /** How many messages wait for one of the agent's to be answered. */
  get waiting(): number {
    return this.#queue.length + this.#errors.length;
  }

  /** The newest WebSocket on which the agent has spoken and that is still open. */
  get webSocket(): WebSocketLink | undefined {
    return [...this.links].findLast((link): link is WebSocketLink => link.transport === "ws" && link.isOpen());
  }

  counts(transport: TransportName): AgentLinkCounts {
    const open = [...this.links].filter((link) => link.transport === transport && link.isOpen()).length;
    return { open, total: this.#totals[transport], maxOpen: this.#maxOpen[transport] };
  }

  /** Has the next message announce a custom capability to this agent. @returns false where it has been announced */
  announce(capability: string): boolean {
    if (this.side.customCapabilities.includes(capability) || this.#ownCapabilities.has(capability)) return false;
    this.#ownCapabilities.add(capability);
    this.#announcedOver = new WeakSet();
    this.#announcedOnHttp = false;
    return true;
  }

  /** Takes in a message. The waits are asked when the record is complete. */
  hear(link: Link, message: AgentToServer): void {
    const isNewLink = !this.links.has(link);
    if (isNewLink) {
      this.links.add(link);
      this.#totals[link.transport] += 1;
      this.#maxOpen[link.transport] = Math.max(this.#maxOpen[link.transport], this.counts(link.transport).open);
    }
    const { record, isDescribed, lacksState, startedOver } = absorb(this.record, message);
    const isComplete = record.parts.description !== undefined;
    // A request for the full state may have been lost with the connection before this one.
    const lostRequest = isNewLink && link.transport === "ws" && !isComplete;
    this.#fullStateDue = lacksState || lostRequest || (this.#fullStateDue && !isDescribed);
    // One that leaves may forget, and what comes with its last answer goes unheard.
    this.#announcedOnHttp &&= !startedOver && !record.disconnected;
    const { transport, origin } = link;
    const { instanceUid, connectionSettingsRequest } = message;
    const csr = connectionSettingsRequest?.opamp?.certificateRequest?.csr;
    if (csr !== undefined) this.signing = { csr, uid: instanceUid, answer: undefined };
    const isGone = hasLeft(this.settings, this.hasLeft, message, record, startedOver);
    this.#leftFor = isGone ? this.settings : undefined;
    if (isUsedUp(this.settings, record)) this.settings = undefined;
    this.record = record;
    this.link = { transport, ...origin };
    this.#goesBy(instanceUid);
    this.lastMessage = message;
    this.log.add(this.side.log.received(link, uidText(instanceUid), message));
    this.changed();
  }

  /**
   * Answers the message that came over this link, and lets the rest of the queue follow where that is possible.
   *
   * @param write sends the answer in another way than the link does
   */
  answer(link: Link, extra: ServerToAgentFields = {}, write?: (payload: Uint8Array) => void): void {
    if (!link.isOpen()) return;
    const { remoteConfigStatus } = this.record.parts;
    const isOfferTaken = sameBytes(this.offer?.configHash, remoteConfigStatus?.lastRemoteConfigHash);
    const composed = composeAnswer({
      instanceUid: this.uid,
      announcement: this.#announcementOver(link),
      fullState: this.#fullStateDue,
      offer: isOfferTaken ? undefined : this.offer,
      settings: this.hasLeft || isTaken(this.settings, this.record) ? undefined : this.settings,
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
    const { uid } = this;
    this.log.add(this.side.log.send(link, uidText(uid), { instanceUid: uid, ...fields }, write));
  }

  /** Sends a WebSocket message exactly as given, past the log. Throws ERR_OPAMP_CLOSED without a WebSocket. */
  sendAsIs(message: Uint8Array | string): void {
    const link = this.webSocket;
    if (link === undefined) {
      throw new OpAMPError("ERR_OPAMP_CLOSED", `agent ${uidText(this.uid)} has no open WebSocket`, {
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
    this.record = UNKNOWN_AGENT;
    this.#leftFor = undefined;
    this.#announcedOnHttp = false;
    this.changed();
  }

  changed(): void {
    this.waits.check();
    this.side.changed();
  }

  #flush(link: WebSocketLink): void {
    for (let fields = this.#queue[0]; fields !== undefined; fields = this.#queue[0]) {
      const to = { instanceUid: this.uid, announcement: this.#announcementOver(link) };
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
    if (announced || (link.transport === "http" && this.record.disconnected)) return undefined;
    const { capabilities, customCapabilities } = this.side;
    return { capabilities, customCapabilities: [...customCapabilities, ...this.#ownCapabilities] };
  }

  #goesBy(uid: Uint8Array): void {
    if (this.lastMessage === undefined) this.uids = [uid];
    else if (!sameBytes(uid, this.uid)) this.uids = [...this.uids, uid];
  }
}
