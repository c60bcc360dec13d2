import { hexOf } from "../../base/bytes.js";
import { HOUR_MS } from "../../base/time.js";
import { NO_TRIAL, nextTrial, type Trial } from "../../base/trial.js";
import type { ServerToAgent } from "../../gen/opamp/v1/opamp_pb.js";
import type { SwitchLimits } from "../config.js";
import type { AgentInput, Input, Output, Resumed, SwitchFailure, Use } from "../io.js";
import type { OfferSurroundings } from "../offers/offer-row.js";
import { type OfferLife, type Offers, offerIdentity } from "../offers/offers.js";
import { Part } from "../parts.js";
import { type ConnectionTimers, NEVER } from "../timers.js";
import { isOfOpAMP } from "./proof.js";
import { type Stage, type StageEvent, stageAfter } from "./switch-stages.js";

/** The connection as far as it can be moved. */
export interface Movable {
  /** Whether messages can be exchanged. */
  readonly up: boolean;
  /** Leaves whatever there is in good order, and dials with other settings; failures under the previous ones do not count. */
  moveTo(use: Use, now: number, out: Output[]): void;
  /** The same with the settings in force, unless those stay, as if none had ever been offered. */
  startOver(stays: boolean, now: number, out: Output[]): void;
  /** What was dialled as the candidate is in force from now on. */
  keep(): void;
}

/** Who is offered the settings. */
export interface OfferedAgent extends OfferSurroundings {
  readonly offers: Offers;
}

/** Until what was accepted is stored again, after that went wrong. */
const STORE_AGAIN_MS = 10_000;

/**
 * Moves the connection to other settings, and back where they are not proved: first they are stored, then the server is
 * left in good order, then the new one has to answer the first report. Whatever goes wrong ends with the settings before.
 *
 * @see OpAMP specification, "Connection Settings Offer Flow"
 */
export class ConnectionSwitch {
  readonly #limits: SwitchLimits;
  readonly #connection: Movable;
  readonly #agent: OfferedAgent;
  readonly #timers: ConnectionTimers;
  #stage: Stage = "idle";
  /** The offer that is being applied. */
  #id = 0;
  #trial: Trial = NO_TRIAL;
  /** Something has answered the candidate. */
  #isAnswered = false;
  /** What is being stored. */
  #persistId: number | undefined;
  /** When the connection was moved in the last hour. */
  #movedAt: number[] = [];
  /** What the agent asked for itself neither waits for room in the hour nor takes any. */
  #isRequested = false;

  constructor(limits: SwitchLimits, connection: Movable, agent: OfferedAgent, timers: ConnectionTimers) {
    this.#limits = limits;
    this.#connection = connection;
    this.#agent = agent;
    this.#timers = timers;
  }

  /** Whether the candidate is dialled, or connected with and not yet accepted. */
  get isProving(): boolean {
    return this.#stage === "proving";
  }

  /** How long the candidate may take as a whole, in milliseconds. */
  get verifyMs(): number {
    return this.#limits.verifyMs;
  }

  /** Until when the candidate may be tried. */
  get provedBy(): number {
    return this.isProving ? (this.#timers.settings ?? NEVER) : NEVER;
  }

  /** What an earlier process left: an offer that it was applying is applied again, and its settings are dialled first. */
  resume(resumed: Resumed | undefined, now: number, out: Output[]): void {
    if (resumed === undefined) return;
    const { offered, trial, switchedAt } = resumed;
    this.#trial = trial;
    // A wall clock that was set back would make them wait for years.
    this.#movedAt = switchedAt.map((at) => Math.min(at, now));
    if (trial.phase === "reverting") return this.#drop(undefined, now, out);
    if (offered === undefined) return;
    // The connection was moved; the other parts may not have been applied.
    if (trial.phase !== "trial") return this.#life?.receive(offered, now, out);
    this.#life?.receive(offered, now, out);
    this.#id = this.#applying?.id ?? 0;
    this.#prove("resume", now);
    this.#connection.moveTo("candidate", now, out);
  }

  /** The offer being applied wants the candidate. */
  begin({ id, isRequested = false }: Extract<Input, { type: "switch" }>, now: number, out: Output[]): void {
    const applying = this.#applying;
    const isFree = this.#stage === "idle" || this.#stage === "committing";
    if (applying?.id !== id || !isFree) return;
    this.#id = id;
    this.#isRequested = isRequested;
    const hash = hexOf(offerIdentity(applying.offered) ?? applying.offered.hash);
    const trial = this.#next({ type: "offer", hash, from: "committed", to: "candidate" });
    if (trial === undefined) return this.#end({ why: "crashed" }, now, out);
    this.#movedAt = this.#movedAt.filter((at) => now - at < HOUR_MS);
    const [oldest] = this.#movedAt.slice(-this.#limits.maxPerHour);
    const isFull = oldest !== undefined && this.#movedAt.length >= this.#limits.maxPerHour;
    if (!isFull || isRequested) return this.#stageNow("begin", trial, now, out);
    const forMs = oldest + HOUR_MS - now;
    this.#move("full");
    this.#timers.settings = now + forMs;
    this.#limitHandler(undefined);
    this.#trial = trial;
    out.push({ type: "notice", notice: { kind: "settingsWait", forMs } });
  }

  /** What happens to the agent may be about its connection. */
  take(input: AgentInput, now: number, out: Output[]): void {
    if (input.type === "persisted") this.#persisted(input.id, input.error, now, out);
    if (!("kind" in input) || input.kind !== "connectionSettings") return;
    // A retry of what the process died of means that the cause was removed.
    if (input.type === "retry" && this.#stage === "idle" && this.#trial !== NO_TRIAL) {
      this.#trial = NO_TRIAL;
      // Until the server sends it again, the process may end once more.
      if (this.#applying === undefined) this.#persist("dropped", out);
    }
    if (input.type !== "forget") return;
    if (this.#stage !== "idle") this.#leave("given up", now);
    this.#trial = NO_TRIAL;
    this.#connection.startOver(input.stays === true, now, out);
  }

  #persisted(id: number, error: string | undefined, now: number, out: Output[]): void {
    if (id !== this.#persistId) return;
    this.#persistId = undefined;
    if (this.#stage === "committing" && error !== undefined) this.#timers.settings = now + STORE_AGAIN_MS;
    else if (this.#stage === "committing") return this.#end(undefined, now, out);
    if (this.#stage !== "staging") return;
    if (error !== undefined) return this.#drop({ why: "unstored", text: error }, now, out);
    this.#move("stored");
  }

  /**
   * The server of the candidate answered a report, and not with an error (CONN-07, CONN-08).
   *
   * @returns whether it counts: on trial that takes what only an OpAMP server says
   */
  answered(message: ServerToAgent, now: number, out: Output[]): boolean {
    if (!this.isProving || !this.#connection.up) return true;
    this.#isAnswered = true;
    if (!isOfOpAMP(message)) return false;
    this.#move("answered");
    this.#connection.keep();
    this.#trial = this.#next({ type: "commit" }) ?? NO_TRIAL;
    this.#store(now, out);
    return true;
  }

  /** What was accepted is told to be applied once it is stored, however often that is tried. */
  #store(now: number, out: Output[]): void {
    // A store that never answers must not hold this up for ever.
    this.#timers.settings = now + this.#agent.limits.applyMs;
    this.#persistId = this.#persist("accepted", out);
  }

  /** The candidate is not in force, and will not be (CONN-09). @param failure `undefined` where nobody asks any more */
  rollBack(failure: SwitchFailure | undefined, now: number, out: Output[]): void {
    if (!this.isProving) return;
    this.#connection.moveTo("committed", now, out);
    this.#drop(failure, now, out);
  }

  /** The server of the candidate answered with an error: the same report would get the same answer. */
  refused(text: string, now: number, out: Output[]): void {
    if (this.#connection.up) this.rollBack({ why: "refused", text }, now, out);
  }

  /** Gives up on what had its time, and goes on with what may be tried now. */
  expire(now: number, out: Output[]): void {
    if (now < (this.#timers.settings ?? NEVER)) return;
    if (this.#stage === "queued") this.#stageNow("room", this.#trial, now, out);
    else if (this.#stage !== "committing") this.rollBack({ why: this.#isAnswered ? "unknown" : "overdue" }, now, out);
    else if (this.#persistId === undefined) this.#store(now, out);
    else this.#end({ why: "unkept" }, now, out);
  }

  /** Goes on after each step: a newer offer may have come, the handler may have ended, the server may have been told. */
  proceed(now: number, out: Output[]): void {
    // What is in force is stored, whatever comes after it.
    if (this.#stage === "idle" || this.#stage === "committing") return;
    if (this.#applying?.id !== this.#id) return this.#abandon(now, out);
    if (this.#stage !== "telling" || (this.#connection.up && this.#owesStatus)) return;
    if (!this.#isRequested) this.#movedAt.push(now);
    this.#prove("told", now);
    this.#connection.moveTo("candidate", now, out);
  }

  /** The end of the client: the candidate stays for the next start. */
  stop(): void {
    this.#stage = "idle";
    this.#timers.settings = undefined;
  }

  get #life(): OfferLife | undefined {
    return this.#agent.offers.of("connectionSettings");
  }

  get #applying(): OfferLife["applying"] {
    return this.#life?.applying;
  }

  /** Whether the server is still to be told where the offer stands. */
  get #owesStatus(): boolean {
    const part = Part.connectionSettingsStatus;
    return this.#agent.report.allows(part) && this.#agent.report.dirty(part) !== 0;
  }

  /** While settings are proved, and stored, the handler may take any time. */
  #limitHandler(until: number | undefined): void {
    if (this.#applying !== undefined) this.#agent.timers.connectionSettings = until;
  }

  #stageNow(event: "begin" | "room", trial: Trial, now: number, out: Output[]): void {
    this.#limitHandler(now + this.#agent.limits.applyMs);
    this.#timers.settings = undefined;
    this.#move(event);
    this.#trial = nextTrial(trial, { type: "begin" }) ?? trial;
    this.#persistId = this.#persist("candidate", out);
  }

  #abandon(now: number, out: Output[]): void {
    if (this.isProving) this.rollBack(undefined, now, out);
    else this.#drop(undefined, now, out);
  }

  #prove(event: "told" | "resume", now: number): void {
    this.#move(event);
    this.#isAnswered = false;
    this.#timers.settings = now + this.#limits.verifyMs;
    this.#limitHandler(undefined);
  }

  /** The candidate is forgotten. */
  #drop(failure: SwitchFailure | undefined, now: number, out: Output[]): void {
    const isStored = this.#stage !== "queued";
    const failed = this.#next({ type: "fail" }) ?? NO_TRIAL;
    this.#trial = nextTrial(failed, { type: "reverted" }) ?? failed;
    if (isStored) this.#persist("dropped", out);
    this.#persistId = undefined;
    if (failure === undefined) this.#leave("given up", now);
    else this.#end(failure, now, out);
  }

  #end(failed: SwitchFailure | undefined, now: number, out: Output[]): void {
    this.#leave(failed === undefined ? "stored" : "failed", now);
    out.push(failed === undefined ? { type: "switched", id: this.#id } : { type: "switched", id: this.#id, failed });
  }

  /** There is nothing more to do for the offer. */
  #leave(event: StageEvent, now: number): void {
    this.#move(event);
    this.#timers.settings = undefined;
    this.#limitHandler(now + this.#agent.limits.applyMs);
  }

  #move(event: StageEvent): void {
    this.#stage = stageAfter(this.#stage, event);
  }

  #next(event: Parameters<typeof nextTrial>[1]): Trial | undefined {
    return nextTrial(this.#trial, event);
  }

  #persist(step: "candidate" | "accepted" | "dropped", out: Output[]): number {
    return this.#agent.persist({ what: "settings", step, trial: this.#trial }, out);
  }
}
