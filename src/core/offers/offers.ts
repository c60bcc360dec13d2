import { sameBytes } from "../../base/bytes.js";
import type { ServerToAgent } from "../../gen/opamp/v1/opamp_pb.js";
import type { Offered, OfferKind, OfferOutcomes, Output } from "../io.js";
import { NOTHING_OFFERED, type OfferStatus } from "../parts.js";
import { NEVER } from "../timers.js";
import type { Found, Identified, OfferRow, OfferSurroundings, RunningOffer, WaitingOffer } from "./offer-row.js";
import { remoteConfig } from "./remote-config.js";

/** A hash is stored, and sent back with every status: digests have 16 to 64 bytes. */
const MAX_HASH_BYTES = 1_024;
/** The kind that every agent may be offered. */
const USUAL: readonly OfferRow[] = [remoteConfig];

/**
 * All offers of an agent: receives, expires and stops those of each kind in the same way.
 *
 * Methods return whether an outcome is in that the effective config is reported with (CFG-03).
 */
export class Offers {
  readonly #rows: readonly OfferRow[];
  readonly #around: OfferSurroundings;
  /** One for each row, there once something of that kind was offered. */
  #lives: (OfferLife | undefined)[] | undefined;

  constructor(around: OfferSurroundings, rows: readonly OfferRow[] = USUAL) {
    this.#around = around;
    this.#rows = rows;
    for (const row of rows) around.report.set(row.part, NOTHING_OFFERED);
  }

  /** When a handler had its time; `Infinity` while none runs. */
  get nextTimer(): number {
    let next = NEVER;
    for (const { kind } of this.#rows) next = Math.min(next, this.#around.timers[kind] ?? NEVER);
    return next;
  }

  /** What was settled in an earlier life (D14). @param failed of these the one that can be retried */
  restore(outcomes: OfferOutcomes, failed?: Offered): void {
    for (const { kind } of this.#rows) {
      const outcome = outcomes[kind];
      if (outcome !== undefined) this.of(kind)?.restore(outcome, failed?.kind === kind ? failed : undefined);
    }
  }

  /**
   * Takes the offers in a message.
   *
   * @param declared the agent's capability mask: offers of a kind that is not in it have no effect (CAP-05)
   */
  receive(message: ServerToAgent, declared: bigint, now: number, out: Output[]): void {
    for (const row of this.#rows) {
      const found = message[row.field] && row.find(message);
      if (found === undefined) continue;
      const what = this.#take(row, found, declared, now, out);
      if (what !== undefined) out.push({ type: "notice", notice: { kind: "ignored", what } });
    }
  }

  /** @returns what of it has no effect */
  #take(row: OfferRow, found: Found, declared: bigint, now: number, out: Output[]): string | undefined {
    const { hash, offered, needs = row.accepts } = found;
    if ((declared & needs) === 0n) return row.what;
    const { length } = hash;
    if (length > MAX_HASH_BYTES) {
      return `${row.what} with a hash of ${length} bytes, of which at most ${MAX_HASH_BYTES} are taken`;
    }
    const life = this.of(row.kind);
    if (life?.knows(offered ?? found) === true) return undefined;
    if (offered === undefined) return row.incomplete;
    life?.receive(offered, now, out);
    return (needs & ~declared) === 0n ? undefined : `${row.what} of a class that is not declared`;
  }

  /** A change was stored, or could not be. */
  persisted(id: number, error: string | undefined, now: number, out: Output[]): boolean {
    return this.#each((life) => life.persisted(id, error, now, out));
  }

  /** Gives up on handlers that had their time. */
  expire(now: number, out: Output[]): boolean {
    return this.#each((life) => life.expire(now, out));
  }

  /** The agent stops. */
  stop(out: Output[]): void {
    for (const life of this.#lives ?? []) life?.stop(out);
  }

  /** The offers of one kind; `undefined` where there is no such kind here. */
  of(kind: OfferKind): OfferLife | undefined {
    const index = this.#rows.findIndex((row) => row.kind === kind);
    const row = this.#rows[index];
    if (row === undefined) return undefined;
    this.#lives ??= [];
    this.#lives[index] ??= new OfferLife(row, this.#around);
    return this.#lives[index];
  }

  /** @returns whether it was so for any of them */
  #each(action: (life: OfferLife) => boolean): boolean {
    return this.#lives !== undefined && this.#lives.filter((life) => life && action(life)).length > 0;
  }
}

/**
 * The life of the offers of one kind: none, applying, applied or failed. One handler runs at a time, the newest offer
 * wins, the hash decides whether an offer is new, and a superseded result is never reported (MSG-01, CFG-05, D15).
 *
 * Methods return whether an outcome is in that the effective config is reported with.
 */
export class OfferLife {
  readonly #row: OfferRow;
  readonly #around: OfferSurroundings;
  #lastId = 0;
  #running: RunningOffer | undefined;
  #waiting: WaitingOffer | undefined;
  /** What the newest offer is known by, whatever became of it. */
  #newest: Uint8Array | undefined;
  #hasToldNoHash = false;
  /** The offer that failed last; `"gone"` where it did so in an earlier life, and nothing is left of it. */
  #failed: Offered | "gone" | undefined;

  constructor(row: OfferRow, around: OfferSurroundings) {
    this.#row = row;
    this.#around = around;
  }

  /** What was settled in an earlier life (D14). @param failed what can be retried */
  restore(status: OfferStatus, failed?: Offered): void {
    this.#newest = offerIdentity(status);
    this.#failed = failed ?? (status.status === "failed" ? "gone" : undefined);
    this.#around.report.set(this.#row.part, withoutDigest(status));
  }

  /** The offer whose handler runs, unless a newer one came. */
  get applying(): { readonly id: number; readonly offered: Offered } | undefined {
    return this.#running?.superseded === false ? this.#running : undefined;
  }

  /** How the last offer ended is forgotten, so that the server may offer the same again. */
  forget(now: number, out: Output[]): void {
    this.#supersede(now, out);
    this.#waiting = undefined;
    this.#failed = undefined;
    this.#newest = undefined;
    this.#around.report.set(this.#row.part, NOTHING_OFFERED);
    this.#around.persist({ what: "forget", kind: this.#row.kind }, out);
  }

  /** Whether this is what was last offered. */
  knows(offer: Identified): boolean {
    return sameBytes(this.#newest, offerIdentity(offer));
  }

  /** An offer that is not known yet. */
  receive(offered: Offered, now: number, out: Output[]): void {
    this.#newest = offerIdentity(offered);
    this.#failed = undefined;
    if (offered.hash.length === 0 && !this.#hasToldNoHash) {
      this.#hasToldNoHash = true;
      out.push({ type: "notice", notice: { kind: "noHash", what: this.#row.what } });
    }
    const { kind, storedFirst } = this.#row;
    const status = statusOf(offered, "applying");
    this.#stands(status, out);
    const persistId = storedFirst ? this.#around.persist({ what: "offer", kind, status, offered }, out) : undefined;
    this.#waiting = { offered, persistId };
    this.#supersede(now, out);
    this.#start(now, out);
  }

  #supersede(now: number, out: Output[]): void {
    if (this.#running?.superseded !== false) return;
    const { kind } = this.#row;
    this.#running.superseded = true;
    this.#around.timers[kind] = now + this.#around.limits.abortMs;
    out.push({ type: "abort", kind, id: this.#running.id, why: "superseded" });
  }

  /** The offer that failed last, once more (D15); one that is gone is the server's to send again. */
  retry(now: number, out: Output[]): void {
    if (this.#failed === "gone") this.forget(now, out);
    else if (this.#failed !== undefined) this.receive(this.#failed, now, out);
  }

  /** A change was stored, or could not be. */
  persisted(id: number, error: string | undefined, now: number, out: Output[]): boolean {
    const waiting = this.#waiting;
    if (waiting === undefined || waiting.persistId !== id) return false;
    if (error === undefined) {
      waiting.persistId = undefined;
      this.#start(now, out);
      return false;
    }
    this.#waiting = undefined;
    return this.#fail(waiting.offered, `the offer could not be stored: ${error}`, out);
  }

  /** A handler ended. Ends of handlers given up on mean nothing. */
  handled(id: number, error: string | undefined, now: number, out: Output[]): boolean {
    return this.#running?.id === id && this.#settle(this.#running, error, now, out);
  }

  /** Gives up on a handler that had its time. */
  expire(now: number, out: Output[]): boolean {
    const run = this.#running;
    if (run === undefined || now < (this.#around.timers[this.#row.kind] ?? NEVER)) return false;
    out.push({ type: "abort", kind: this.#row.kind, id: run.id, why: "overdue" });
    return this.#settle(run, `the handler did not end within ${this.#around.limits.applyMs} ms`, now, out);
  }

  /** The agent stops: the handler is told, and nothing new starts. */
  stop(out: Output[]): void {
    const run = this.#running;
    this.#waiting = undefined;
    this.#failed = undefined;
    this.#running = undefined;
    this.#around.timers[this.#row.kind] = undefined;
    if (run !== undefined) out.push({ type: "abort", kind: this.#row.kind, id: run.id, why: "stopped" });
  }

  #start(now: number, out: Output[]): void {
    const waiting = this.#waiting;
    if (waiting === undefined || waiting.persistId !== undefined || this.#running !== undefined) return;
    this.#waiting = undefined;
    this.#lastId += 1;
    this.#running = { id: this.#lastId, offered: waiting.offered, superseded: false };
    this.#around.timers[this.#row.kind] = now + this.#around.limits.applyMs;
    out.push({ type: "apply", id: this.#lastId, ...waiting.offered });
  }

  #settle(run: RunningOffer, error: string | undefined, now: number, out: Output[]): boolean {
    this.#running = undefined;
    this.#around.timers[this.#row.kind] = undefined;
    this.#start(now, out);
    if (run.superseded) return false;
    if (error !== undefined) return this.#fail(run.offered, error, out);
    return this.#stands(statusOf(run.offered, "applied"), out);
  }

  #fail(offered: Offered, error: string, out: Output[]): boolean {
    this.#failed = offered;
    return this.#stands(statusOf(offered, "failed", error), out);
  }

  #stands(status: OfferStatus, out: Output[]): boolean {
    const { kind, part, changesEffectiveConfig } = this.#row;
    this.#around.report.set(part, withoutDigest(status));
    out.push({ type: "offer", kind, status });
    if (status.status === "applying") return false;
    this.#around.persist({ what: "offer", kind, status }, out);
    return changesEffectiveConfig;
  }
}

/** The hash decides what is new; where a server sets none, the content does. */
export function offerIdentity({ hash, digest }: Identified): Uint8Array | undefined {
  return hash.length > 0 ? hash : digest;
}

function statusOf({ hash, digest }: Identified, status: OfferStatus["status"], error = ""): OfferStatus {
  return digest === undefined ? { hash, status, error } : { hash, status, error, digest };
}

function withoutDigest(status: OfferStatus): OfferStatus {
  const { digest, ...told } = status;
  return digest === undefined ? status : told;
}
