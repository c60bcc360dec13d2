import { uidText } from "../../base/bytes.js";
import { OpAMPError } from "../../errors.js";
import { AgentExchange, type ServerSide } from "./agent-exchange.js";
import { agentOutline } from "./agent-outline.js";
import { ServerAgent } from "./server-agent.js";

/** An agent: how users see it and how the server runs it. */
export interface KnownAgent {
  readonly agent: ServerAgent;
  readonly exchange: AgentExchange;
}

/** The agents of a server by instance uid. */
export class AgentRegistry {
  /** Those that have spoken, under their present uid, in the order of their first words. */
  seen = new Map<string, ServerAgent>();
  readonly side: ServerSide;
  /** Under every uid: former, present and assigned, and asked for but never heard of. */
  readonly #known = new Map<string, KnownAgent>();
  #ended: OpAMPError | undefined;

  constructor(side: ServerSide) {
    this.side = side;
  }

  get exchanges(): AgentExchange[] {
    return [...new Set([...this.#known.values()].map(({ exchange }) => exchange))];
  }

  /** Finds an agent, or makes room for one that has not spoken yet. */
  find(uid: Uint8Array): KnownAgent {
    const text = uidText(uid);
    const known = this.#known.get(text) ?? this.#create(new Uint8Array(uid));
    this.#known.set(text, known);
    return known;
  }

  /** Takes note that an agent is about to speak under a uid. */
  hears({ agent }: KnownAgent, uid: Uint8Array): void {
    const text = uidText(uid);
    const former = agent.uidText;
    if (agent.lastMessage === undefined) {
      this.seen.set(text, agent);
    } else if (former !== text) {
      this.seen = new Map([...this.seen].map(([key, seen]) => [key === former ? text : key, seen]));
    }
  }

  /** Ends the waits for all agents, also for those asked for later. */
  end(error: OpAMPError): void {
    this.#ended = error;
    for (const { waits } of this.exchanges) waits.end(error);
  }

  #create(uid: Uint8Array): KnownAgent {
    const exchange = new AgentExchange(uid, this.side, agentOutline);
    if (this.#ended !== undefined) exchange.waits.end(this.#ended);
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
