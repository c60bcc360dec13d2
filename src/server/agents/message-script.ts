import { ServerErrorResponseType } from "../../gen/opamp/v1/opamp_pb.js";
import type { ServerToAgentFields } from "../answer.js";
import type { Link, TransportName } from "../link/link.js";
import { type Tools, twistAnswer } from "../misbehave/misbehave-message.js";
import type { AgentMisbehaviour } from "../misbehave/misbehaviour.js";
import { Script } from "../misbehave/script.js";
import type { Twist } from "../misbehave/twist.js";
import type { AgentExchange } from "./agent-exchange.js";

/** A request for a pause, in place of an answer. */
export interface Throttle {
  /** How long to stay away, in milliseconds (THR-02). Default: not said. */
  retryAfterMs?: number;
  /** How many messages get it. Default: 1. */
  times?: number;
  /** Which of them. Default: whichever comes first. */
  transport?: TransportName;
}

/** What is to become of the next answers. */
export class MessageScript {
  readonly throttles = new Script<Throttle>();
  readonly misbehaviours = new Script<AgentMisbehaviour>();
  readonly #tools: Tools;

  constructor(tools: Tools) {
    this.#tools = tools;
  }

  /** Undefined if the answer over this link is to be what it always is. */
  twist(exchange: AgentExchange, link: Link): Twist | undefined {
    if (this.throttles.isEmpty && this.misbehaviours.isEmpty && exchange.misbehaviours === undefined) return undefined;
    const isMeant = (step: { transport?: TransportName }): boolean =>
      step.transport === undefined || step.transport === link.transport;
    const bad = (step: AgentMisbehaviour): Twist | undefined =>
      isMeant(step) ? twistAnswer(step, link, this.#tools) : undefined;
    return (
      this.throttles.take((step) => (isMeant(step) ? { extra: unavailable(step) } : undefined)) ??
      exchange.misbehaviours?.take(bad) ??
      this.misbehaviours.take(bad)
    );
  }

  clear(): void {
    this.throttles.clear();
    this.misbehaviours.clear();
  }
}

function unavailable({ retryAfterMs }: Throttle): ServerToAgentFields {
  const pause = retryAfterMs !== undefined && {
    Details: {
      case: "retryInfo" as const,
      value: { retryAfterNanoseconds: BigInt(Math.round(retryAfterMs * 1_000_000)) },
    },
  };
  const type = ServerErrorResponseType.ServerErrorResponseType_Unavailable;
  return { errorResponse: { type, errorMessage: "busy", ...pause } };
}
