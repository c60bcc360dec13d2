import { uidText } from "../../base/uid.js";
import { OpAMPError } from "../../errors.js";
import type { TransportName } from "../link/link.js";
import type { MessageLog } from "../message-log.js";
import { AgentExchange, type ServerSide } from "./agent-exchange.js";
import { ServerAgent } from "./server-agent.js";
import { uidBytes } from "./uid-bytes.js";

/** An agent: how users see it and how the server runs it. */
export interface KnownAgent {
  readonly agent: ServerAgent;
  readonly exchange: AgentExchange;
}

/** The agents of a server by instance uid. */
export class AgentRegistry {
  /** Under every uid: former, present and assigned, and asked for but never heard of. */
  readonly #known = new Map<string, KnownAgent>();
  /** Those that have spoken, under their present uid, in the order of their first words. */
  #seen = new Map<string, ServerAgent>();
  readonly #seenAs = new Map<ServerAgent, string>();
  readonly #side: ServerSide;
  #ended: OpAMPError | undefined;

  constructor(side: ServerSide) {
    this.#side = side;
  }

  /** The log of all messages. */
  get log(): MessageLog {
    return this.#side.log;
  }

  get seen(): ReadonlyMap<string, ServerAgent> {
    return this.#seen;
  }

  /** The most links that a single agent had open at the same time. */
  maxOpen(transport: TransportName): number {
    return this.#exchanges().reduce((most, exchange) => Math.max(most, exchange.counts(transport).maxOpen), 0);
  }

  /** Finds an agent, or makes room for one that has not spoken yet. */
  find(uid: string | Uint8Array): KnownAgent {
    const bytes = uidBytes(uid);
    const text = uidText(bytes);
    const known = this.#known.get(text) ?? this.#create(bytes);
    this.#known.set(text, known);
    return known;
  }

  /** Takes note that an agent has spoken under a uid. */
  heard({ agent }: KnownAgent, uid: Uint8Array): void {
    const text = uidText(uid);
    const former = this.#seenAs.get(agent);
    this.#seenAs.set(agent, text);
    if (former === undefined) {
      this.#seen.set(text, agent);
    } else if (former !== text) {
      this.#seen = new Map([...this.#seen].map(([key, seen]) => [key === former ? text : key, seen]));
    }
  }

  /** Has all waits for agents asked again. */
  check(): void {
    for (const exchange of this.#exchanges()) {
      exchange.waits.check();
    }
  }

  /** Forgets what is in store for single agents. */
  behave(): void {
    for (const { misbehaviours } of this.#exchanges()) misbehaviours.clear();
  }

  /** Ends the waits for all agents, also for those asked for later. */
  end(error: OpAMPError): void {
    this.#ended = error;
    for (const exchange of this.#exchanges()) {
      exchange.waits.end(error);
    }
  }

  #exchanges(): AgentExchange[] {
    return [...this.#known.values()].map(({ exchange }) => exchange);
  }

  #create(uid: Uint8Array): KnownAgent {
    const exchange = new AgentExchange(uid, this.#side);
    if (this.#ended !== undefined) {
      exchange.waits.end(this.#ended);
    }
    const agent = new ServerAgent(exchange, (newUid) => this.#claim(newUid, known));
    const known: KnownAgent = { agent, exchange };
    return known;
  }

  #claim(uid: Uint8Array, known: KnownAgent): void {
    const text = uidText(uid);
    const owner = this.#known.get(text);
    if (owner !== undefined && owner !== known) {
      throw new OpAMPError("ERR_OPAMP_INSTANCE_UID", `another agent is already known as ${text}`, {
        hint: "assign a uid that the server has not been asked about",
      });
    }
    this.#known.set(text, known);
  }
}
