import { uidText } from "../../base/bytes.js";
import { attempt } from "../../base/checks.js";
import type { HostOutput, Notice, OfferKind } from "../../core/io.js";
import { type OfferStatus, Part, type PartSet, partNames } from "../../core/parts.js";
import { bytesText, scrubbedError } from "../../diagnostics/one-line.js";
import type { Redactor } from "../../diagnostics/redactor.js";
import { messageOf, OpAMPError, type OpAMPErrorCode } from "../../errors.js";
import type { Clock } from "../clock.js";
import type { SettingsOffers } from "../connection/settings-offers.js";
import type { PhaseEvent } from "../events.js";
import type { CustomChannels } from "../handlers/custom-channels.js";
import type { HandlerRunner } from "../handlers/handler-runner.js";
import { offerHandlers } from "../handlers/handler-table.js";
import type { ClientEvent, ErrorCount, Failed, Observer } from "../observe/client-event.js";
import { channels } from "../observe/diagnostics.js";
import { Listeners } from "../observe/listeners.js";
import type { Persistence } from "../state/persistence.js";
import type { Waiters } from "./waiters.js";

const UNDELIVERED_HINT =
  "make it smaller, or see what cuts the connection before it has arrived; it is sent again when it changes, or when the server asks for everything";
const WENT_SILENT = "the server went silent: nothing came from it any more, not even an answer to a ping";

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

type PhaseOutput = Extract<HostOutput, { type: "phase" }>;

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
        if (output.change.what === "forget") settings?.forgotten();
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
        return this.#noticed(output.notice);
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

  #offered(kind: OfferKind, { hash, status, error }: OfferStatus): void {
    const now = this.#parts.clock.now();
    this.#offeredAt ??= {};
    const durationMs = status === "applying" ? undefined : now - (this.#offeredAt[kind] ?? now);
    this.#offeredAt[kind] = status === "applying" ? now : undefined;
    this.#notify({ type: "offer", kind, title: titles[kind], hash, status, error, durationMs });
  }

  #renamed(uid: Uint8Array, previousUid: Uint8Array): void {
    const instanceUid = uidText(uid);
    this.#parts.handlers.describeAgain(instanceUid);
    this.#parts.settings?.certificates?.renamed();
    this.#notify({ type: "instanceUid", event: { instanceUid, previous: uidText(previousUid) } });
  }

  #noticed(notice: Notice): void {
    switch (notice.kind) {
      case "ignored":
        return this.#notify({ type: "ignored", what: notice.what });
      case "noHash": {
        const message = `the server offers ${notice.what} without a hash; its content decides whether an offer is new`;
        const hint = "have the server set the hash (config_hash): then the status says which offer it is about";
        return this.#notify({ type: "warning", event: { code: "offer-without-hash", message, hint } });
      }
      case "customWaits":
        return this.#notify({ type: "customWaits", capability: notice.capability });
      case "storm":
        return this.#notify({ type: "storm" });
      case "settingsWait": {
        const message = `the server moves this agent too often: its newest settings wait for ${Math.ceil(notice.forMs / 60_000)} min`;
        const hint = "have the server offer settings less often, or raise connectionSettings.opamp.maxPerHour";
        return this.#notify({ type: "warning", event: { code: "settings-wait", message, hint } });
      }
      case "silent":
        return this.#notify({ type: "silent", afterMs: notice.afterMs });
      case "serverError": {
        const { error: type } = notice;
        // A server that is sent secrets of another one may repeat them.
        const message = this.#parts.settings ? this.#parts.redactor.text(notice.message) : notice.message;
        if (type === "unavailable") this.#parts.settings?.attemptFailed(unavailable(message));
        return this.#notify({ type: "serverError", event: { type, message, dropped: namesOf(notice.dropped) } });
      }
      case "malformed":
        this.#parts.settings?.attemptFailed(toError(notice.error));
        return this.#parts.failed(toError(notice.error), false, "malformed");
      case "foreignUid": {
        const text = `dropped a message for ${bytesText(notice.uid)}, which is another agent`;
        return this.#failed("ERR_OPAMP_FOREIGN_UID", text, "malformed");
      }
      case "badNewUid": {
        const hint = "have the server assign 16 bytes that are not all zero; the agent keeps the uid that it has";
        const text = `ignored the instance uid that the server assigned: it ${notice.problem}`;
        return this.#parts.failed(new OpAMPError("ERR_OPAMP_MALFORMED", text, { hint }), false, "malformed");
      }
      case "dropped": {
        const text = `gave up on ${namesOf(notice.parts).join(", ") || "a message"}: the message is too large`;
        return this.#failed("ERR_OPAMP_TOO_LARGE", text, "dropped");
      }
      case "undelivered": {
        const { parts, bytes, attempts } = notice;
        const text = `gave up on ${namesOf(parts).join(", ")}, ${bytes} bytes: ${attempts} attempts to send it ended without an answer`;
        return this.#failed("ERR_OPAMP_TOO_LARGE", text, "dropped", UNDELIVERED_HINT);
      }
      case "effectiveConfigLate": {
        this.#parts.handlers.effectiveConfigLate();
        const text = `effectiveConfig did not return within ${notice.afterMs} ms; reporting without it`;
        return this.#failed("ERR_OPAMP_HANDLER", text);
      }
      default:
        return notice satisfies never;
    }
  }

  #failed(code: OpAMPErrorCode, text: string, counts?: ErrorCount, hint?: string): void {
    this.#parts.failed(new OpAMPError(code, text, { hint }), false, counts);
  }

  #notify(event: ClientEvent): void {
    notify(this.#parts, event);
  }
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

function phaseEvent(
  change: Pick<PhaseEvent, "previous" | "reason" | "transport">,
  { phase, answered, inMs = 0 }: PhaseOutput,
  error: OpAMPError | undefined,
  clock: Clock,
): PhaseEvent {
  const failed = error && { error };
  switch (phase) {
    case "connecting":
    case "reporting":
      return { phase, ...change };
    case "online":
      return { phase, ...change, answered };
    case "waiting":
      return { phase, ...change, retryAt: new Date(clock.wallNow() + inMs), ...failed };
    default:
      return { phase, ...change, ...failed };
  }
}

/** Anybody may have written the transport. */
function nameOf(transport: { readonly name: unknown }): string | undefined {
  const name = attempt(() => transport.name);
  return typeof name === "string" && name !== "" ? name : undefined;
}

function namesOf(parts: PartSet): readonly string[] {
  return partNames.filter((name) => (parts & Part[name]) !== 0);
}

/** What ended the link, where something went wrong. */
function errorBehind(output: PhaseOutput): OpAMPError | undefined {
  if (output.error !== undefined) return toError(output.error);
  switch (output.reason) {
    case "timeout": {
      const what = output.previous === "connecting" ? "no connection was made" : "the server did not answer";
      return new OpAMPError("ERR_OPAMP_TIMEOUT", `${what} in time`);
    }
    case "unresponsive":
      return new OpAMPError("ERR_OPAMP_TIMEOUT", WENT_SILENT);
    case "malformed":
      return new OpAMPError("ERR_OPAMP_FOREIGN_UID", "the answer was for another agent");
    default:
      return undefined;
  }
}

function unavailable(text: string): OpAMPError {
  return new OpAMPError("ERR_OPAMP_THROTTLED", `the server answered UNAVAILABLE: ${text}`);
}

function toError(error: unknown): OpAMPError {
  if (error instanceof OpAMPError) return error;
  return new OpAMPError("ERR_OPAMP_CONNECT", messageOf(error), { cause: error });
}
