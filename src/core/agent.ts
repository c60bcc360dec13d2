import type { AgentRemoteConfig, EffectiveConfig, ServerToAgent } from "../gen/opamp/v1/opamp_pb.js";
import { OfferLife, type Step } from "./apply.js";
import { allowedParts, has } from "./capabilities.js";
import { Composer } from "./composer.js";
import type { CoreConfig } from "./config.js";
import { Identity } from "./identity.js";
import type { Input, Outgoing, Output, PartChanges } from "./io.js";
import { Outbox } from "./outbox.js";
import { Part, type PartName, type PartSet, partNames, type RemoteConfigState } from "./parts.js";
import { type Demand, demandsOf } from "./receive.js";
import { Report } from "./report.js";

const STATUS = { applied: 1, applying: 2, failed: 3 } as const;

/** One agent: what it can do, what it reports, what it was offered. Knows nothing of the connection. */
export class Agent {
  readonly #config: CoreConfig;
  readonly #identity: Identity;
  readonly #report = new Report();
  readonly #outbox: Outbox;
  readonly #composer: Composer;
  readonly #remoteConfig: OfferLife<AgentRemoteConfig>;
  #capabilities: bigint;
  #serverCapabilities = 0n;
  #allowed: PartSet;
  /** Until when reports wait for the effective config that was asked for. */
  #heldUntil: number | undefined;

  constructor(config: CoreConfig) {
    this.#config = config;
    this.#identity = new Identity(config.instanceUid, config.requestInstanceUid);
    this.#outbox = new Outbox(config.maxCustomMessages);
    this.#composer = new Composer(this.#identity, this.#report, this.#outbox);
    this.#remoteConfig = new OfferLife(config.apply);
    this.#capabilities = config.capabilities;
    this.#allowed = allowedParts(config.capabilities, 0n);
  }

  get capabilities(): bigint {
    return this.#capabilities;
  }

  get instanceUid(): Uint8Array {
    return this.#identity.uid;
  }

  /** When something here has to be looked at again, apart from what can be sent. */
  get deadline(): number | undefined {
    const apply = this.#remoteConfig.deadline;
    if (apply === undefined || this.#heldUntil === undefined) return apply ?? this.#heldUntil;
    return Math.min(apply, this.#heldUntil);
  }

  /** Whether reports wait for the effective config. */
  get held(): boolean {
    return this.#heldUntil !== undefined;
  }

  /** Whether a message waits only for a link that is free. */
  get due(): boolean {
    return this.#dueParts !== 0 || this.#outbox.ready;
  }

  /** The parts to be told now: none while the effective config is being fetched. */
  get #dueParts(): PartSet {
    return this.held ? 0 : this.#report.due(this.#allowed);
  }

  start(input: Extract<Input, { type: "start" }>, now: number, out: Output[]): void {
    if (input.instanceUid !== undefined) this.#identity.restore(input.instanceUid);
    if (input.remoteConfig !== undefined) {
      this.#remoteConfig.restore(input.remoteConfig.lastRemoteConfigHash);
      this.#report.set("remoteConfigStatus", input.remoteConfig);
    }
    this.refresh(now, out);
  }

  stop(out: Output[]): void {
    this.#heldUntil = undefined;
    for (const step of this.#remoteConfig.stop()) this.#follow(step, 0, out);
  }

  set(parts: PartChanges): void {
    for (const name of partNames) {
      if (name in parts) this.#change(name, parts);
    }
  }

  declare(capabilities: bigint, now: number, out: Output[]): void {
    if (capabilities === this.#capabilities) return;
    const had = this.#allowed;
    const fetch = !has(this.#capabilities, "reportsEffectiveConfig");
    this.#capabilities = capabilities;
    this.#allowed = allowedParts(capabilities, this.#serverCapabilities);
    this.#report.mark(Part.capabilities | (this.#report.present & this.#allowed & ~had));
    if (fetch) this.refresh(now, out);
  }

  /** Asks for the effective config and holds reports until it comes (D13). */
  refresh(now: number, out: Output[]): void {
    if (!has(this.#capabilities, "reportsEffectiveConfig")) return;
    this.#heldUntil = now + this.#config.effectiveConfigMs;
    out.push({ type: "fetchEffectiveConfig" });
  }

  effectiveConfig(value: EffectiveConfig | undefined): void {
    this.#heldUntil = undefined;
    if (value !== undefined) this.set({ effectiveConfig: value });
  }

  handled(id: number, error: string | undefined, now: number, out: Output[]): void {
    this.#followAll(this.#remoteConfig.handled(id, error, now), now, out);
  }

  retryRemoteConfig(now: number, out: Output[]): void {
    this.#followAll(this.#remoteConfig.retry(now), now, out);
  }

  /** A failed command has no status of its own: it shows as the agent's last error, healthy or not. */
  restartFailed(error: string): void {
    const health = this.#report.get("health");
    if (health !== undefined) {
      this.set({ health: { ...health, lastError: `restart failed: ${error}` } });
    }
  }

  custom(input: Extract<Input, { type: "custom" }>, out: Output[]): void {
    if (!this.#outbox.add(input.id, input.message)) out.push({ type: "customSettled", id: input.id, fate: "full" });
  }

  forgetCustom(capability: string, out: Output[]): void {
    for (const id of this.#outbox.forget(capability)) out.push({ type: "customSettled", id, fate: "forgotten" });
  }

  /** Gives up on what had its time. */
  expire(now: number, out: Output[]): void {
    this.#followAll(this.#remoteConfig.expire(now), now, out);
    if (this.#heldUntil === undefined || now < this.#heldUntil) return;
    this.#heldUntil = undefined;
    out.push({ type: "notice", notice: { kind: "effectiveConfigLate", afterMs: this.#config.effectiveConfigMs } });
  }

  /** A new link: what its first report must hold (D4). */
  opened(): void {
    if (this.#config.reconnectReport === "full") this.#report.markAll();
    if (this.#identity.wanted) this.#report.mark(Part.uidRequest);
  }

  /** The first message on a link; it waits for the effective config, and otherwise always is one (STATUS-01). */
  first(): Outgoing | undefined {
    return this.held ? undefined : this.#composer.report(this.#dueParts, this.#capabilities);
  }

  /** The next message that has something to say. */
  next(): Outgoing | undefined {
    return this.#composer.next(this.#dueParts, this.#capabilities);
  }

  heartbeat(): Outgoing {
    return this.#composer.report(0, this.#capabilities);
  }

  /** @param lean without what is still to be told */
  goodbye(lean: boolean): Outgoing {
    return this.#composer.goodbye(lean ? 0 : this.#dueParts, this.#capabilities);
  }

  unsent(): void {
    this.#composer.unsent();
  }

  oversized(out: Output[]): void {
    this.#composer.oversized(out);
  }

  /** An answer without an error came. */
  answered(out: Output[]): void {
    this.#report.acknowledge();
    for (const id of this.#outbox.settle()) out.push({ type: "customSettled", id, fate: "delivered" });
  }

  /** The server refused what was in flight: it is dropped, and somebody is told (RETRY-01). */
  refused(out: Output[]): PartSet {
    const parts = this.#report.refuse();
    for (const id of this.#outbox.settle()) out.push({ type: "customSettled", id, fate: "refused" });
    return parts;
  }

  /** What was in flight is to be sent again. */
  restore(): void {
    this.#report.restore();
    this.#outbox.restore();
  }

  /** Whether a message is for this agent. */
  owns(message: ServerToAgent): boolean {
    return this.#identity.owns(message.instanceUid);
  }

  /** Does what a message asks for, and returns what it asks of the connection. */
  receive(message: ServerToAgent, now: number, out: Output[]): bigint | undefined {
    let heartbeatSeconds: bigint | undefined;
    for (const demand of demandsOf(message, this.#capabilities)) {
      if (demand.type === "heartbeat") heartbeatSeconds = demand.seconds;
      else this.#meet(demand, now, out);
    }
    return heartbeatSeconds;
  }

  #meet(demand: Exclude<Demand, { type: "heartbeat" }>, now: number, out: Output[]): void {
    switch (demand.type) {
      case "serverCapabilities":
        return this.#serverDeclares(demand.mask, out);
      case "newUid":
        return this.#adopt(demand.uid, out);
      case "badNewUid":
        out.push({ type: "notice", notice: { kind: "badNewUid", bytes: demand.bytes } });
        return;
      case "fullState":
        this.#report.markAll();
        return this.refresh(now, out);
      case "components":
        return this.#report.mark(Part.availableComponents & this.#report.present);
      case "remoteConfig":
        return this.#offered(demand.offer, now, out);
      case "restart":
        out.push({ type: "restart" });
        return;
      case "customCapabilities":
        this.#outbox.understood(demand.names);
        out.push({ type: "serverCustomCapabilities", names: demand.names });
        return;
      case "customMessage":
        out.push({ type: "customMessage", message: demand.message });
        return;
      case "ignored":
        out.push({ type: "notice", notice: { kind: "ignored", what: demand.what } });
        return;
      default:
        return demand satisfies never;
    }
  }

  #serverDeclares(mask: bigint, out: Output[]): void {
    if (mask === this.#serverCapabilities) return;
    this.#serverCapabilities = mask;
    this.#allowed = allowedParts(this.#capabilities, mask);
    out.push({ type: "serverCapabilities", mask });
  }

  /** UID-05: the new name counts at once, and whoever gave it is told everything under it (D4). */
  #adopt(uid: Uint8Array, out: Output[]): void {
    const previous = this.#identity.uid;
    if (!this.#identity.adopt(uid)) return;
    this.#report.markAll();
    out.push({ type: "saveInstanceUid", uid: this.#identity.uid, previous });
  }

  #offered(offer: AgentRemoteConfig, now: number, out: Output[]): void {
    if (this.#remoteConfig.knows(offer.configHash)) return;
    if (offer.config === undefined) {
      out.push({ type: "notice", notice: { kind: "ignored", what: "remote config hash without a config" } });
      return;
    }
    // The message's bytes belong to a network buffer; what is kept is a copy.
    this.#followAll(this.#remoteConfig.receive(Uint8Array.from(offer.configHash), offer, now), now, out);
  }

  #followAll(steps: readonly Step<AgentRemoteConfig>[], now: number, out: Output[]): void {
    for (const step of steps) this.#follow(step, now, out);
  }

  #follow(step: Step<AgentRemoteConfig>, now: number, out: Output[]): void {
    switch (step.type) {
      case "run":
        out.push({ type: "apply", id: step.id, offer: step.offer });
        return;
      case "abort":
        out.push({ type: "abort", id: step.id, why: step.why });
        return;
      case "status": {
        const state: RemoteConfigState = {
          lastRemoteConfigHash: step.hash,
          status: STATUS[step.status],
          errorMessage: step.error,
        };
        this.#report.set("remoteConfigStatus", state);
        out.push({ type: "remoteConfigStatus", state });
        if (step.status === "applying") return;
        out.push({ type: "saveRemoteConfig", state });
        // CFG-03: what is in use now belongs in the same report as the outcome.
        return this.refresh(now, out);
      }
      default:
        return step satisfies never;
    }
  }

  #change<P extends PartName>(name: P, parts: PartChanges): void {
    const current = this.#report.get(name);
    const value = parts[name];
    if (current !== undefined && value !== undefined && this.#config.same(name, current, value)) return;
    this.#report.set(name, value);
  }
}
