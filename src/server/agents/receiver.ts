import { UID_BYTES } from "../../base/uid.js";
import { messageOf, OpAMPError } from "../../errors.js";
import { type AgentToServer, ServerErrorResponseType } from "../../gen/opamp/v1/opamp_pb.js";
import { type Decoded, decodeAgentToServer } from "../../wire/codec.js";
import type { ServerToAgentFields } from "../answer.js";
import { BoundedList } from "../bounded-list.js";
import type { Link, TransportName } from "../link/link.js";
import type { Twist } from "../misbehave/twist.js";
import type { AgentRegistry, KnownAgent } from "./agent-registry.js";
import type { Links } from "./links.js";
import type { MessageLog } from "./message-log.js";
import type { MessageScript } from "./message-script.js";
import type { ServerAgent } from "./server-agent.js";
import { transmit } from "./transmit.js";

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

/** Something that arrived and is no AgentToServer. */
export interface MalformedInput {
  readonly transport: TransportName;
  readonly connection: number;
  readonly error: OpAMPError;
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

/** Brings each message to its agent's exchange and has it answered. */
export class Receiver {
  readonly #registry: AgentRegistry;
  readonly #links: Links;
  readonly #log: MessageLog;
  readonly #script: MessageScript;
  readonly #user: { hook: MessageHook | undefined; changed(): void };
  readonly #malformed: BoundedList<MalformedInput>;

  constructor(
    registry: AgentRegistry,
    links: Links,
    log: MessageLog,
    script: MessageScript,
    user: { hook: MessageHook | undefined; changed(): void },
    /** How many malformed inputs are kept for certain. */
    keep: number,
  ) {
    this.#registry = registry;
    this.#links = links;
    this.#log = log;
    this.#script = script;
    this.#user = user;
    this.#malformed = new BoundedList(keep);
  }

  get malformed(): readonly MalformedInput[] {
    return this.#malformed.entries;
  }

  /** Takes in a payload. The answer goes out before this returns, unless the hook takes its time. */
  receive(link: Link, payload: Uint8Array): void {
    const decoded = readMessage(payload);
    if (!decoded.ok) {
      this.refuse(link, decoded.error);
      return;
    }
    const { message } = decoded;
    const known = this.#registry.find(message.instanceUid);
    this.#registry.heard(known, message.instanceUid);
    this.#links.spoke(link, known.exchange);
    known.exchange.hear(link, message);
    this.#reply(known, link, message);
  }

  /** Answers what could not be read: 400 on HTTP, otherwise BAD_REQUEST, addressed if the link has a single agent. */
  refuse(link: Link, error: OpAMPError): void {
    this.#malformed.add({ transport: link.transport, connection: link.origin.connection, error });
    if (link.transport === "http") {
      link.refuse(error.message);
    } else if (link.open) {
      this.#sendBadRequest(link, error.message);
    }
    this.#user.changed();
  }

  #sendBadRequest(link: Link, errorMessage: string): void {
    const type = ServerErrorResponseType.ServerErrorResponseType_BadRequest;
    const fields = { errorResponse: { type, errorMessage } };
    const exchange = this.#links.soleSpeaker(link);
    if (exchange === undefined) {
      transmit(this.#log, link, "", fields);
    } else {
      exchange.send(link, fields);
    }
  }

  #reply(known: KnownAgent, link: Link, message: AgentToServer): void {
    const twist = this.#script.twist(known.exchange, link);
    const fail = (thrown: unknown): void => answer(known, link, failure(thrown), twist);
    try {
      const reply = this.#user.hook?.(known.agent, message);
      if (reply instanceof Promise) {
        reply.then((later) => answer(known, link, later, twist)).catch(fail);
      } else {
        answer(known, link, reply, twist);
      }
    } catch (thrown) {
      fail(thrown);
    }
  }
}

function answer({ exchange }: KnownAgent, link: Link, reply: Reply, twist: Twist | undefined): void {
  if (twist?.instead !== undefined) {
    if (link.open) twist.instead();
  } else if (reply !== null) {
    exchange.answer(link, twist?.extra === undefined ? reply : { ...reply, ...twist.extra }, twist?.write);
  }
}

function failure(thrown: unknown): ServerToAgentFields {
  const type = ServerErrorResponseType.ServerErrorResponseType_Unknown;
  return { errorResponse: { type, errorMessage: messageOf(thrown) } };
}
