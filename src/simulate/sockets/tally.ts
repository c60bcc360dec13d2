import type { ClientStats } from "../../client/observe/counters.js";
import { errorLine } from "../../diagnostics/one-line.js";
import type { OpAMPError } from "../../errors.js";
import type { SecondOfReturn } from "../result.js";

/** What is counted by the second. */
type Moment = "attempts" | "accepted" | "refused";

/** What is only counted. */
export type Counted = "applied" | "failed" | "healthChanges" | "restarts" | "breaks" | "serverErrors";

/** What came to the same end, and how one of them did. */
export interface Outcome {
  count: number;
  example: string | undefined;
}

/** Messages and serialized bytes of all agents. */
export type Traffic = Pick<ClientStats, "messagesSent" | "messagesReceived" | "bytesSent" | "bytesReceived">;

/** Counts what happens to a fleet. Its size does not depend on that of the fleet. */
export class Tally {
  readonly #now: () => number;
  readonly #startMs: number;
  readonly #seconds: SecondOfReturn[] = [];
  readonly #firstAnswers = new Map<number, number>();
  #connected = 0;
  #most = 0;
  /** Attempts that came to nothing, by the code of their error, or by why the phase changed. */
  readonly refusals = new Map<string, Outcome>();
  /** The same for connections that had been up. */
  readonly losses = new Map<string, Outcome>();
  readonly counts: Record<Counted, number> = {
    applied: 0,
    failed: 0,
    healthChanges: 0,
    restarts: 0,
    breaks: 0,
    serverErrors: 0,
  };
  readonly traffic: Traffic = { messagesSent: 0, messagesReceived: 0, bytesSent: 0, bytesReceived: 0 };

  /** @param now milliseconds on a clock that never goes back */
  constructor(now: () => number) {
    this.#now = now;
    this.#startMs = now();
  }

  /** How many agents are connected now. */
  get connected(): number {
    return this.#connected;
  }

  /** How many were, at most. */
  get mostConnected(): number {
    return this.#most;
  }

  /** Every second from the first to the present one. */
  get seconds(): readonly SecondOfReturn[] {
    this.#row();
    return this.#seconds;
  }

  attempted(): void {
    this.#row().attempts += 1;
  }

  accepted(): void {
    this.#connect(1);
    this.#row().accepted += 1;
  }

  /** @param why the phase changed, for what has no error */
  refused(why: string, error: OpAMPError | undefined): void {
    this.#row().refused += 1;
    add(this.refusals, error?.code ?? why, error);
  }

  /** @param error that of a connection that was lost; `undefined` for an orderly end */
  disconnected(why: string, error: OpAMPError | undefined): void {
    this.#connect(-1);
    add(this.losses, error?.code ?? why, error);
  }

  /** A connection ended because the simulation ended it. */
  left(): void {
    this.#connect(-1);
  }

  answered(afterMs: number): void {
    const ms = Math.round(afterMs);
    this.#firstAnswers.set(ms, (this.#firstAnswers.get(ms) ?? 0) + 1);
  }

  /** How long a share of the first answers took at most, in milliseconds; `undefined` while there are none. */
  firstAnswerMs(share: number): number | undefined {
    const sorted = [...this.#firstAnswers].toSorted(([one], [other]) => one - other);
    const total = sorted.reduce((sum, [, count]) => sum + count, 0);
    let seen = 0;
    return sorted.find(([, count]) => {
      seen += count;
      return seen >= share * total;
    })?.[0];
  }

  count(what: Counted): void {
    this.counts[what] += 1;
  }

  sum(of: Moment): number {
    return this.#seconds.reduce((sum, row) => sum + row[of], 0);
  }

  /** Adds what a client has sent and received that is no longer needed. */
  addTraffic(stats: Traffic): void {
    this.traffic.messagesSent += stats.messagesSent;
    this.traffic.messagesReceived += stats.messagesReceived;
    this.traffic.bytesSent += stats.bytesSent;
    this.traffic.bytesReceived += stats.bytesReceived;
  }

  #connect(change: 1 | -1): void {
    const row = this.#row();
    this.#connected += change;
    this.#most = Math.max(this.#most, this.#connected);
    row.connected = this.#connected;
  }

  /** The present second, after all those in which nothing happened. */
  #row(): SecondOfReturn {
    const second = Math.floor((this.#now() - this.#startMs) / 1_000);
    for (let next = this.#seconds.length; next <= second; next += 1) {
      this.#seconds.push({ second: next, attempts: 0, accepted: 0, refused: 0, connected: this.#connected });
    }
    return this.#seconds[second] ?? { second, attempts: 0, accepted: 0, refused: 0, connected: this.#connected };
  }
}

function add(outcomes: Map<string, Outcome>, name: string, error: OpAMPError | undefined): void {
  const outcome = outcomes.get(name) ?? { count: 0, example: error && errorLine(error) };
  outcome.count += 1;
  outcomes.set(name, outcome);
}
