import { OpAMPError } from "../../errors.js";
import type { Refusal } from "../link/http-link.js";
import type { TransportName } from "../link/link.js";
import type { AgentMisbehaviour, ConnectMisbehaviour, Misbehaviour, RequestMisbehaviour } from "./misbehaviour.js";

/** An answer that the next upgrades or POSTs get in place of OpAMP. */
export interface ScriptedRefusal extends Refusal {
  /** How long the answer takes, in milliseconds. Default: 0. */
  delayMs?: number | undefined;
  /** Which of them. Default: whichever comes first. */
  transport?: TransportName | undefined;
}

/** A request for a pause, in place of an answer. */
export interface Throttle {
  /** How long to stay away, in milliseconds (THR-02). Default: not said. */
  retryAfterMs?: number | undefined;
  /** How many messages get it. Default: 1. */
  times?: number | undefined;
  /** Which of them. Default: whichever comes first. */
  transport?: TransportName | undefined;
}

interface Step {
  transport?: TransportName | undefined;
  mode?: string;
}

/** What is to happen next, step by step, each as often as was said. */
export class Script<Ordered extends Step> {
  #steps: { step: Ordered; left: number }[] = [];

  /** Adds a step after those that are there. Throws ERR_OPAMP_OPTION unless `times` is a whole number, or Infinity. */
  add(step: Ordered, times = 1): void {
    if (!(times >= 0) || (times !== Number.POSITIVE_INFINITY && !Number.isSafeInteger(times))) {
      throw new OpAMPError("ERR_OPAMP_OPTION", `times: ${times} is not how often something can happen`, {
        hint: "give a whole number, or Infinity",
      });
    }
    if (times > 0) this.#steps.push({ step, left: times });
  }

  /** Uses up one turn of the first step for which there is an occasion on this transport, and returns it. */
  take(transport: TransportName | undefined): Ordered | undefined {
    const entry = this.#steps.find(({ step }) => isOccasion(step, transport));
    if (entry === undefined) return undefined;
    entry.left -= 1;
    if (entry.left === 0) this.#steps = this.#steps.filter((other) => other !== entry);
    return entry.step;
  }

  clear(): void {
    this.#steps = [];
  }
}

/** All that a server was told to do wrong, except towards single agents. */
export class Orders {
  readonly refusals = new Script<ScriptedRefusal>();
  readonly throttles = new Script<Throttle>();
  readonly onConnect = new Script<ConnectMisbehaviour>();
  readonly onRequest = new Script<{ transport?: TransportName | undefined } & RequestMisbehaviour>();
  readonly onMessage = new Script<AgentMisbehaviour>();

  misbehave(bad: Misbehaviour): void {
    if (bad.on === "connect") this.onConnect.add(bad, bad.times);
    else if (bad.on === "request") this.onRequest.add(bad, bad.times);
    else this.onMessage.add(bad, bad.times);
  }

  clear(): void {
    for (const script of [this.refusals, this.throttles, this.onConnect, this.onRequest, this.onMessage])
      script.clear();
  }
}

/** Only a WebSocket can be closed with a code. */
function isOccasion(step: Step, transport: TransportName | undefined): boolean {
  return (step.transport ?? transport) === transport && (step.mode !== "close" || transport === "ws");
}
