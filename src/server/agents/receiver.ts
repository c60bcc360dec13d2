import type { IncomingMessage, ServerResponse } from "node:http";
import type { WebSocket } from "ws";
import { UID_BYTES } from "../../base/uid.js";
import { messageOf, OpAMPError } from "../../errors.js";
import { type AgentToServer, ServerErrorResponseType } from "../../gen/opamp/v1/opamp_pb.js";
import { type Decoded, decodeAgentToServer } from "../../wire/codec.js";
import { errorAnswer, type ServerToAgentFields } from "../answer.js";
import { httpLink, refuse } from "../link/http-link.js";
import type { Link, LinkOrigin, TransportName, WebSocketLink } from "../link/link.js";
import { type AgentEnd, memoryLink, type ServerEnd } from "../link/memory-link.js";
import { readBody } from "../link/request-body.js";
import { listenTo, webSocketLink } from "../link/ws-link.js";
import { BoundedList } from "../message-log.js";
import { misbehaveOnMessage, padded, type Reset } from "../misbehave/misbehave.js";
import type { AgentMisbehaviour } from "../misbehave/misbehaviour.js";
import type { Orders, Throttle } from "../misbehave/orders.js";
import type { AgentRegistry, KnownAgent } from "./agent-registry.js";
import { Links } from "./links.js";
import type { ServerAgent } from "./server-agent.js";

/**
 * What a message hook wants the answer to be: `undefined` for the usual one, fields to add to it, `null` for no answer at
 * all (on HTTP the request then stays open). An `errorResponse`, a `command` or an `instanceUid` makes these fields the
 * whole answer.
 */
export type Reply = ServerToAgentFields | null | undefined;

/**
 * Called for each message after the agent's record has taken it in. What it throws, or
 * returns and cannot be encoded, becomes an error_response.
 */
export type MessageHook = (agent: ServerAgent, message: AgentToServer) => Reply | Promise<Reply>;

/** How messages are taken in. */
export interface ReceiverSettings {
  readonly onMessage: MessageHook | undefined;
  readonly maxMessageBytes: number;
  /** How many malformed inputs are kept for certain. */
  readonly keepMessages: number;
}

/** Something that arrived and is no AgentToServer. */
export interface MalformedInput {
  readonly transport: TransportName;
  readonly connection: number;
  readonly error: OpAMPError;
}

/** The length of the header in front of a message on WebSocket (WS-02). */
const FRAME_HEADER_BYTES = 1;

/** Takes in what comes over links, brings each message to its agent's exchange and has it answered. */
export class Receiver {
  readonly links: Links;
  readonly #settings: ReceiverSettings;
  readonly #registry: AgentRegistry;
  readonly #orders: Orders;
  readonly #reset: Reset;
  readonly #changed: () => void;
  readonly #malformed: BoundedList<MalformedInput>;

  constructor(
    settings: ReceiverSettings,
    registry: AgentRegistry,
    orders: Orders,
    reset: Reset,
    /** Called when a link came or went, and when something malformed came. */
    changed: () => void,
  ) {
    this.links = new Links(changed);
    this.#settings = settings;
    this.#registry = registry;
    this.#orders = orders;
    this.#reset = reset;
    this.#changed = changed;
    this.#malformed = new BoundedList(settings.keepMessages);
  }

  get malformed(): readonly MalformedInput[] {
    return this.#malformed.entries;
  }

  /** Takes over a WebSocket that was let in. */
  webSocket(webSocket: WebSocket, request: IncomingMessage, origin: LinkOrigin): WebSocketLink {
    const link = webSocketLink(webSocket, request.socket, origin);
    this.links.add(link);
    listenTo(webSocket, (message) => {
      if (message.ok) this.#receive(link, message.payload);
      else this.#refuse(link, message.error);
    });
    webSocket.on("close", () => this.links.end(link));
    return link;
  }

  /** Takes over a POST that was let in. */
  async post(request: IncomingMessage, response: ServerResponse, origin: LinkOrigin): Promise<void> {
    const body = await readBody(request, this.#settings.maxMessageBytes);
    if (response.destroyed) return;
    if (!body.ok) {
      refuse(response, body.refusal);
      return;
    }
    const link = httpLink(response, origin);
    this.links.add(link);
    response.on("close", () => this.links.end(link));
    this.#receive(link, body.payload);
  }

  /** Opens a link without a socket. */
  attach(transport: TransportName, place: Pick<LinkOrigin, "connection" | "endpoint">, agent: AgentEnd): ServerEnd {
    const { link, shut } = memoryLink(transport, place, agent);
    this.links.add(link);
    return {
      payload: (payload) => this.#receive(link, payload),
      ended: () => {
        shut();
        this.links.end(link);
      },
    };
  }

  /** Takes in a payload. The answer goes out before this returns, unless the hook takes its time. */
  #receive(link: Link, payload: Uint8Array): void {
    const decoded = readMessage(payload);
    if (!decoded.ok) {
      this.#refuse(link, decoded.error);
      return;
    }
    const { message } = decoded;
    const known = this.#registry.find(message.instanceUid);
    this.#registry.heard(known, message.instanceUid);
    this.links.spoke(link, known.exchange);
    known.exchange.hear(link, message);
    this.#reply(known, link, message);
  }

  /** Answers what could not be read: 400 on HTTP, otherwise BAD_REQUEST, addressed if the link has a single agent. */
  #refuse(link: Link, error: OpAMPError): void {
    this.#malformed.add({ transport: link.transport, connection: link.origin.connection, error });
    if (link.transport === "http") {
      link.refuse(error.message);
    } else if (link.open) {
      const fields = errorAnswer(ServerErrorResponseType.ServerErrorResponseType_BadRequest, error.message);
      const exchange = this.links.soleSpeaker(link);
      if (exchange === undefined) this.#registry.log.send(link, "", fields);
      else exchange.send(link, fields);
    }
    this.#changed();
  }

  #reply(known: KnownAgent, link: Link, message: AgentToServer): void {
    const { transport } = link;
    const { throttles, onMessage } = this.#orders;
    const throttle = throttles.take(transport);
    const bad =
      throttle === undefined ? (known.exchange.misbehaviours.take(transport) ?? onMessage.take(transport)) : undefined;
    const answer = (reply: Reply): void =>
      this.#answer(known, link, throttle && reply !== null ? { ...reply, ...throttled(throttle) } : reply, bad);
    const fail = (thrown: unknown): void =>
      answer(errorAnswer(ServerErrorResponseType.ServerErrorResponseType_Unknown, messageOf(thrown)));
    try {
      const reply = this.#settings.onMessage?.(known.agent, message);
      if (reply instanceof Promise) reply.then(answer).catch(fail);
      else answer(reply);
    } catch (thrown) {
      fail(thrown);
    }
  }

  #answer({ exchange }: KnownAgent, link: Link, reply: Reply, bad: AgentMisbehaviour | undefined): void {
    if (bad !== undefined && bad.mode !== "oversize") {
      if (link.open) misbehaveOnMessage(bad, link, this.#reset);
    } else if (reply !== null) {
      const header = link.transport === "ws" ? FRAME_HEADER_BYTES : 0;
      exchange.answer(link, reply, bad && ((payload) => link.send(padded(payload, bad.bytes - header))));
    }
  }
}

/** Reads a serialized AgentToServer; one without a proper instance uid is malformed too (UID-01). */
function readMessage(payload: Uint8Array): Decoded<AgentToServer> {
  const decoded = decodeAgentToServer(payload);
  if (!decoded.ok || decoded.message.instanceUid.byteLength === UID_BYTES) {
    return decoded;
  }
  const text = `instance_uid has ${decoded.message.instanceUid.byteLength} bytes instead of ${UID_BYTES}`;
  return { ok: false, error: new OpAMPError("ERR_OPAMP_MALFORMED", text, { hint: "correct the agent" }) };
}

function throttled({ retryAfterMs }: Throttle): ServerToAgentFields {
  const pause = retryAfterMs === undefined ? undefined : BigInt(Math.round(retryAfterMs * 1_000_000));
  return errorAnswer(ServerErrorResponseType.ServerErrorResponseType_Unavailable, "busy", pause);
}
