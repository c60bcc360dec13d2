import { checkByRules, isAmount, isOneOf, isTimes, type RulesFor } from "../../base/rules.js";
import { REFUSAL_RULES, type Refusal } from "../link/http-link.js";
import type { TransportName } from "../link/link.js";
import { checkMisbehaviour } from "./check-misbehaviour.js";
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

const TRANSPORT = isOneOf("ws", "http");
const REFUSAL: RulesFor<ScriptedRefusal> = { ...REFUSAL_RULES, delayMs: isAmount, transport: TRANSPORT };
const THROTTLE: RulesFor<Throttle> = { retryAfterMs: isAmount, times: isTimes, transport: TRANSPORT };

interface Step {
  transport?: TransportName | undefined;
  mode?: string;
}

/** What is to happen next, step by step, each as often as was said. */
export class Script<Ordered extends Step> {
  #steps: { step: Ordered; left: number }[] = [];

  /** Adds a step after those that are there. */
  add(step: Ordered, times = 1): void {
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

  /** What is still to come: a line for each step, in words. */
  outline(what: (step: Ordered) => string): readonly string[] {
    return this.#steps.map(({ step, left }) => `${what(step)}${left === 1 ? "" : `, ${left} times`}`);
  }
}

/** All that a server was told to do wrong, except towards single agents. */
export class Orders {
  readonly refusals = new Script<ScriptedRefusal>();
  readonly throttles = new Script<Throttle>();
  readonly onConnect = new Script<ConnectMisbehaviour>();
  readonly onRequest = new Script<{ transport?: TransportName | undefined } & RequestMisbehaviour>();
  readonly onMessage = new Script<AgentMisbehaviour>();

  refuse(refusal: ScriptedRefusal, times: number): void {
    checkByRules("refuseNext", refusal, REFUSAL, ["status"]);
    isTimes("times", times);
    this.refusals.add(refusal, times);
  }

  throttle(throttle: Throttle): void {
    checkByRules("throttleNext", throttle, THROTTLE);
    this.throttles.add(throttle, throttle.times);
  }

  misbehave(bad: Misbehaviour): void {
    checkMisbehaviour(bad, ["connect", "request", "message"]);
    if (bad.on === "connect") this.onConnect.add(bad, bad.times);
    else if (bad.on === "request") this.onRequest.add(bad, bad.times);
    else this.onMessage.add(bad, bad.times);
  }

  /** What is still to come, a line each. */
  outline(): readonly string[] {
    const mode = (on: string) => (step: Step) => `misbehave on ${on}: ${step.mode}`;
    return [
      ...this.refusals.outline(({ status }) => `refuseNext: ${status}`),
      ...this.throttles.outline(() => "throttleNext"),
      ...this.onConnect.outline(mode("connect")),
      ...this.onRequest.outline(mode("request")),
      ...this.onMessage.outline(mode("message")),
    ];
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
