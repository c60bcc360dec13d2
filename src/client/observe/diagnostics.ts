import { channel } from "node:diagnostics_channel";
import { uidText } from "../../base/bytes.js";
import type { OfferKind, Outgoing } from "../../core/io.js";
import { messageOutline } from "../../diagnostics/message-outline.js";
import { bytesText } from "../../diagnostics/one-line.js";
import type { Redactor } from "../../diagnostics/redactor.js";
import type { OpAMPErrorCode } from "../../errors.js";
import type { Clock } from "../clock.js";
import type { PhaseEvent, ServerErrorEvent } from "../events.js";
import type { Observer, TrafficEvent } from "./client-event.js";

/** What every diagnostic tells. */
export interface Diagnostic {
  /** Which agent this is about, as UUID text. */
  instanceUid: string;
  /** When it happened, by the wall clock. */
  time: Date;
}

/** A message that passed. */
interface MessageDiagnostic extends Diagnostic {
  /** The serialized message, without compression, framing and headers. */
  bytes: number;
  /** The names of the fields that it has, such as `health` or `remoteConfig`, without those that every message has. */
  has: readonly string[];
  /** The names of the flags that are set; one that has no name is given in hexadecimal. */
  flags: readonly string[];
  /** The capability and type of the custom message in it. */
  custom?: { capability: string; type: string } | undefined;
  /**
   * The message as a plain structure that can be turned into JSON: without secrets, contents of files and data, these
   * being `[N bytes]`. It is made when this is read for the first time, which must be while the subscriber is called.
   */
  readonly message: Readonly<Record<string, unknown>>;
}

/** On `opamp-client:send`: an AgentToServer was handed to the transport. */
export interface SendDiagnostic extends MessageDiagnostic {
  /** The number of the message (SEQ-01). */
  sequenceNum: number;
}

/** On `opamp-client:receive`: something came from the server. */
export interface ReceiveDiagnostic extends MessageDiagnostic {
  /** It was not a ServerToAgent. */
  malformed: boolean;
  /** The kind of error response, if it is one. */
  errorResponse?: ServerErrorEvent["type"] | undefined;
}

/** On `opamp-client:phase`: the link moved on. */
export type PhaseDiagnostic = Diagnostic & PhaseEvent;

/** On `opamp-client:failure`: what the `error` event tells. */
export interface FailureDiagnostic extends Diagnostic {
  /** One of `errorCodes`. */
  code: OpAMPErrorCode;
  /** What happened, without secrets. */
  message: string;
  /** What to do about it. */
  hint: string;
  /** Whether the same may succeed later. */
  retryable: boolean;
  /** The status of an HTTP response, where that was the failure. */
  httpStatus: number | undefined;
}

/** On `opamp-client:apply`: an offer came, or came to its end. */
export interface ApplyDiagnostic extends Diagnostic {
  /** What is offered, by the name of its handler. */
  kind: OfferKind;
  /** In hexadecimal; one of more than 64 bytes as `[N bytes]`. */
  hash: string;
  /** Where the offer stands. */
  status: "applying" | "applied" | "failed";
  /** From the offer to its end; `undefined` while it has none. */
  durationMs: number | undefined;
}

/** The channels of `node:diagnostics_channel` and what is published on them. */
export interface DiagnosticChannels {
  /** A message was handed to the transport. */
  "opamp-client:send": SendDiagnostic;
  /** Something came from the server. */
  "opamp-client:receive": ReceiveDiagnostic;
  /** The phase changed. */
  "opamp-client:phase": PhaseDiagnostic;
  /** What the `error` event tells. */
  "opamp-client:failure": FailureDiagnostic;
  /** An offer came, or came to its end. */
  "opamp-client:apply": ApplyDiagnostic;
}

/** Channels with a subscriber or without; Node calls subscribers apart, so one that throws does not come back here. */
export const channels = {
  send: channel("opamp-client:send" satisfies keyof DiagnosticChannels),
  receive: channel("opamp-client:receive" satisfies keyof DiagnosticChannels),
  phase: channel("opamp-client:phase" satisfies keyof DiagnosticChannels),
  failure: channel("opamp-client:failure" satisfies keyof DiagnosticChannels),
  apply: channel("opamp-client:apply" satisfies keyof DiagnosticChannels),
};

type Received = Extract<TrafficEvent, { type: "received" }>;

/** What every message has, and what is told in another way. */
const NOT_LISTED: ReadonlySet<string> = new Set(["instanceUid", "sequenceNum", "capabilities", "flags"]);
const AGENT_FLAGS = ["requestInstanceUid"];
const SERVER_FLAGS = ["reportFullState", "reportAvailableComponents"];
const ERROR_TYPES: readonly (ServerErrorEvent["type"] | undefined)[] = ["unknown", "badRequest", "unavailable"];

/** Publishes what happens on those channels that have a subscriber. */
export function publishEvents(agent: { readonly instanceUid: Uint8Array }, clock: Clock, redactor: Redactor): Observer {
  return (event) => {
    switch (event.type) {
      case "sent": {
        if (!channels.send.hasSubscribers) return;
        const sent = messageDiagnostic(base(agent, clock), event.message, event.bytes, AGENT_FLAGS, redactor);
        return channels.send.publish(Object.assign(sent, { sequenceNum: Number(event.message.sequenceNum) }));
      }
      case "received":
        if (channels.receive.hasSubscribers)
          channels.receive.publish(receiveDiagnostic(base(agent, clock), event, redactor));
        return;
      case "phase":
        if (!channels.phase.hasSubscribers) return;
        return channels.phase.publish({ ...base(agent, clock), ...event.event } satisfies PhaseDiagnostic);
      case "error": {
        if (!channels.failure.hasSubscribers) return;
        const { code, message, hint, retryable, httpStatus } = event.error;
        const failure: FailureDiagnostic = { ...base(agent, clock), code, message, hint, retryable, httpStatus };
        return channels.failure.publish(failure);
      }
      case "offer": {
        if (!channels.apply.hasSubscribers) return;
        const { kind, hash, status, durationMs } = event;
        const apply: ApplyDiagnostic = { ...base(agent, clock), kind, hash: bytesText(hash), status, durationMs };
        return channels.apply.publish(apply);
      }
      default:
        return;
    }
  };
}

function base(agent: { readonly instanceUid: Uint8Array }, clock: Clock): Diagnostic {
  return { instanceUid: uidText(agent.instanceUid), time: new Date(clock.wallNow()) };
}

function receiveDiagnostic(base: Diagnostic, { message, bytes }: Received, redactor: Redactor): ReceiveDiagnostic {
  const diagnostic: ReceiveDiagnostic = Object.assign(
    messageDiagnostic(base, message ?? {}, bytes, SERVER_FLAGS, redactor),
    { malformed: message === undefined },
  );
  const error = message?.errorResponse;
  if (error !== undefined) diagnostic.errorResponse = ERROR_TYPES[error.type] ?? "unknown";
  return diagnostic;
}

function messageDiagnostic(
  base: Diagnostic,
  message: Pick<Partial<Outgoing>, "flags" | "customMessage">,
  bytes: number,
  flags: readonly string[],
  redactor: Redactor,
): MessageDiagnostic {
  let outline: Record<string, unknown> | undefined;
  const diagnostic: MessageDiagnostic = {
    ...base,
    bytes,
    has: fieldNames(message),
    flags: flagNames(message.flags ?? 0n, flags),
    get message() {
      outline ??= messageOutline(message, redactor);
      return outline;
    },
  };
  const custom = message.customMessage;
  if (custom !== undefined) diagnostic.custom = { capability: custom.capability, type: custom.type };
  return diagnostic;
}

/** The fields of a message; of connection settings, what kinds are offered. */
function fieldNames(message: object): readonly string[] {
  const names: string[] = [];
  for (const [name, value] of Object.entries(message)) {
    if (value === undefined || name.startsWith("$") || NOT_LISTED.has(name)) continue;
    if (name !== "connectionSettings") names.push(name);
    else {
      for (const [kind, offer] of Object.entries(value)) {
        const isOffer = typeof offer === "object" && offer !== null && kind !== "hash" && !kind.startsWith("$");
        if (isOffer && Object.keys(offer).length > 0) names.push(`${name}.${kind}`);
      }
    }
  }
  return names;
}

function flagNames(flags: bigint, known: readonly string[]): readonly string[] {
  const names: string[] = [];
  for (let bit = 0n, rest = flags; rest !== 0n; bit += 1n, rest >>= 1n) {
    if ((rest & 1n) !== 0n) names.push(known[Number(bit)] ?? `0x${(1n << bit).toString(16)}`);
  }
  return names;
}
