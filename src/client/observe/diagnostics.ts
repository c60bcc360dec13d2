import { channel } from "node:diagnostics_channel";
import type { Outgoing } from "../../core/io.js";
import { messageOutline } from "../../diagnostics/message-outline.js";
import type { Redactor } from "../../diagnostics/redactor.js";
import type { OpAMPError, OpAMPErrorCode } from "../../errors.js";
import type { ServerToAgent } from "../../gen/opamp/v1/opamp_pb.js";
import type { PhaseEvent, ServerErrorEvent } from "../events.js";

/** What every diagnostic tells. */
export interface Diagnostic {
  /** Which agent this is about, as UUID text. */
  instanceUid: string;
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
  custom?: { capability: string; type: string };
  /**
   * The message as a plain structure that can be turned into JSON: without secrets, contents of files and data, these
   * being `[N bytes]`. It is made when this is read for the first time, which must be while the subscriber is called.
   */
  readonly message: Readonly<Record<string, unknown>>;
}

/** On `opamp-client:send`: an AgentToServer was handed to the transport. */
export interface SendDiagnostic extends MessageDiagnostic {
  sequenceNum: number;
}

/** On `opamp-client:receive`: something came from the server. */
export interface ReceiveDiagnostic extends MessageDiagnostic {
  /** It was no ServerToAgent. */
  malformed: boolean;
  errorResponse?: ServerErrorEvent["type"];
}

/** On `opamp-client:phase`: the link moved on. */
export interface PhaseDiagnostic extends Diagnostic, PhaseEvent {}

/** On `opamp-client:failure`: what the `error` event tells. */
export interface FailureDiagnostic extends Diagnostic {
  code: OpAMPErrorCode;
  message: string;
  hint: string;
  retryable: boolean;
  httpStatus: number | undefined;
}

/** On `opamp-client:apply`: an offer came, or came to its end. */
export interface ApplyDiagnostic extends Diagnostic {
  kind: "remoteConfig";
  /** In hexadecimal; one of more than 64 bytes as `[N bytes]`. */
  hash: string;
  status: "applying" | "applied" | "failed";
  /** From the offer to its end; `undefined` while it has none. */
  durationMs: number | undefined;
}

/** The channels of `node:diagnostics_channel` and what is published on them. */
export interface DiagnosticChannels {
  "opamp-client:send": SendDiagnostic;
  "opamp-client:receive": ReceiveDiagnostic;
  "opamp-client:phase": PhaseDiagnostic;
  "opamp-client:failure": FailureDiagnostic;
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

/** What every message has, and what is told in another way. */
const NOT_LISTED: ReadonlySet<string> = new Set(["instanceUid", "sequenceNum", "capabilities", "flags"]);
const AGENT_FLAGS = ["requestInstanceUid"];
const SERVER_FLAGS = ["reportFullState", "reportAvailableComponents"];
const ERROR_TYPES: readonly (ServerErrorEvent["type"] | undefined)[] = ["unknown", "badRequest", "unavailable"];

export function publishSend(base: Diagnostic, message: Outgoing, bytes: number, redactor: Redactor): void {
  const diagnostic: SendDiagnostic = Object.assign(withMessage(base, message, bytes, redactor), {
    sequenceNum: Number(message.sequenceNum),
    flags: flagNames(message.flags ?? 0n, AGENT_FLAGS),
  });
  const { customMessage } = message;
  if (customMessage !== undefined) diagnostic.custom = customOf(customMessage);
  channels.send.publish(diagnostic);
}

export function publishReceive(
  base: Diagnostic,
  message: ServerToAgent | undefined,
  bytes: number,
  redactor: Redactor,
): void {
  const diagnostic: ReceiveDiagnostic = Object.assign(withMessage(base, message ?? {}, bytes, redactor), {
    malformed: message === undefined,
    flags: flagNames(message?.flags ?? 0n, SERVER_FLAGS),
  });
  if (message?.customMessage !== undefined) diagnostic.custom = customOf(message.customMessage);
  if (message?.errorResponse !== undefined) {
    diagnostic.errorResponse = ERROR_TYPES[message.errorResponse.type] ?? "unknown";
  }
  channels.receive.publish(diagnostic);
}

export function publishPhase(base: Diagnostic, event: PhaseEvent): void {
  channels.phase.publish({ ...base, ...event } satisfies PhaseDiagnostic);
}

export function publishFailure(base: Diagnostic, error: OpAMPError): void {
  const { code, message, hint, retryable, httpStatus } = error;
  channels.failure.publish({ ...base, code, message, hint, retryable, httpStatus } satisfies FailureDiagnostic);
}

export function publishApply(base: Diagnostic, apply: Omit<ApplyDiagnostic, keyof Diagnostic>): void {
  channels.apply.publish({ ...base, ...apply } satisfies ApplyDiagnostic);
}

function withMessage(base: Diagnostic, message: object, bytes: number, redactor: Redactor) {
  let outline: Record<string, unknown> | undefined;
  return {
    ...base,
    bytes,
    has: fieldNames(message),
    get message() {
      outline ??= messageOutline(message, redactor);
      return outline;
    },
  };
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

function customOf({ capability, type }: { capability: string; type: string }) {
  return { capability, type };
}
