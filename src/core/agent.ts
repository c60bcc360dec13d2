import { sameBytes } from "../base/bytes.js";
import { uidProblem } from "../base/instance-uid.js";
import type { EffectiveConfig, ServerToAgent } from "../gen/opamp/v1/opamp_pb.js";
import { has } from "./capabilities.js";
import type { CoreConfig } from "./config.js";
import { CustomMessageQueue } from "./custom-message-queue.js";
import { InFlight } from "./in-flight.js";
import type { AgentInput, Input, Output, PartChanges, StateChange } from "./io.js";
import { intervalIn } from "./offers/connection-settings.js";
import type { ApplyLimits } from "./offers/offer-row.js";
import { Offers } from "./offers/offers.js";
import { Part, partNames, Resend } from "./parts.js";
import { Report } from "./report.js";
import { FullStateRequests } from "./requests/full-state-requests.js";
import { RestartCommand } from "./requests/restart-command.js";
import { agentTimers, NEVER } from "./timers.js";

const RESTART = 0;

/** One agent: who it is, what it can do, what it reports, what it was offered. Knows nothing of the connection. */
export class Agent {
  /** What of this agent comes due. */
  readonly timers = agentTimers();
  readonly report: Report;
  readonly messages: InFlight;
  readonly offers: Offers;
  readonly #config: CoreConfig;
  #uid: Uint8Array;
  #previousUid: Uint8Array | undefined;
  /** There once the server has asked for everything; most never do. */
  #fullState: FullStateRequests | undefined;
  /** What was wrong with the uid that the server assigned last: some assign it with every message. */
  #badUid: string | undefined;
  /** The server has said something, and so could have announced what it understands. */
  #isHeard = false;
  /** There once the server has commanded a restart; most never do. */
  #restart: RestartCommand | undefined;
  #lastPersistId = 0;

  constructor(config: CoreConfig) {
    this.#config = config;
    this.#uid = config.instanceUid;
    this.report = new Report(config.capabilities, this.timers);
    this.messages = new InFlight(this, this.report);
    this.offers = new Offers(this, config.offers);
  }

  /** Time limits of handlers. */
  get limits(): ApplyLimits {
    return this.#config.apply;
  }

  /** When something here comes due; `Infinity` for never. */
  get nextTimer(): number {
    const { effectiveConfig = NEVER, customMessage = NEVER, fullState = NEVER } = this.timers;
    return Math.min(effectiveConfig, customMessage, fullState, this.offers.nextTimer);
  }

  get uid(): Uint8Array {
    return this.#uid;
  }

  /** Whether a message with this uid is for this agent: its own, the one just replaced, or none (D10). */
  owns(uid: Uint8Array): boolean {
    if (uid.length === 0 || sameBytes(uid, this.#uid)) return true;
    return this.#previousUid !== undefined && sameBytes(uid, this.#previousUid);
  }

  /** How many custom messages have not left. */
  get waitingCustomMessages(): number {
    return this.messages.queue?.waiting ?? 0;
  }

  /** Whether the server has spoken, and has not announced this custom capability (CUSTOM-04). */
  waitsFor(capability: string): boolean {
    return this.#isHeard && this.messages.queue?.understands(capability) !== true;
  }

  start({ instanceUid, offers = {}, failed }: Extract<Input, { type: "start" }>, now: number, out: Output[]): void {
    if (instanceUid !== undefined) this.#uid = instanceUid;
    else if (this.#config.requestInstanceUid) this.report.requestUid();
    this.offers.restore(offers, failed);
    // A wait that began before the start has had its time.
    this.timers.effectiveConfig = undefined;
    this.#refresh(now, out);
  }

  stop(out: Output[]): void {
    this.timers.effectiveConfig = undefined;
    this.timers.fullState = undefined;
    this.#fullState = undefined;
    this.offers.stop(out);
  }

  take(input: AgentInput, now: number, out: Output[]): void {
    switch (input.type) {
      case "set":
        return this.#set(input.parts);
      case "declare":
        return this.#declare(input.capabilities, now, out);
      case "requestUid":
        return this.report.requestUid();
      case "requestSettings":
        return this.messages.ask(input.request, input.isTaken);
      case "refresh":
        return this.#refresh(now, out);
      case "effectiveConfig":
        return this.#effectiveConfig(input.value);
      case "handled":
        return this.#settled(this.offers.of(input.kind)?.handled(input.id, input.error, now, out), now, out);
      case "retry":
        return this.offers.of(input.kind)?.retry(now, out);
      case "forget":
        return this.offers.of(input.kind)?.forget(now, out);
      case "persisted":
        return this.#settled(this.offers.persisted(input.id, input.error, now, out), now, out);
      case "restarted":
        return this.#restarted(input.error);
      case "custom":
        this.#customMessages().add(input, now, out);
        return this.#tellUnannounced(out);
      case "forgetCustom":
        return this.messages.queue?.forget(input.capability, out);
      default:
        return input satisfies never;
    }
  }

  /** Does what a message without an error asks for, and returns the heartbeat interval that it asks for in seconds. */
  receive(message: ServerToAgent, now: number, out: Output[]): bigint | undefined {
    this.#isHeard = true;
    const { capabilities: mask, command, agentIdentification, flags, customCapabilities, customMessage } = message;
    if (mask !== 0n && this.report.serverDeclares(mask)) out.push({ type: "serverCapabilities", mask });
    // CMD-02: a command that is obeyed is the only thing in its message.
    if (command !== undefined && this.#commanded(command.type, now, out)) return undefined;
    if (agentIdentification !== undefined) this.#adopt(agentIdentification.newInstanceUid, now, out);
    if (flags !== 0n) this.#fullStateRequests().flagged(flags, now, out);
    const { connectionSettings: settings } = message;
    const heartbeatSeconds = settings && intervalIn(settings, this.offers, this.report.capabilities, out);
    this.offers.receive(message, this.report.capabilities, now, out);
    if (message.packagesAvailable !== undefined) ignore("packages", out);
    const names = customCapabilities?.capabilities;
    // Servers repeat the list, some in every answer.
    if (names && this.#customMessages().understood(names)) out.push({ type: "serverCustomCapabilities", names });
    this.#tellUnannounced(out);
    if (customMessage !== undefined) out.push({ type: "customMessage", message: customMessage });
    return heartbeatSeconds;
  }

  /** Gives up on what had its time. */
  expire(now: number, out: Output[]): void {
    this.#settled(this.offers.expire(now, out), now, out);
    this.messages.queue?.expire(now, out);
    this.#fullState?.expire(now, out);
    if (now < (this.timers.effectiveConfig ?? NEVER)) return;
    this.timers.effectiveConfig = undefined;
    out.push({ type: "notice", notice: { kind: "effectiveConfigLate", afterMs: this.#config.effectiveConfigMs } });
  }

  /** A new connection: what its first report must hold (D4). @param isForgotten whether the server may know nothing */
  opened(isForgotten: boolean, now: number, out: Output[]): void {
    if (isForgotten) this.forgotten();
    this.#fullState?.opened(now, out);
    if (this.report.requestsUid) this.report.requestUid();
  }

  /** The server may know nothing of what it was told. */
  forgotten(): void {
    if (this.#config.reconnectReport === "full") this.report.markAll(false);
  }

  /** Another server is dialled next: it knows nothing, and has said nothing. */
  elsewhere(): void {
    this.#isHeard = false;
    this.report.serverDeclares(0n);
    this.report.markAll(true);
    this.messages.queue?.understood([]);
  }

  /** Has a change stored. @returns the id that says so once it is */
  persist(change: StateChange, out: Output[]): number {
    this.#lastPersistId += 1;
    out.push({ type: "persist", id: this.#lastPersistId, change });
    return this.#lastPersistId;
  }

  #tellUnannounced(out: Output[]): void {
    if (this.#isHeard) this.messages.queue?.tellUnannounced(out);
  }

  #set(parts: PartChanges): void {
    for (const name of partNames) {
      if (name in parts) this.report.change(name, parts, this.#config.same);
    }
  }

  #declare(capabilities: bigint, now: number, out: Output[]): void {
    if (capabilities === this.report.capabilities) return;
    const reportedConfig = this.report.declares(Part.effectiveConfig);
    this.report.declare(capabilities);
    if (!reportedConfig) this.#refresh(now, out);
  }

  /** Asks for the effective config and holds reports until it comes (D13), unless the server would not take it (D9). */
  #refresh(now: number, out: Output[]): void {
    if (!this.report.declares(Part.effectiveConfig)) return;
    // The wait is no longer for being asked for again, or reports would never leave.
    if (this.report.allows(Part.effectiveConfig) && !this.report.isHeld) {
      this.timers.effectiveConfig = now + this.#config.effectiveConfigMs;
    }
    out.push({ type: "fetchEffectiveConfig" });
  }

  #effectiveConfig(value: EffectiveConfig | undefined): void {
    this.timers.effectiveConfig = undefined;
    if (value !== undefined) this.report.change("effectiveConfig", { effectiveConfig: value }, this.#config.same);
  }

  #settled(changesEffectiveConfig: boolean | undefined, now: number, out: Output[]): void {
    if (changesEffectiveConfig) this.#refresh(now, out);
  }

  #restarted(error: string | undefined): void {
    const health = this.#restart?.ended(error, this.report.get("health"));
    if (health !== undefined) this.#set({ health });
  }

  #customMessages(): CustomMessageQueue {
    this.messages.queue ??= new CustomMessageQueue(this.#config.maxCustomMessages, this.timers);
    return this.messages.queue;
  }

  /** @returns whether the command is obeyed */
  #commanded(type: number, now: number, out: Output[]): boolean {
    if (type !== RESTART) ignore(`a command of unknown type ${type}`, out);
    else if (!has(this.report.capabilities, "acceptsRestartCommand")) ignore("the restart command", out);
    else {
      this.#restart ??= new RestartCommand(this.#config.apply.applyMs);
      if (!this.#restart.commanded(now, out))
        ignore("a restart command: the one before is still being carried out", out);
      return true;
    }
    return false;
  }

  /** UID-05: the new uid counts at once, and is told everything (D4). One asked for may be the temporary one: it lasts. */
  #adopt(uid: Uint8Array, now: number, out: Output[]): void {
    const problem = uidProblem(uid);
    const isRepeated = problem === this.#badUid;
    this.#badUid = problem;
    if (problem !== undefined) {
      if (!isRepeated) out.push({ type: "notice", notice: { kind: "badNewUid", problem } });
      return;
    }
    const previous = this.#uid;
    const isOther = !sameBytes(uid, previous);
    const wasWanted = this.report.requestsUid;
    this.report.uidCame();
    if (isOther) {
      this.#previousUid = previous;
      this.#uid = new Uint8Array(uid);
    }
    if (isOther || wasWanted) this.persist({ what: "instanceUid", uid: this.#uid }, out);
    if (!isOther) return;
    out.push({ type: "instanceUid", uid: this.#uid, previous });
    this.#fullStateRequests().ask(Resend.everything, now, out);
  }

  #fullStateRequests(): FullStateRequests {
    this.#fullState ??= new FullStateRequests(this.report, this.timers, this.#refresh.bind(this));
    return this.#fullState;
  }
}

function ignore(what: string, out: Output[]): void {
  out.push({ type: "notice", notice: { kind: "ignored", what } });
}
