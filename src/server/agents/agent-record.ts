import { sameBytes } from "../../base/bytes.js";
import {
  AgentCapabilities,
  type AgentDescription,
  type AgentToServer,
  type AvailableComponents,
  type ComponentHealth,
  type ConnectionSettingsStatus,
  type EffectiveConfig,
  type PackageStatuses,
  type RemoteConfigStatus,
} from "../../gen/opamp/v1/opamp_pb.js";

/** The parts that an agent has reported, each as it came last, as messages of the protocol. */
export interface ReportedParts {
  /** The agent_description. */
  readonly description: AgentDescription | undefined;
  /** The health. */
  readonly health: ComponentHealth | undefined;
  /** The effective_config. */
  readonly effectiveConfig: EffectiveConfig | undefined;
  /** The remote_config_status. */
  readonly remoteConfigStatus: RemoteConfigStatus | undefined;
  /** The package_statuses. */
  readonly packageStatuses: PackageStatuses | undefined;
  /** The available_components; the map stays while only its hash is reported. */
  readonly availableComponents: AvailableComponents | undefined;
  /** The connection_settings_status. */
  readonly connectionSettingsStatus: ConnectionSettingsStatus | undefined;
}

/** What an agent has reported, and what the server makes of its messages. */
export interface AgentRecord {
  readonly parts: ReportedParts;
  readonly customCapabilities: readonly string[];
  readonly capabilities: bigint;
  readonly sequenceNum: bigint | undefined;
  readonly gaps: number;
  readonly disconnected: boolean;
}

/** An agent that has said nothing yet, or was forgotten. */
export const UNKNOWN_AGENT: AgentRecord = {
  parts: {
    description: undefined,
    health: undefined,
    effectiveConfig: undefined,
    remoteConfigStatus: undefined,
    packageStatuses: undefined,
    availableComponents: undefined,
    connectionSettingsStatus: undefined,
  },
  customCapabilities: [],
  capabilities: 0n,
  sequenceNum: undefined,
  gaps: 0,
  disconnected: false,
};

/** What a full report brings besides the description, each part with the capability of those who report it. */
const REPORTED = [
  ["effectiveConfig", AgentCapabilities.AgentCapabilities_ReportsEffectiveConfig],
  ["remoteConfigStatus", AgentCapabilities.AgentCapabilities_ReportsRemoteConfig],
  ["health", AgentCapabilities.AgentCapabilities_ReportsHealth],
  ["packageStatuses", AgentCapabilities.AgentCapabilities_ReportsPackageStatuses],
] as const;

/**
 * Takes a message into the record. Parts of a message that is later refused count as reported too.
 *
 * @returns `isDescribed`: the message brings what a full report begins with; `lacksState`: the server lacks something that it
 * does not bring (STATUS-07); `startedOver`: the agent counts from the beginning again, as after a restart of its process
 */
export function absorb(record: AgentRecord, message: AgentToServer) {
  const isDescribed = message.agentDescription !== undefined;
  // A description that changed comes alone, and is not all that an agent has to say: what else it reports tells.
  const bringsAll = REPORTED.every(([part, bit]) => !declares(message, bit) || message[part] !== undefined);
  const isFull = isDescribed && (message.sequenceNum <= 1n || bringsAll);
  const isFirst = record.sequenceNum === undefined;
  const isInOrder = isFirst || message.sequenceNum === record.sequenceNum + 1n;
  const startedOver = !isInOrder && isDescribed && message.sequenceNum <= 1n;
  const isGap = !isInOrder && !startedOver;
  const known = startedOver ? UNKNOWN_AGENT : record;
  const { parts } = known;
  const absorbed: AgentRecord = {
    parts: {
      description: message.agentDescription ?? parts.description,
      health: message.health ?? parts.health,
      effectiveConfig: message.effectiveConfig ?? parts.effectiveConfig,
      remoteConfigStatus: message.remoteConfigStatus ?? parts.remoteConfigStatus,
      packageStatuses: message.packageStatuses ?? parts.packageStatuses,
      availableComponents: withMap(message.availableComponents, parts.availableComponents),
      connectionSettingsStatus: message.connectionSettingsStatus ?? parts.connectionSettingsStatus,
    },
    customCapabilities: message.customCapabilities?.capabilities ?? known.customCapabilities,
    capabilities: message.capabilities,
    sequenceNum: message.sequenceNum,
    gaps: record.gaps + (isGap ? 1 : 0),
    disconnected: message.agentDisconnect !== undefined,
  };
  return { record: absorbed, isDescribed, lacksState: !isFull && (isFirst || isGap), startedOver };
}

function declares({ capabilities }: AgentToServer, bit: AgentCapabilities): boolean {
  return (capabilities & BigInt(bit)) !== 0n;
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
