import type { ConnectionEvent } from "opamp-client";
import type { AgentToServer } from "opamp-client/proto";
import { hex } from "../messages.js";

type Lines = readonly string[];

const STATUS_WORDS = ["no connection settings yet", "APPLIED", "APPLYING", "FAILED"];

/** Where the agent's own connection stands, for people; nothing where an offer is as far as before. */
export function connectionWords(
  { state, endpoint, source, certificate }: ConnectionEvent,
  before: ConnectionEvent["state"],
): Lines {
  if (state === before) return [];
  switch (state) {
    case "candidate":
      return ["checks the offered settings, and stores them"];
    case "verifying":
      return ["leaves its server, and tries the offered settings"];
    case "accepted":
      return [
        `keeps them: the server has answered at ${endpoint}`,
        ...(certificate === undefined ? [] : [`with a certificate until ${certificate.validUntil.toISOString()}`]),
      ];
    case "rejected":
      return ["does not try the offered settings"];
    case "rolledBack":
      return [`goes back to ${endpoint}`];
    case undefined:
      return [`connects as its ${source === "server" ? "server has offered" : "options say"}`];
    default:
      return state satisfies never;
  }
}

/** A message from the agent, for people; nothing for polls, heartbeats and bare reports. */
export function messageWords({ sequenceNum, connectionSettingsStatus: status, ...message }: AgentToServer): Lines {
  const parts = [
    ...(message.agentDisconnect === undefined ? [] : ["agent_disconnect"]),
    ...(message.agentDescription === undefined ? [] : ["a full report"]),
    ...(status === undefined ? [] : [statusWords(status.status, status.lastConnectionSettingsHash)]),
    ...(status?.errorMessage ? [`reason: ${status.errorMessage}`] : []),
    ...(message.connectionSettingsRequest === undefined ? [] : ["a signing request for a client certificate"]),
  ];
  const [first, ...others] = parts;
  return first === undefined ? [] : [`receives message ${sequenceNum}: ${first}`, ...others];
}

function statusWords(status: number, hash: Uint8Array): string {
  const word = STATUS_WORDS[status] ?? String(status);
  return hash.length === 0 ? word : `${word} for ${hex(hash).slice(0, 8)}`;
}
