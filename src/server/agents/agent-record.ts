import { sameBytes } from "../../base/bytes.js";
import type {
  AgentDescription,
  AgentToServer,
  AvailableComponents,
  ComponentHealth,
  ConnectionSettingsStatus,
  EffectiveConfig,
  PackageStatuses,
  RemoteConfigStatus,
} from "../../gen/opamp/v1/opamp_pb.js";

/** What an agent has reported, each part as it came last, and what the server makes of its messages. */
export interface AgentRecord {
  readonly description: AgentDescription | undefined;
  readonly health: ComponentHealth | undefined;
  readonly effectiveConfig: EffectiveConfig | undefined;
  readonly remoteConfigStatus: RemoteConfigStatus | undefined;
  readonly packageStatuses: PackageStatuses | undefined;
  readonly availableComponents: AvailableComponents | undefined;
  readonly connectionSettingsStatus: ConnectionSettingsStatus | undefined;
  readonly customCapabilities: readonly string[];
  /** The bits of the last message, 0 before the first. */
  readonly capabilities: bigint;
  /** The number of the last message; undefined before the first. */
  readonly sequenceNum: bigint | undefined;
  /** How often a number was not the one due. */
  readonly gaps: number;
  /** The last message said goodbye (CLOSE-01). */
  readonly disconnected: boolean;
}

/** An agent that has said nothing yet, or was forgotten. */
export const UNKNOWN_AGENT: AgentRecord = {
  description: undefined,
  health: undefined,
  effectiveConfig: undefined,
  remoteConfigStatus: undefined,
  packageStatuses: undefined,
  availableComponents: undefined,
  connectionSettingsStatus: undefined,
  customCapabilities: [],
  capabilities: 0n,
  sequenceNum: undefined,
  gaps: 0,
  disconnected: false,
};

/**
 * Takes a message into the record. Parts of a message that is later refused count as reported too.
 *
 * @returns `lacksState`: the server lacks something that this message does not bring (STATUS-07); `startedOver`: the agent
 * counts from the beginning again, as after a restart of its process
 */
export function absorb(record: AgentRecord, message: AgentToServer) {
  const isFull = message.agentDescription !== undefined;
  const isFirst = record.sequenceNum === undefined;
  const isInOrder = isFirst || message.sequenceNum === record.sequenceNum + 1n;
  const startedOver = !isInOrder && isFull && message.sequenceNum <= 1n;
  const isGap = !isInOrder && !startedOver;
  const known = startedOver ? UNKNOWN_AGENT : record;
  const absorbed: AgentRecord = {
    description: message.agentDescription ?? known.description,
    health: message.health ?? known.health,
    effectiveConfig: message.effectiveConfig ?? known.effectiveConfig,
    remoteConfigStatus: message.remoteConfigStatus ?? known.remoteConfigStatus,
    packageStatuses: message.packageStatuses ?? known.packageStatuses,
    availableComponents: withMap(message.availableComponents, known.availableComponents),
    connectionSettingsStatus: message.connectionSettingsStatus ?? known.connectionSettingsStatus,
    customCapabilities: message.customCapabilities?.capabilities ?? known.customCapabilities,
    capabilities: message.capabilities,
    sequenceNum: message.sequenceNum,
    gaps: record.gaps + (isGap ? 1 : 0),
    disconnected: message.agentDisconnect !== undefined,
  };
  return { record: absorbed, lacksState: !isFull && (isFirst || isGap), startedOver };
}

/** A report of the bare hash keeps the component map that came with the same hash earlier (COMP-02). */
function withMap(
  report: AvailableComponents | undefined,
  known: AvailableComponents | undefined,
): AvailableComponents | undefined {
  if (report === undefined) return known;
  const isBare = Object.keys(report.components).length === 0;
  return isBare && known !== undefined && sameBytes(report.hash, known.hash) ? known : report;
}
