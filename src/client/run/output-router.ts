import { uidText } from "../../base/bytes.js";
import { attempt } from "../../base/checks.js";
import type { HostOutput, OfferKind } from "../../core/io.js";
import type { OfferStatus } from "../../core/parts.js";
import { scrubbedError } from "../../diagnostics/one-line.js";
import type { Redactor } from "../../diagnostics/redactor.js";
import { messageOf, OpAMPError } from "../../errors.js";
import type { Clock } from "../clock.js";
import type { SettingsOffers } from "../connection/settings-offers.js";
import type { CustomChannels } from "../handlers/custom-channels.js";
import type { HandlerRunner } from "../handlers/handler-runner.js";
import { offerHandlers } from "../handlers/handler-table.js";
import type { ClientEvent, Failed, Observer } from "../observe/client-event.js";
import { channels } from "../observe/diagnostics.js";
import { Listeners } from "../observe/listeners.js";
import type { Persistence } from "../state/persistence.js";
import { takeNotice } from "./notices.js";
import { errorBehind, type PhaseOutput, phaseEvent } from "./phase-event.js";
import type { Waiters } from "./waiters.js";

/** Who observes a client. */
export interface Observed {
  readonly waiters: Waiters;
  readonly observers: readonly Observer[];
  /** For as long as a diagnostics channel has subscribers. */
  readonly publish: Observer;
  /** `undefined` until the host listens to anything. */
  readonly listeners: Listeners | undefined;
}

/** Where outputs go, and what it takes to make events of them. */
export interface RouterParts extends Observed {
  readonly handlers: HandlerRunner;
  readonly persistence: Persistence;
  /** `undefined` until the first custom capability is registered: most agents have none. */
  readonly channels: CustomChannels | undefined;
  /** `undefined` where the server may offer no connection settings. */
  readonly settings: SettingsOffers | undefined;
  readonly failed: Failed;
  readonly transport: { readonly name: unknown };
  readonly clock: Clock;
  readonly redactor: Redactor;
}

/** What people call each kind of offers, as a line of a log begins with it. */
const titles: Readonly<Record<OfferKind, string>> = {
  remoteConfig: offerHandlers.remoteConfig.title,
  connectionSettings: "Connection settings",
};

/** Takes each output of the core to a handler, the store or a custom channel, or makes it an event for the observers. */
export class OutputRouter {
  readonly #parts: RouterParts;
  #transportName: string | undefined;
  /** For each kind, when the offer came that is being applied; there once one was. */
  #offeredAt: { [K in OfferKind]?: number | undefined } | undefined;

  constructor(parts: RouterParts) {
    this.#parts = parts;
  }

  route(output: HostOutput): void {
    const { handlers, persistence, channels, settings } = this.#parts;
    switch (output.type) {
      case "fetchEffectiveConfig":
        return handlers.fetchEffectiveConfig();
      case "apply":
        if (output.kind === "connectionSettings") return settings?.apply(output, output.id);
        return void handlers.apply(output, output.id);
      case "abort":
        if (output.kind === "connectionSettings") return settings?.abort(output.id, output.why);
        return handlers.abort(output.kind, output.id, output.why);
      case "switched":
        return settings?.switched(output.id, output.failed);
      case "restart":
        return void handlers.restart();
      case "persist":
        if (output.change.what === "settings") return settings?.persist(output.id, output.change);
        persistence.keep(output.id, output.change, (kind) => handlers.applied(kind));
        if (output.change.what === "offer" && output.change.kind === "connectionSettings") settings?.settled();
        return;
      case "instanceUid":
        return this.#renamed(output.uid, output.previous);
      case "customMessage":
        this.#notify({ type: "customReceived" });
        return channels?.deliver(output.message);
      case "customSettled":
        this.#notify(output);
        return channels?.settled(output.id, output.fate);
      case "phase":
        return this.#moved(output);
      case "offer":
        return this.#offered(output.kind, output.status);
      case "serverCapabilities":
        settings?.certificates?.declared(output.mask);
        return this.#notify(output);
      case "serverCustomCapabilities":
      case "heartbeatInterval":
        return this.#notify(output);
      case "settingsRequest":
        return settings?.certificates?.settled(output.fate, output.text);
      case "notice":
        return takeNotice(output.notice, this.#parts, (event) => this.#notify(event));
      default:
        return output satisfies never;
    }
  }

  #moved(output: PhaseOutput): void {
    const { transport, clock, redactor } = this.#parts;
    const { phase, previous, reason, inMs } = output;
    if (reason === "settings") this.#parts.settings?.leaving();
    // A transport that has yet to be opened may still turn out to be another.
    if (phase !== "connecting" && previous !== "idle") this.#transportName = nameOf(transport);
    const failure = errorBehind(output);
    if (failure !== undefined) this.#parts.settings?.attemptFailed(failure);
    const error = failure && scrubbedError(failure, redactor);
    const change = { previous, reason, transport: this.#transportName };
    this.#notify({ type: "phase", event: phaseEvent(change, output, error, clock), inMs });
    // A malformed message was reported when it came.
    if (error === undefined || reason === "malformed") return;
    this.#notify({ type: "error", error, isLogged: true, counts: undefined });
  }

  #offered(kind: OfferKind, stands: OfferStatus): void {
    const now = this.#parts.clock.now();
    this.#offeredAt ??= {};
    const isBegun = stands.status === "applying";
    const durationMs = isBegun ? undefined : now - (this.#offeredAt[kind] ?? now);
    this.#offeredAt[kind] = isBegun ? now : undefined;
    this.#notify(offerEvent(kind, stands, durationMs));
  }

  #renamed(uid: Uint8Array, previousUid: Uint8Array): void {
    const instanceUid = uidText(uid);
    this.#parts.handlers.describeAgain(instanceUid);
    this.#parts.settings?.certificates?.renamed();
    this.#notify({ type: "instanceUid", event: { instanceUid, previous: uidText(previousUid) } });
  }

  #notify(event: ClientEvent): void {
    notify(this.#parts, event);
  }
}

/** Where an offer stands. @param durationMs how long it was applied, once it was */
export function offerEvent(kind: OfferKind, stands: OfferStatus, durationMs: number | undefined): ClientEvent {
  const { hash, status, error } = stands;
  return { type: "offer", kind, title: titles[kind], hash, status, error, durationMs };
}

export function notify({ waiters, observers, publish, listeners }: Observed, event: ClientEvent): void {
  if (event.type === "phase") waiters.moved(event.event);
  for (const observe of observers) observe(event);
  const { phase, failure, apply } = channels;
  if (phase.hasSubscribers || failure.hasSubscribers || apply.hasSubscribers) publish(event);
  listeners?.observe(event);
}

/** The host's listeners, which are made when it listens to something for the first time. */
export function listenersIn(
  parts: Observed & { listeners: Listeners | undefined } & Pick<RouterParts, "failed" | "redactor">,
): Listeners {
  parts.listeners ??= new Listeners((name, cause) => {
    const text = `a listener of "${name}" failed: ${messageOf(cause)}`;
    const error = new OpAMPError("ERR_OPAMP_HANDLER", text, { cause });
    if (name !== "error") return parts.failed(error);
    // A throwing `error` listener must not cause another `error` event.
    notify(parts, { type: "errorListenerFailed", error: scrubbedError(error, parts.redactor) });
  });
  return parts.listeners;
}

/** Anybody may have written the transport. */
function nameOf(transport: { readonly name: unknown }): string | undefined {
  const name = attempt(() => transport.name);
  return typeof name === "string" && name !== "" ? name : undefined;
}
