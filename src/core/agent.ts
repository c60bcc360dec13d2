import type { EffectiveConfig, ServerToAgent } from "../gen/opamp/v1/opamp_pb.js";
import { allowedParts, has } from "./capabilities.js";
import { Composer } from "./composer.js";
import type { CoreConfig } from "./config.js";
import { earlier, Hold } from "./hold.js";
import { Identity } from "./identity.js";
import type { Input, Outgoing, Output, PartChanges } from "./io.js";
import { RemoteConfigOffers } from "./offers/remote-config.js";
import { Outbox } from "./outbox.js";
import { Again, Part, type PartSet, partNames } from "./parts.js";
import { type Demand, demandsOf } from "./receive.js";
import { Report } from "./report.js";
import { StormGate } from "./storm-gate.js";

/** One agent: what it can do, what it reports, what it was offered. Knows nothing of the connection. */
export class Agent {
  readonly #config: CoreConfig;
  readonly #identity: Identity;
  readonly #report = new Report();
  readonly #outbox: Outbox;
  readonly #composer: Composer;
  readonly #remoteConfig: RemoteConfigOffers;
  #capabilities: bigint;
  #serverCapabilities = 0n;
  #allowed: PartSet;
  readonly #hold: Hold;
  /** There once the server has asked for something again; most never do. */
  #gate: StormGate | undefined;
  #restartingUntil = 0;

  constructor(config: CoreConfig) {
    this.#config = config;
    this.#identity = new Identity(config.instanceUid, config.requestInstanceUid);
    this.#outbox = new Outbox(config.maxCustomMessages);
    this.#composer = new Composer(this.#identity, this.#report, this.#outbox);
    this.#remoteConfig = new RemoteConfigOffers(config.apply, this.#report);
    this.#hold = new Hold(config.effectiveConfigMs);
    this.#capabilities = config.capabilities;
    this.#allowed = allowedParts(config.capabilities, 0n);
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
    const deadline = earlier(this.#remoteConfig.deadline, this.#hold.deadline);
    return earlier(earlier(deadline, this.#outbox.deadline), this.#gate?.deadline);
  }

  /** What has a deadline before there is a start: messages that wait in vain. */
  get expiry(): number | undefined {
    return this.#outbox.deadline;
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
    if (input.remoteConfig !== undefined) this.#remoteConfig.restore(input.remoteConfig);
    // What was asked for before there was a start has had its time.
    this.#hold.end();
    this.refresh(now, out);
  }

  stop(out: Output[]): void {
    this.#hold.end();
    this.#gate = undefined;
    this.#remoteConfig.stop(out);
  }

  set(parts: PartChanges): void {
    for (const name of partNames) {
      if (name in parts) this.#report.change(name, parts, this.#config.same);
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

  /** Asks for the effective config and holds reports until it comes (D13), unless the server would not take it (D9). */
  refresh(now: number, out: Output[]): void {
    if (!has(this.#capabilities, "reportsEffectiveConfig")) return;
    if ((this.#allowed & Part.effectiveConfig) !== 0) this.#hold.begin(now);
    out.push({ type: "fetchEffectiveConfig" });
  }

  effectiveConfig(value: EffectiveConfig | undefined): void {
    this.#hold.end();
    if (value !== undefined) this.set({ effectiveConfig: value });
  }

  handled(id: number, error: string | undefined, now: number, out: Output[]): void {
    if (this.#remoteConfig.handled(id, error, now, out)) this.refresh(now, out);
  }

  retryRemoteConfig(now: number, out: Output[]): void {
    if (this.#remoteConfig.retry(now, out)) this.refresh(now, out);
  }

  /** A restart that failed has no status of its own: it shows as the agent's last error, healthy or not. */
  restarted(error: string | undefined): void {
    this.#restartingUntil = 0;
    if (error === undefined) return;
    const health = this.#report.get("health");
    if (health !== undefined) this.set({ health: { ...health, lastError: `restart failed: ${error}` } });
  }

  custom(input: Extract<Input, { type: "custom" }>, now: number, out: Output[]): void {
    this.#outbox.add(input, now, out);
  }

  forgetCustom(capability: string, out: Output[]): void {
    this.#outbox.forget(capability, out);
  }

  /** Gives up on what had its time. */
  expire(now: number, out: Output[]): void {
    if (this.#remoteConfig.expire(now, out)) this.refresh(now, out);
    this.#outbox.expire(now, out);
    if (this.#gate !== undefined) this.#tellAgain(this.#gate.release(now), now, out);
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
    this.#outbox.settle(told, "delivered", out);
  }

  /** The server refused a message: what it held is dropped, and somebody is told (RETRY-01). */
  refused(now: number, out: Output[]): PartSet {
    const told = this.#composer.answered(now);
    const parts = this.#report.refuse(told);
    this.#outbox.settle(told, "refused", out);
    return parts;
  }

  /**
   * The server takes no message as large as the oldest one that it has not answered. What can be split goes on in parts;
   * what cannot is dropped (SIZE-08, SIZE-09).
   */
  tooLarge(now: number, out: Output[]): void {
    this.#composer.tooLarge(now, out);
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
        return this.#adopt(demand.uid, now, out);
      case "badNewUid":
        return void out.push({ type: "notice", notice: { kind: "badNewUid", bytes: demand.bytes } });
      case "again":
        return this.#askedAgain(demand.what, now, out);
      case "remoteConfig":
        if (this.#remoteConfig.receive(demand.offer, now, out)) this.refresh(now, out);
        return;
      case "restart":
        return this.#restart(now, out);
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

  /** UID-05: the new name counts at once, and is told everything (D4). One asked for may be the temporary one: it lasts. */
  #adopt(uid: Uint8Array, now: number, out: Output[]): void {
    const { uid: previous, wanted } = this.#identity;
    const isOther = this.#identity.adopt(uid);
    if (isOther || wanted) out.push({ type: "saveInstanceUid", uid: this.#identity.uid, previous });
    if (isOther) this.#askedAgain(Again.everything, now, out);
  }

  /** D13: answered at once, unless the server does not leave off. */
  #askedAgain(what: number, now: number, out: Output[]): void {
    this.#gate ??= new StormGate();
    this.#tellAgain(this.#gate.ask(what, now, out), now, out);
  }

  #tellAgain(what: number, now: number, out: Output[]): void {
    if ((what & Again.everything) !== 0) this.#report.markAll();
    if ((what & Again.components) !== 0) this.#report.markComponents();
    if ((what & Again.effectiveConfig) !== 0) this.refresh(now, out);
  }

  /** One restart at a time; a host that does not come back from one can be told again after the time of an apply. */
  #restart(now: number, out: Output[]): void {
    if (now < this.#restartingUntil) {
      const what = "a restart command: the one before is still being carried out";
      return void out.push({ type: "notice", notice: { kind: "ignored", what } });
    }
    this.#restartingUntil = now + this.#config.apply.applyMs;
    out.push({ type: "restart" });
  }
}
