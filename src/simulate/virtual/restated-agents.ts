import { NEVER } from "../../core/timers.js";
import type { Heard, Network, Population } from "./population.js";
import type { RestatedPolicy } from "./restated-policies.js";
import type { Scenario } from "./scenarios.js";

const HEARTBEAT_MS = 30_000;
/** What an agent is about. */
const WAITING = 0;
const CONNECTING = 1;
const ONLINE = 2;
/** Waiting for the answer to a poll. */
const POLLING = 3;

/** Agents that follow a policy restated as data: when to dial, and nothing else of a client. */
export class RestatedAgents implements Population {
  readonly isWatching = false;
  readonly #policy: RestatedPolicy;
  readonly #random: () => number;
  readonly #network: Network;
  readonly #duplex: boolean;
  readonly #askedMs: number | undefined;
  readonly #deadlines: Float64Array;
  readonly #states: Uint8Array;
  readonly #failures: Uint16Array;
  readonly #pauses: Uint16Array;

  constructor(policy: RestatedPolicy, agents: number, scenario: Scenario, random: () => number, network: Network) {
    this.#policy = policy;
    this.#random = random;
    this.#network = network;
    this.#duplex = scenario.transport === "ws";
    this.#askedMs = scenario.refusal === "busy" ? undefined : scenario.askedSeconds * 1_000;
    this.#deadlines = new Float64Array(agents).fill(NEVER);
    this.#states = new Uint8Array(agents);
    this.#failures = new Uint16Array(agents);
    this.#pauses = new Uint16Array(agents);
  }

  start(agent: number, nowMs: number): void {
    this.#dial(agent, nowMs);
  }

  hear(agent: number, heard: Heard, nowMs: number): void {
    const wasPolling = this.#states[agent] === POLLING;
    switch (heard) {
      case "opened":
        return this.#network.report(agent, nowMs);
      case "answer":
        this.#failures[agent] = 0;
        this.#pauses[agent] = 0;
        return this.#become(agent, ONLINE, this.#duplex ? NEVER : nowMs + HEARTBEAT_MS);
      case "broken":
      case "closed":
        return this.#become(agent, WAITING, nowMs + this.#policy.firstMs(heard, this.#random()));
      case "reset":
        if (!wasPolling) return this.#failed(agent, nowMs);
        return this.#become(agent, WAITING, nowMs + this.#policy.firstMs("poll", this.#random()));
      case "unavailable":
        if (this.#policy.staysIfUnavailable) return this.#become(agent, ONLINE, nowMs + HEARTBEAT_MS);
        return this.#paused(agent, nowMs);
      case "busy":
        return this.#paused(agent, nowMs);
      case "pong":
        return;
      default:
        return heard satisfies never;
    }
  }

  due(agent: number, nowMs: number): void {
    const state = this.#states[agent];
    if (state === WAITING) return this.#dial(agent, nowMs);
    if (state === ONLINE) {
      this.#become(agent, POLLING, nowMs + this.#policy.limitMs);
      return this.#network.report(agent, nowMs);
    }
    this.#network.cut(agent);
    this.#failed(agent, nowMs);
  }

  deadline(agent: number): number {
    return this.#deadlines[agent] ?? NEVER;
  }

  #become(agent: number, state: number, deadline: number): void {
    this.#states[agent] = state;
    this.#deadlines[agent] = deadline;
  }

  #dial(agent: number, nowMs: number): void {
    this.#become(agent, CONNECTING, nowMs + this.#policy.limitMs);
    if (this.#duplex) this.#network.connect(agent, nowMs);
    else this.#network.report(agent, nowMs);
  }

  #failed(agent: number, nowMs: number): void {
    const failures = this.#failures[agent] ?? 0;
    this.#failures[agent] = failures + 1;
    this.#become(agent, WAITING, nowMs + this.#policy.nextMs(failures, this.#random()));
  }

  #paused(agent: number, nowMs: number): void {
    const pauses = this.#pauses[agent] ?? 0;
    const failures = this.#failures[agent] ?? 0;
    this.#pauses[agent] = pauses + 1;
    this.#failures[agent] = failures + 1;
    this.#network.cut(agent);
    const pauseMs = this.#policy.pauseMs(this.#askedMs, pauses, failures, this.#random());
    this.#become(agent, WAITING, nowMs + pauseMs);
  }
}
