import { sameBytes } from "../../base/bytes.js";

/** A running handler. */
interface Run<Offer> {
  id: number;
  hash: Uint8Array;
  offer: Offer;
  /** When the core stops waiting for it. */
  deadline: number;
  /** A newer offer came: whatever this one ends with is not reported. */
  superseded: boolean;
}

/** What to do next with offers of one kind. */
export type Step<Offer> =
  | { type: "run"; id: number; offer: Offer }
  | { type: "abort"; id: number; why: "superseded" | "overdue" | "stopped" }
  /** Tell the server where this offer stands. */
  | { type: "status"; hash: Uint8Array; status: "applying" | "applied" | "failed"; error: string };

/** Time limits of a handler, in milliseconds. */
export interface ApplyLimits {
  applyMs: number;
  /** How long an aborted handler may take to end before the next one starts regardless. */
  abortMs: number;
}

/**
 * The life of the offers of one kind: none, applying, applied or failed. One handler runs at a time, the newest offer
 * wins, the hash decides whether an offer is new, and a superseded result is never reported (MSG-01, CFG-05, D15).
 */
export class OfferLife<Offer> {
  readonly #limits: ApplyLimits;
  #lastId = 0;
  #running: Run<Offer> | undefined;
  /** The newest offer, while an older handler has yet to end. */
  #waiting: { hash: Uint8Array; offer: Offer } | undefined;
  /** The hash of the newest offer, whatever became of it. */
  #newest: Uint8Array | undefined;
  #failed: { hash: Uint8Array; offer: Offer } | undefined;

  constructor(limits: ApplyLimits) {
    this.#limits = limits;
  }

  /** When a handler has had its time. */
  get deadline(): number | undefined {
    return this.#running?.deadline;
  }

  /** What was settled in an earlier life (D14). */
  restore(hash: Uint8Array): void {
    this.#newest = hash;
  }

  /** Whether this hash is the one last offered. */
  knows(hash: Uint8Array): boolean {
    return sameBytes(this.#newest, hash);
  }

  /** An offer with a hash not known yet. */
  receive(hash: Uint8Array, offer: Offer, now: number): Step<Offer>[] {
    this.#newest = hash;
    this.#failed = undefined;
    const steps: Step<Offer>[] = [{ type: "status", hash, status: "applying", error: "" }];
    if (this.#running === undefined) return steps.concat(this.#run(hash, offer, now));
    this.#waiting = { hash, offer };
    if (!this.#running.superseded) {
      this.#running.superseded = true;
      this.#running.deadline = now + this.#limits.abortMs;
      steps.push({ type: "abort", id: this.#running.id, why: "superseded" });
    }
    return steps;
  }

  /** The offer that failed last, once more (D15). */
  retry(now: number): Step<Offer>[] {
    return this.#failed === undefined ? [] : this.receive(this.#failed.hash, this.#failed.offer, now);
  }

  /** A handler ended. Ends of handlers given up on mean nothing. */
  handled(id: number, error: string | undefined, now: number): Step<Offer>[] {
    const run = this.#running;
    if (run === undefined || run.id !== id) return [];
    return this.#settle(run, error, now);
  }

  /** Gives up on a handler that had its time. */
  expire(now: number): Step<Offer>[] {
    const run = this.#running;
    if (run === undefined || now < run.deadline) return [];
    const error = `the handler did not end within ${this.#limits.applyMs} ms`;
    return [{ type: "abort", id: run.id, why: "overdue" }, ...this.#settle(run, error, now)];
  }

  /** The agent stops: the handler is told, and nothing new starts. */
  stop(): Step<Offer>[] {
    this.#waiting = undefined;
    this.#failed = undefined;
    const run = this.#running;
    this.#running = undefined;
    return run === undefined ? [] : [{ type: "abort", id: run.id, why: "stopped" }];
  }

  #run(hash: Uint8Array, offer: Offer, now: number): Step<Offer> {
    this.#lastId += 1;
    const id = this.#lastId;
    this.#running = { id, hash, offer, deadline: now + this.#limits.applyMs, superseded: false };
    return { type: "run", id, offer };
  }

  #settle(run: Run<Offer>, error: string | undefined, now: number): Step<Offer>[] {
    this.#running = undefined;
    const waiting = this.#waiting;
    if (waiting !== undefined) {
      this.#waiting = undefined;
      return [this.#run(waiting.hash, waiting.offer, now)];
    }
    if (error === undefined) return [{ type: "status", hash: run.hash, status: "applied", error: "" }];
    this.#failed = { hash: run.hash, offer: run.offer };
    return [{ type: "status", hash: run.hash, status: "failed", error }];
  }
}
