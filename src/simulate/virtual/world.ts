import { NEVER } from "../../core/timers.js";
import type { SecondOfReturn } from "../result.js";
import { Agenda } from "./agenda.js";
import type { Heard, Network, Population } from "./population.js";
import type { Scenario } from "./scenarios.js";
import { Servers } from "./servers.js";

/** Agents start within this, and what breaks first breaks once the last of them has been online for a while. */
export const START_WITHIN_MS = 30_000;
export const FIRST_STOP_MS = 45_000;
const NO_SERVER = 255;

/** What has been counted in the second that goes on. */
interface Counts {
  attempts: number;
  accepted: number;
  refused: number;
}

/** The network between agents and servers, on virtual time: one event under way for each agent, and what is counted. */
export class World implements Network {
  readonly seconds: SecondOfReturn[] = [];
  /** How often each agent tried since the first stop. */
  readonly attempts: Uint16Array;
  /** When each was back, in milliseconds since the first stop. */
  readonly backAtMs: Float64Array;
  connected = 0;
  readonly #scenario: Scenario;
  readonly #servers: Servers;
  readonly #agenda: Agenda;
  readonly #populationOf: (agent: number) => Population;
  readonly #random: () => number;
  /** Undefined before the start. */
  readonly #coming: (Heard | undefined)[];
  readonly #comesAt: Float64Array;
  readonly #serverOf: Uint8Array;
  readonly #isBack: Uint8Array;
  #counts: Counts = { attempts: 0, accepted: 0, refused: 0 };

  constructor(
    agents: number,
    endMs: number,
    scenario: Scenario,
    inhabit: (network: Network) => (agent: number) => Population,
    random: () => number,
  ) {
    this.#scenario = scenario;
    this.#servers = new Servers(agents, scenario);
    this.#agenda = new Agenda(agents, endMs);
    this.#populationOf = inhabit(this);
    this.#random = random;
    this.#coming = new Array<Heard | undefined>(agents).fill(undefined);
    this.#comesAt = new Float64Array(agents).fill(NEVER);
    this.#serverOf = new Uint8Array(agents).fill(NO_SERVER);
    this.#isBack = new Uint8Array(agents);
    this.attempts = new Uint16Array(agents);
    this.backAtMs = new Float64Array(agents);
    for (let agent = 0; agent < agents; agent++) {
      this.#comesAt[agent] = Math.floor(random() * START_WITHIN_MS);
      this.#agenda.set(agent, this.#comesAt[agent] ?? 0);
    }
  }

  /** Everything that happens in this millisecond. */
  run(nowMs: number): void {
    for (let agent = this.#agenda.take(nowMs); agent !== undefined; agent = this.#agenda.take(nowMs)) {
      this.#turn(agent, nowMs);
    }
  }

  /** A server stops: its agents lose their connections. */
  stop(server: number, nowMs: number): void {
    const { downSeconds, ending, transport } = this.#scenario;
    this.#servers.stop(server, nowMs + downSeconds * 1_000);
    for (let agent = 0; agent < this.#serverOf.length; agent++) {
      if (this.#serverOf[agent] !== server) continue;
      // A connection on which nobody waits for pongs outlives a network that fails for a while.
      if (ending === "unnoticed" && !this.#populationOf(agent).isWatching) continue;
      this.#serverOf[agent] = NO_SERVER;
      this.#markLost(agent);
      if (ending === "unnoticed") this.cut(agent);
      else if (transport === "ws") this.#send(agent, ending === "close" ? "closed" : "broken", nowMs);
      // What polls notices with its next request, unless one is under way.
      else if ((this.#comesAt[agent] ?? NEVER) < NEVER) this.#send(agent, "reset", nowMs);
      this.#plan(agent);
    }
  }

  /** Ends a second, and begins the next. */
  endSecond(second: number): void {
    this.seconds.push({ second, ...this.#counts, connected: this.connected });
    this.#counts = { attempts: 0, accepted: 0, refused: 0 };
  }

  connect(agent: number, nowMs: number): void {
    const server = this.#servers.choose(agent % this.#servers.count, nowMs);
    this.#attempted(agent, nowMs);
    const isDecidedLater = this.#scenario.refusal === "unavailable" && this.#servers.isUp(server, nowMs);
    const isTaken = nowMs < FIRST_STOP_MS || isDecidedLater;
    const verdict = isTaken ? "accepted" : this.#servers.take(server, nowMs);
    if (verdict !== "accepted") return this.#refuse(agent, verdict === "refused", nowMs);
    this.#serverOf[agent] = server;
    if (!isTaken) this.#counts.accepted += 1;
    this.#send(agent, "opened", nowMs);
  }

  report(agent: number, nowMs: number): void {
    const server = this.#serverOf[agent] ?? NO_SERVER;
    if (this.#isBack[agent] === 1 || nowMs < FIRST_STOP_MS) {
      if (server === NO_SERVER) this.#serverOf[agent] = this.#servers.choose(agent % this.#servers.count, nowMs);
      return this.#send(agent, "answer", nowMs);
    }
    if (this.#scenario.transport === "http") return this.#poll(agent, nowMs);
    if (server === NO_SERVER) return;
    if (this.#scenario.refusal !== "unavailable") return this.#send(agent, "answer", nowMs);
    const isTaken = this.#servers.take(server, nowMs) === "accepted";
    if (isTaken) this.#counts.accepted += 1;
    else this.#counts.refused += 1;
    this.#send(agent, isTaken ? "answer" : "unavailable", nowMs);
  }

  ping(agent: number, nowMs: number): void {
    if (this.#serverOf[agent] !== NO_SERVER) this.#send(agent, "pong", nowMs);
  }

  leave(agent: number, nowMs: number): void {
    this.#serverOf[agent] = NO_SERVER;
    this.#markLost(agent);
    this.#send(agent, "closed", nowMs);
  }

  cut(agent: number): void {
    this.#comesAt[agent] = NEVER;
  }

  /** A request of an agent that has no connection. */
  #poll(agent: number, nowMs: number): void {
    const server = this.#servers.choose(agent % this.#servers.count, nowMs);
    this.#attempted(agent, nowMs);
    const verdict = this.#servers.take(server, nowMs);
    if (verdict !== "accepted") return this.#refuse(agent, verdict === "refused", nowMs);
    this.#serverOf[agent] = server;
    this.#counts.accepted += 1;
    this.#send(agent, "answer", nowMs);
  }

  #refuse(agent: number, isThere: boolean, nowMs: number): void {
    const { refusal, ending } = this.#scenario;
    this.#counts.refused += 1;
    const isSilent = isThere ? refusal === "silence" : ending === "unnoticed";
    if (isSilent) return this.cut(agent);
    const isBusy = isThere && (refusal === "busy" || refusal === "busyFor" || refusal === "unavailable");
    this.#send(agent, isBusy ? "busy" : "reset", nowMs);
  }

  #attempted(agent: number, nowMs: number): void {
    if (nowMs < FIRST_STOP_MS) return;
    this.#counts.attempts += 1;
    this.attempts[agent] = (this.attempts[agent] ?? 0) + 1;
  }

  #markLost(agent: number): void {
    if (this.#isBack[agent] === 0) return;
    this.#isBack[agent] = 0;
    this.connected -= 1;
  }

  /** It arrives 10 to 50 ms later. */
  #send(agent: number, heard: Heard, nowMs: number): void {
    this.#coming[agent] = heard;
    this.#comesAt[agent] = nowMs + 10 + Math.floor(this.#random() * 40);
  }

  #turn(agent: number, nowMs: number): void {
    const population = this.#populationOf(agent);
    if (nowMs >= (this.#comesAt[agent] ?? NEVER)) {
      const heard = this.#coming[agent];
      this.#comesAt[agent] = NEVER;
      if (heard === "answer" && this.#isBack[agent] === 0) {
        this.#isBack[agent] = 1;
        this.backAtMs[agent] = nowMs - FIRST_STOP_MS;
        this.connected += 1;
      }
      if (heard === undefined) population.start(agent, nowMs);
      else population.hear(agent, heard, nowMs);
    }
    while (population.deadline(agent) <= nowMs) population.due(agent, nowMs);
    this.#plan(agent);
  }

  #plan(agent: number): void {
    const deadline = this.#populationOf(agent).deadline(agent);
    this.#agenda.set(agent, Math.min(deadline, this.#comesAt[agent] ?? NEVER));
  }
}
