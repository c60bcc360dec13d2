import type { IncomingMessage, ServerResponse } from "node:http";
import type { WebSocket } from "ws";
import { UID_BYTES } from "../base/bytes.js";
import { isThenable } from "../base/checks.js";
import { messageOf, OpAMPError } from "../errors.js";
import { type AgentToServer, ServerErrorResponseType } from "../gen/opamp/v1/opamp_pb.js";
import { type Decoded, decodeAgentToServer } from "../wire/codec.js";
import type { AgentExchange } from "./agents/agent-exchange.js";
import type { AgentRegistry, KnownAgent } from "./agents/agent-registry.js";
import { answerSigningRequest } from "./agents/signing.js";
import { checkFields, errorAnswer, type ServerToAgentFields } from "./answer.js";
import type { HookFaults } from "./hook-faults.js";
import { httpLink, refuse } from "./link/http-link.js";
import type { Link, LinkCounts, LinkOrigin, TransportName, WebSocketLink } from "./link/link.js";
import { type AgentEnd, memoryLink, type ServerEnd } from "./link/memory-link.js";
import { readBody } from "./link/request-body.js";
import { listenTo, webSocketLink } from "./link/ws-link.js";
import { BoundedList, type MalformedInput } from "./message-log.js";
import { misbehaveOnMessage, padded } from "./misbehave/misbehave.js";
import type { AgentMisbehaviour } from "./misbehave/misbehaviour.js";
import type { Orders, Throttle } from "./misbehave/orders.js";
import type { MessageHook, Reply, ServerSettings } from "./server-options.js";

/** The length of the header in front of a message on WebSocket (WS-02). */
const FRAME_HEADER_BYTES = 1;

/** Takes in what comes over links, brings each message to its agent's exchange and has it answered. */
export class Receiver {
  readonly malformed: BoundedList<MalformedInput>;
  readonly #settings: ServerSettings;
  readonly #registry: AgentRegistry;
  readonly #orders: Orders;
  readonly #faults: HookFaults;
  /** All links, and which agents spoke over each: several may share one (UID-07). */
  readonly #speakers = new Map<Link, Set<AgentExchange>>();
  readonly #totals = { ws: 0, http: 0 };
  /** What the answers over a link have to wait for. */
  readonly #signing = new WeakMap<Link, Promise<void>>();

  constructor(settings: ServerSettings, registry: AgentRegistry, orders: Orders, faults: HookFaults) {
    this.#faults = faults;
    this.malformed = new BoundedList(settings.keepMessages);
    this.#settings = settings;
    this.#registry = registry;
    this.#orders = orders;
  }

  get links(): Link[] {
    return [...this.#speakers.keys()];
  }

  counts(transport: TransportName): LinkCounts {
    const open = this.links.filter((link) => link.transport === transport && link.isOpen()).length;
    return { open, total: this.#totals[transport] };
  }

  /** Takes over a WebSocket that was let in. */
  webSocket(webSocket: WebSocket, request: IncomingMessage, origin: LinkOrigin): WebSocketLink {
    const link = webSocketLink(webSocket, request.socket, origin);
    this.#begin(link);
    listenTo(webSocket, (message) => {
      if (message.ok) this.#receive(link, message.payload);
      else this.#refuse(link, message.error);
    });
    webSocket.on("close", () => this.#end(link));
    return link;
  }

  /** Takes over a POST that was let in. */
  async post(request: IncomingMessage, response: ServerResponse, origin: LinkOrigin): Promise<void> {
    const body = await readBody(request, this.#settings.maxMessageBytes);
    if (response.destroyed) return;
    if (!(body instanceof Uint8Array)) {
      refuse(response, body);
      return;
    }
    const link = httpLink(response, origin);
    this.#begin(link);
    response.on("close", () => this.#end(link));
    this.#receive(link, body);
  }

  /** Opens a link without a socket. */
  attach(transport: TransportName, place: Pick<LinkOrigin, "connection" | "endpoint">, agent: AgentEnd): ServerEnd {
    const { link, shut } = memoryLink(transport, place, agent);
    this.#begin(link);
    return {
      payload: (payload) => this.#receive(link, payload),
      ended: () => {
        shut();
        this.#end(link);
      },
    };
  }

  #begin(link: Link): void {
    this.#speakers.set(link, new Set());
    this.#totals[link.transport] += 1;
    this.#registry.side.changed();
  }

  #end(link: Link): void {
    const speakers = this.#speakers.get(link) ?? [];
    this.#speakers.delete(link);
    for (const exchange of speakers) exchange.detach(link);
    this.#registry.side.changed();
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
    this.#registry.hears(known, message.instanceUid);
    this.#speakers.get(link)?.add(known.exchange);
    known.exchange.hear(link, message);
    const reply = (): void => this.#reply(known, link, message);
    const former = this.#signing.get(link);
    const signed = answerSigningRequest(known.exchange, message);
    if (former === undefined && signed === undefined) return reply();
    // Agents take the answers of a connection in the order of their messages.
    const replied = Promise.all([former, signed]).then(reply);
    this.#signing.set(link, replied);
    void replied.then(() => this.#signing.get(link) === replied && this.#signing.delete(link));
  }

  /** Answers what could not be read: 400 on HTTP, otherwise BAD_REQUEST, addressed if the link has a single agent. */
  #refuse(link: Link, error: OpAMPError): void {
    this.malformed.add({ transport: link.transport, connection: link.origin.connection, error });
    if (link.transport === "http") {
      link.refuse(error.message);
    } else if (link.isOpen()) {
      const fields = errorAnswer(ServerErrorResponseType.ServerErrorResponseType_BadRequest, error.message);
      const [exchange, another] = this.#speakers.get(link) ?? [];
      if (exchange === undefined || another !== undefined) this.#registry.side.log.send(link, "", fields);
      else exchange.send(link, fields);
    }
    this.#registry.side.changed();
  }

  #reply(known: KnownAgent, link: Link, message: AgentToServer): void {
    const { transport } = link;
    const { throttles, onMessage } = this.#orders;
    const throttle = throttles.take(transport);
    const bad =
      throttle === undefined ? (known.exchange.misbehaviours.take(transport) ?? onMessage.take(transport)) : undefined;
    const answer = (reply: Reply): void =>
      this.#answer(known, link, throttle && reply !== null ? { ...reply, ...throttled(throttle) } : reply, bad);
    const fail = (how: string, thrown: unknown): void => {
      this.#faults.add("onMessage", how, thrown);
      answer(errorAnswer(ServerErrorResponseType.ServerErrorResponseType_Unknown, messageOf(thrown)));
    };
    const take = (reply: Reply): void => {
      try {
        if (reply !== undefined && reply !== null) checkFields("reply", reply);
        answer(reply);
      } catch (thrown) {
        fail("returned what cannot be sent", thrown);
      }
    };
    let reply: ReturnType<MessageHook>;
    try {
      reply = this.#settings.onMessage?.(known.agent, message);
    } catch (thrown) {
      return fail("threw", thrown);
    }
    if (isThenable(reply)) Promise.resolve(reply).then(take, (thrown) => fail("rejected", thrown));
    else take(reply);
  }

  #answer({ exchange }: KnownAgent, link: Link, reply: Reply, bad: AgentMisbehaviour | undefined): void {
    if (bad !== undefined && bad.mode !== "oversize") {
      if (link.isOpen()) misbehaveOnMessage(bad, link);
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
