import { uidText } from "../../base/uid.js";
import type { CustomFate, Notice, Outgoing } from "../../core/io.js";
import type { Phase } from "../../core/phases.js";
import { bytesText } from "../../diagnostics/one-line.js";
import type { Redactor } from "../../diagnostics/redactor.js";
import type { OpAMPError } from "../../errors.js";
import type { ServerToAgent } from "../../gen/opamp/v1/opamp_pb.js";
import type { Clock } from "../clock.js";
import type { PhaseEvent, RemoteConfigEvent } from "../events.js";
import {
  channels,
  type Diagnostic,
  publishApply,
  publishFailure,
  publishPhase,
  publishReceive,
  publishSend,
} from "./diagnostics.js";
import type { Metering } from "./meter.js";
import { type ClientStats, Tally } from "./tally.js";
import type { Traffic } from "./traffic.js";

/** Whose telemetry it is. */
interface Subject {
  readonly instanceUid: Uint8Array;
  readonly phase: Phase;
}

/** What is known of a client apart from its events and log lines: counts, diagnostics, measurements. */
export class Telemetry implements Traffic {
  readonly #subject: Subject;
  readonly #transport: { readonly name: string };
  readonly #clock: Clock;
  readonly #redactor: Redactor;
  readonly #metering: Metering | undefined;
  readonly #tally: Tally;
  #transportName: string | undefined;

  constructor(
    subject: Subject,
    transport: { readonly name: string },
    clock: Clock,
    redactor: Redactor,
    metering: Metering | undefined,
  ) {
    this.#subject = subject;
    this.#transport = transport;
    this.#clock = clock;
    this.#redactor = redactor;
    this.#metering = metering;
    this.#tally = new Tally(clock);
  }

  sent(message: Outgoing, bytes: number): void {
    this.#tally.sent(message, bytes);
    this.#metering?.sent(bytes, this.#transportName);
    if (channels.send.hasSubscribers) publishSend(this.#diagnostic(), message, bytes, this.#redactor);
  }

  received(message: ServerToAgent | undefined, bytes: number): void {
    this.#tally.received(bytes);
    this.#metering?.received(bytes, this.#transportName);
    if (channels.receive.hasSubscribers) publishReceive(this.#diagnostic(), message, bytes, this.#redactor);
  }

  pinged(): void {
    this.#tally.pinged();
  }

  alive(): void {
    this.#tally.alive();
  }

  /** The transport's name, as far as it has been used when the link comes into a phase. */
  transportIn(phase: Phase, previous: Phase): string | undefined {
    // One that has yet to be opened may still turn out to be another.
    if (phase !== "connecting" && previous !== "idle") this.#transportName = nameOf(this.#transport);
    return this.#transportName;
  }

  phase(event: PhaseEvent): void {
    this.#tally.phase(event);
    if (this.#metering !== undefined) measurePhase(this.#metering, event);
    if (channels.phase.hasSubscribers) publishPhase(this.#diagnostic(), event);
  }

  /** An `error` event. */
  failed(error: OpAMPError): void {
    this.#tally.failed(error.code);
    this.#metering?.failure(error.code);
    if (channels.failure.hasSubscribers) publishFailure(this.#diagnostic(), error);
  }

  remoteConfig(hash: Uint8Array, status: RemoteConfigEvent["status"]): void {
    const durationMs = this.#tally.remoteConfig(status);
    if (durationMs !== undefined) this.#metering?.applied("remoteConfig", status, durationMs);
    if (!channels.apply.hasSubscribers) return;
    publishApply(this.#diagnostic(), { kind: "remoteConfig", hash: bytesText(hash), status, durationMs });
  }

  customReceived(): void {
    this.#tally.customReceived();
  }

  customSettled(fate: CustomFate): void {
    this.#tally.customSettled(fate);
  }

  notice(kind: Notice["kind"]): void {
    if (kind === "malformed" || kind === "badNewUid" || kind === "foreignUid") this.#tally.malformed();
    else if (kind === "dropped") this.#tally.dropped();
  }

  stats(): ClientStats {
    return this.#tally.stats(this.#subject.phase, this.#transportName);
  }

  #diagnostic(): Diagnostic {
    return { instanceUid: uidText(this.#subject.instanceUid), time: new Date(this.#clock.wallNow()) };
  }
}

function measurePhase(metering: Metering, { phase, previous, reason, error, transport }: PhaseEvent): void {
  metering.phase(phase);
  if (phase === "online" && previous !== "online") metering.connected(transport);
  if (phase !== "waiting") return;
  if (reason === "throttled") metering.paused();
  if (error !== undefined) metering.connectFailure(error.code, transport);
}

/** Anybody may have written the transport. */
function nameOf(transport: { readonly name: unknown }): string | undefined {
  try {
    const { name } = transport;
    return typeof name === "string" && name !== "" ? name : undefined;
  } catch {
    return undefined;
  }
}
