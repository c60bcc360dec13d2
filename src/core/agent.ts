import type { AgentRemoteConfig, EffectiveConfig, ServerToAgent } from "../gen/opamp/v1/opamp_pb.js";
import { OfferLife, type Step } from "./apply.js";
import { allowedParts, has } from "./capabilities.js";
import { Composer } from "./composer.js";
import type { CoreConfig } from "./config.js";
import { earlier, Hold } from "./hold.js";
import { Identity } from "./identity.js";
import type { Input, Outgoing, Output, PartChanges } from "./io.js";
import { Outbox } from "./outbox.js";
import { NO_REMOTE_CONFIG, Part, type PartName, type PartSet, partNames, type RemoteConfigState } from "./parts.js";
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
  readonly #hold: Hold;

  constructor(config: CoreConfig) {
    this.#config = config;
    this.#identity = new Identity(config.instanceUid, config.requestInstanceUid);
    this.#outbox = new Outbox(config.maxCustomMessages);
    this.#composer = new Composer(this.#identity, this.#report, this.#outbox);
    this.#remoteConfig = new OfferLife(config.apply);
    this.#hold = new Hold(config.effectiveConfigMs);
    this.#capabilities = config.capabilities;
    this.#allowed = allowedParts(config.capabilities, 0n);
    this.#report.set("remoteConfigStatus", NO_REMOTE_CONFIG);
  }

  get capabilities(): bigint {
    return this.#capabilities;
  }

  get serverCapabilities(): bigint {
    return this.#serverCapabilities;
  }

  get instanceUid(): Uint8Array {
    return this.#identity.uid;
  }

  /** When something here has to be looked at again, apart from what can be sent. */
  get deadline(): number | undefined {
    return earlier(this.#remoteConfig.deadline, this.#hold.deadline);
  }

  /** Whether reports wait for the effective config. */
  get held(): boolean {
    return this.#hold.on;
  }

  /** Whether a message waits only for a link that is free. */
  get due(): boolean {
    return this.#dueParts !== 0 || this.#outbox.ready;
  }

  /** The parts to be told now: none while the effective config is being fetched. */
  get #dueParts(): PartSet {
    if (this.held) return 0;
    return this.#report.due(this.#identity.wanted ? this.#allowed : this.#allowed & ~Part.uidRequest);
  }

  start(input: Extract<Input, { type: "start" }>, now: number, out: Output[]): void {
    if (input.instanceUid !== undefined) this.#identity.restore(input.instanceUid);
    if (input.remoteConfig !== undefined) {
      this.#remoteConfig.restore(input.remoteConfig.lastRemoteConfigHash);
      this.#report.set("remoteConfigStatus", input.remoteConfig);
    }
    // What was asked for before there was a start has had its time.
    this.#hold.end();
    this.refresh(now, out);
  }

  stop(out: Output[]): void {
    this.#hold.end();
    this.#follow(this.#remoteConfig.stop(), 0, out);
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
    this.#hold.begin(now);
    out.push({ type: "fetchEffectiveConfig" });
  }

  effectiveConfig(value: EffectiveConfig | undefined): void {
    this.#hold.end();
    if (value !== undefined) this.set({ effectiveConfig: value });
  }

  handled(id: number, error: string | undefined, now: number, out: Output[]): void {
    this.#follow(this.#remoteConfig.handled(id, error, now), now, out);
  }

  retryRemoteConfig(now: number, out: Output[]): void {
    this.#follow(this.#remoteConfig.retry(now), now, out);
  }

  /** A failed command has no status of its own: it shows as the agent's last error, healthy or not. */
  restartFailed(error: string): void {
    const health = this.#report.get("health");
    if (health !== undefined) this.set({ health: { ...health, lastError: `restart failed: ${error}` } });
  }

  custom(input: Extract<Input, { type: "custom" }>, out: Output[]): void {
    if (!this.#outbox.add(input.id, input.message)) out.push({ type: "customSettled", id: input.id, fate: "full" });
  }

  forgetCustom(capability: string, out: Output[]): void {
    for (const id of this.#outbox.forget(capability)) out.push({ type: "customSettled", id, fate: "forgotten" });
  }

  /** Gives up on what had its time. */
  expire(now: number, out: Output[]): void {
    this.#follow(this.#remoteConfig.expire(now), now, out);
    if (!this.#hold.expire(now)) return;
    out.push({ type: "notice", notice: { kind: "effectiveConfigLate", afterMs: this.#config.effectiveConfigMs } });
  }

  /** A new link: what its first report must hold (D4). */
  opened(): void {
    this.restore();
    if (this.#config.reconnectReport === "full") this.#report.markAll();
    if (this.#identity.wanted) this.#report.mark(Part.uidRequest);
  }

  /** The first message on a link; it waits for the effective config, and otherwise always is one (STATUS-01). */
  first(now: number): Outgoing | undefined {
    return this.held ? undefined : this.#composer.report(this.#dueParts, this.#capabilities, now);
  }

  /** The next message that has something to say. */
  next(now: number): Outgoing | undefined {
    return this.#composer.next(this.#dueParts, this.#capabilities, now);
  }

  heartbeat(now: number): Outgoing {
    return this.#composer.report(0, this.#capabilities, now);
  }

  /** @param lean without what is still to be told */
  goodbye(lean: boolean, now: number): Outgoing {
    return this.#composer.goodbye(lean ? 0 : this.#dueParts, this.#capabilities, now);
  }

  unsent(): void {
    this.#composer.unsent();
  }

  /** @returns whether the next message is smaller */
  oversized(out: Output[]): boolean {
    return this.#composer.oversized(out);
  }

  /** An answer without an error came. */
  answered(now: number, out: Output[]): void {
    const told = this.#composer.answered(now);
    this.#report.acknowledge(told);
    for (const id of this.#outbox.settle(told)) out.push({ type: "customSettled", id, fate: "delivered" });
  }

  /** The server refused a message: what it held is dropped, and somebody is told (RETRY-01). */
  refused(now: number, out: Output[]): PartSet {
    const told = this.#composer.answered(now);
    const parts = this.#report.refuse(told);
    for (const id of this.#outbox.settle(told)) out.push({ type: "customSettled", id, fate: "refused" });
    return parts;
  }

  /** What was in flight is to be sent again. */
  restore(): void {
    this.#composer.restore();
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
        return void out.push({ type: "notice", notice: { kind: "badNewUid", bytes: demand.bytes } });
      case "fullState":
        this.#report.markAll();
        return this.refresh(now, out);
      case "components":
        return this.#report.mark(Part.availableComponents & this.#report.present);
      case "remoteConfig":
        return this.#offered(demand.offer, now, out);
      case "restart":
        return void out.push({ type: "restart" });
      case "customCapabilities":
        // Servers repeat the list, some in every answer.
        if (this.#outbox.understood(demand.names)) out.push({ type: "serverCustomCapabilities", names: demand.names });
        return;
      case "customMessage":
        return void out.push({ type: "customMessage", message: demand.message });
      case "ignored":
        return void out.push({ type: "notice", notice: { kind: "ignored", what: demand.what } });
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
      out.push({ type: "notice", notice: { kind: "ignored", what: "a remote config hash without a config" } });
      return;
    }
    // The message's bytes belong to a network buffer; what is kept is a copy.
    this.#follow(this.#remoteConfig.receive(new Uint8Array(offer.configHash), offer, now), now, out);
  }

  #follow(steps: readonly Step<AgentRemoteConfig>[], now: number, out: Output[]): void {
    for (const step of steps) {
      if (step.type === "status") this.#stands(step, now, out);
      else if (step.type === "run") out.push({ type: "apply", id: step.id, offer: step.offer });
      else out.push({ type: "abort", id: step.id, why: step.why });
    }
  }

  #stands(step: Extract<Step<never>, { type: "status" }>, now: number, out: Output[]): void {
    const { hash: lastRemoteConfigHash, error: errorMessage } = step;
    const state: RemoteConfigState = { lastRemoteConfigHash, status: STATUS[step.status], errorMessage };
    this.#report.set("remoteConfigStatus", state);
    out.push({ type: "remoteConfigStatus", state });
    if (step.status === "applying") return;
    out.push({ type: "saveRemoteConfig", state });
    // CFG-03: what is in use now belongs in the same report as the outcome.
    this.refresh(now, out);
  }

  #change<P extends PartName>(name: P, parts: PartChanges): void {
    const current = this.#report.get(name);
    const value = parts[name];
    if (current !== undefined && value !== undefined && this.#config.same(name, current, value)) return;
    this.#report.set(name, value);
  }
}
