import type { AgentRemoteConfig } from "../../gen/opamp/v1/opamp_pb.js";
import type { Output } from "../io.js";
import { NO_REMOTE_CONFIG, type RemoteConfigState } from "../parts.js";
import type { Report } from "../report.js";
import { type ApplyLimits, OfferLife, type Step } from "./apply.js";

const STATUS = { applied: 1, applying: 2, failed: 3 } as const;

/**
 * The offers of remote config: what they set off, and where they stand.
 *
 * Methods return whether an outcome is in: what is in use now belongs in the same report (CFG-03).
 */
export class RemoteConfigOffers {
  readonly #life: OfferLife<AgentRemoteConfig>;
  readonly #report: Report;

  constructor(limits: ApplyLimits, report: Report) {
    this.#life = new OfferLife(limits);
    this.#report = report;
    report.set("remoteConfigStatus", NO_REMOTE_CONFIG);
  }

  /** When a handler has had its time. */
  get deadline(): number | undefined {
    return this.#life.deadline;
  }

  /** What was settled in an earlier life (D14). */
  restore(state: RemoteConfigState): void {
    this.#life.restore(state.lastRemoteConfigHash);
    this.#report.set("remoteConfigStatus", state);
  }

  /** An offer came. */
  receive(offer: AgentRemoteConfig, now: number, out: Output[]): boolean {
    if (this.#life.knows(offer.configHash)) return false;
    if (offer.config === undefined) {
      out.push({ type: "notice", notice: { kind: "ignored", what: "a remote config hash without a config" } });
      return false;
    }
    // The message's bytes belong to a network buffer; what is kept is a copy.
    return this.#follow(this.#life.receive(new Uint8Array(offer.configHash), offer, now), out);
  }

  /** The offer that failed last, once more (D15). */
  retry(now: number, out: Output[]): boolean {
    return this.#follow(this.#life.retry(now), out);
  }

  /** A handler ended. */
  handled(id: number, error: string | undefined, now: number, out: Output[]): boolean {
    return this.#follow(this.#life.handled(id, error, now), out);
  }

  /** Gives up on a handler that had its time. */
  expire(now: number, out: Output[]): boolean {
    return this.#follow(this.#life.expire(now), out);
  }

  /** The agent stops. */
  stop(out: Output[]): void {
    this.#follow(this.#life.stop(), out);
  }

  #follow(steps: readonly Step<AgentRemoteConfig>[], out: Output[]): boolean {
    let settled = false;
    for (const step of steps) {
      if (step.type === "run") out.push({ type: "apply", id: step.id, offer: step.offer });
      else if (step.type === "abort") out.push({ type: "abort", id: step.id, why: step.why });
      else settled = this.#stands(step, out);
    }
    return settled;
  }

  #stands(step: Extract<Step<never>, { type: "status" }>, out: Output[]): boolean {
    const { hash: lastRemoteConfigHash, error: errorMessage } = step;
    const state: RemoteConfigState = { lastRemoteConfigHash, status: STATUS[step.status], errorMessage };
    this.#report.set("remoteConfigStatus", state);
    out.push({ type: "remoteConfigStatus", state });
    if (step.status === "applying") return false;
    out.push({ type: "saveRemoteConfig", state });
    return true;
  }
}
