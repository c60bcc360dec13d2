import { sameBytes } from "../../base/bytes.js";
import {
  type AgentToServer,
  type ConnectionSettingsOffers,
  type ConnectionSettingsStatus,
  ConnectionSettingsStatuses,
} from "../../gen/opamp/v1/opamp_pb.js";
import type { AgentRecord } from "./agent-record.js";

const {
  ConnectionSettingsStatuses_UNSET: UNSET,
  ConnectionSettingsStatuses_APPLYING: APPLYING,
  ConnectionSettingsStatuses_APPLIED: APPLIED,
} = ConnectionSettingsStatuses;

/**
 * Whether the agent has taken note of the settings on offer. One that has put its settings aside reports none, without a hash, and
 * may be offered the same again.
 */
export function isTaken(offer: ConnectionSettingsOffers | undefined, { parts }: AgentRecord): boolean {
  const { connectionSettingsStatus: status } = parts;
  return status?.status !== UNSET && isOf(offer, status);
}

/**
 * Whether an offer is of no more use: the agent has applied a certificate for a key of its own, which it drops together with the
 * certificate once it puts its settings aside.
 */
export function isUsedUp(offer: ConnectionSettingsOffers | undefined, { parts }: AgentRecord): boolean {
  const { connectionSettingsStatus: status } = parts;
  return offer?.opamp?.certificate?.privateKey.length === 0 && status?.status === APPLIED && isOf(offer, status);
}

/**
 * Whether the agent has left for the endpoint on offer: it said APPLYING, and disconnected. That lasts until it reports the hash of
 * this offer, such as after a rollback, or starts without any settings, having lost them.
 *
 * @param before whether it had left before this message
 * @param record with what the message said
 * @param startedOver the agent counts from the beginning again
 */
export function hasLeft(
  offer: ConnectionSettingsOffers | undefined,
  before: boolean,
  { agentDisconnect, connectionSettingsStatus: said }: AgentToServer,
  { parts: { connectionSettingsStatus: known } }: Pick<AgentRecord, "parts">,
  startedOver: boolean,
): boolean {
  if (!offer?.opamp?.destinationEndpoint) return false;
  if (agentDisconnect !== undefined) return before || (known?.status === APPLYING && isOf(offer, known));
  return before && !isOf(offer, said) && !(startedOver && (known?.status ?? UNSET) === UNSET);
}

function isOf(offer: ConnectionSettingsOffers | undefined, status: ConnectionSettingsStatus | undefined): boolean {
  return sameBytes(offer?.hash, status?.lastConnectionSettingsHash);
}
