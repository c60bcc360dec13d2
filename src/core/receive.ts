import { NANOSECONDS_PER_MS } from "../base/time.js";
import { UID_BYTES } from "../base/uid.js";
import type { AgentRemoteConfig, CustomMessage, ServerToAgent } from "../gen/opamp/v1/opamp_pb.js";
import { has } from "./capabilities.js";
import { Again } from "./parts.js";

/** One thing that a ServerToAgent asks of the agent. */
export type Demand =
  | { type: "serverCapabilities"; mask: bigint }
  | { type: "newUid"; uid: Uint8Array }
  | { type: "badNewUid"; bytes: number }
  /** The sum of what is to be told again. */
  | { type: "again"; what: number }
  | { type: "heartbeat"; seconds: bigint }
  | { type: "remoteConfig"; offer: AgentRemoteConfig }
  | { type: "restart" }
  | { type: "customCapabilities"; names: readonly string[] }
  | { type: "customMessage"; message: CustomMessage }
  | { type: "ignored"; what: string };

/** What an error response means for what was sent. */
export type ErrorResponse =
  | { type: "unavailable"; message: string; retryAfterMs: number | undefined }
  | { type: "refused"; error: "badRequest" | "unknown"; message: string };

const BAD_REQUEST = 1;
const UNAVAILABLE = 2;
const RESTART = 0;
const REPORT_FULL_STATE = 0x1n;
const REPORT_AVAILABLE_COMPONENTS = 0x2n;

/**
 * The error in a message, if it is one: it comes alone, and nothing else in the message counts (MSG-03).
 *
 * Types that later versions may add are taken as refusals, which are never sent again (RETRY-01, INTEROP-02).
 */
export function errorOf(message: ServerToAgent): ErrorResponse | undefined {
  const response = message.errorResponse;
  if (response === undefined) return undefined;
  const type: number = response.type;
  if (type !== UNAVAILABLE) {
    return { type: "refused", error: type === BAD_REQUEST ? "badRequest" : "unknown", message: response.errorMessage };
  }
  const nanoseconds = response.Details.case === "retryInfo" ? response.Details.value.retryAfterNanoseconds : undefined;
  const retryAfterMs =
    nanoseconds === undefined || nanoseconds === 0n
      ? undefined
      : Number((nanoseconds + NANOSECONDS_PER_MS - 1n) / NANOSECONDS_PER_MS);
  return { type: "unavailable", message: response.errorMessage, retryAfterMs };
}

/**
 * What a message without an error asks for, in the one order in which it is done: capabilities, identification, flags,
 * settings, config, packages, command, custom. Offers that belong to a capability not declared are left out (CAP-05).
 *
 * @param declared the agent's capability mask
 */
export function demandsOf(message: ServerToAgent, declared: bigint): readonly Demand[] {
  const demands: Demand[] = [];
  if (message.capabilities !== 0n) demands.push({ type: "serverCapabilities", mask: message.capabilities });
  if (message.command !== undefined) {
    const type: number = message.command.type;
    const known = type === RESTART;
    // CMD-02: a command that is obeyed is the only thing in its message.
    if (known && has(declared, "acceptsRestartCommand")) {
      demands.push({ type: "restart" });
      return demands;
    }
    demands.push({ type: "ignored", what: known ? "the restart command" : `a command of unknown type ${type}` });
  }
  identification(message, demands);
  flags(message.flags, declared, demands);
  settings(message, declared, demands);
  if (message.remoteConfig !== undefined) {
    demands.push(
      has(declared, "acceptsRemoteConfig")
        ? { type: "remoteConfig", offer: message.remoteConfig }
        : { type: "ignored", what: "remote config" },
    );
  }
  if (message.packagesAvailable !== undefined) demands.push({ type: "ignored", what: "packages" });
  if (message.customCapabilities !== undefined) {
    demands.push({ type: "customCapabilities", names: message.customCapabilities.capabilities });
  }
  if (message.customMessage !== undefined) demands.push({ type: "customMessage", message: message.customMessage });
  return demands;
}

function identification(message: ServerToAgent, demands: Demand[]): void {
  if (message.agentIdentification === undefined) return;
  const uid = message.agentIdentification.newInstanceUid;
  demands.push(uid.length === UID_BYTES ? { type: "newUid", uid } : { type: "badNewUid", bytes: uid.length });
}

function flags(mask: bigint, declared: bigint, demands: Demand[]): void {
  let what = 0;
  if ((mask & REPORT_FULL_STATE) !== 0n) what |= Again.everything | Again.effectiveConfig;
  if ((mask & REPORT_AVAILABLE_COMPONENTS) !== 0n && has(declared, "reportsAvailableComponents")) {
    what |= Again.components;
  }
  if (what !== 0) demands.push({ type: "again", what });
}

function settings(message: ServerToAgent, declared: bigint, demands: Demand[]): void {
  if (message.connectionSettings === undefined) return;
  const { opamp } = message.connectionSettings;
  // AMB-05: the interval counts for whoever sends heartbeats, also where the rest of the offer does not.
  if (opamp !== undefined && has(declared, "reportsHeartbeat")) {
    demands.push({ type: "heartbeat", seconds: opamp.heartbeatIntervalSeconds });
    return;
  }
  demands.push({ type: "ignored", what: "connection settings" });
}
