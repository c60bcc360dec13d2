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

/** What an agent has reported, each part as it came last, and what the server makes of its messages. */
export class AgentRecord {
  /** The agent_description reported last. */
  readonly description: AgentDescription | undefined;
  /** The health reported last. */
  readonly health: ComponentHealth | undefined;
  /** The effective_config reported last. */
  readonly effectiveConfig: EffectiveConfig | undefined;
  /** The remote_config_status reported last. */
  readonly remoteConfigStatus: RemoteConfigStatus | undefined;
  /** The package_statuses reported last. */
  readonly packageStatuses: PackageStatuses | undefined;
  /** The available_components reported last; the map stays while only its hash is reported. */
  readonly availableComponents: AvailableComponents | undefined;
  /** The connection_settings_status reported last. */
  readonly connectionSettingsStatus: ConnectionSettingsStatus | undefined;
  /** The custom capabilities reported last. */
  readonly customCapabilities: readonly string[] = [];
  /** The capability bits of the last message; 0 before the first. */
  readonly capabilities: bigint = 0n;
  /** The sequence_num of the last message. */
  readonly sequenceNum: bigint | undefined;
  /** How many messages had another sequence_num than the one due (SEQ-01). A restart at 0 or 1 with a full report does not count. */
  readonly gaps: number = 0;
  /** Whether the last message was agent_disconnect (CLOSE-01). */
  readonly disconnected: boolean = false;
}

/** An agent that has said nothing yet, or was forgotten. */
export const UNKNOWN_AGENT = new AgentRecord();

/**
 * What a full report brings besides the description, each part with the capability of those who report it. Not the effective
 * config, which a host may be unable to give.
 */
const REPORTED = [
  ["remoteConfigStatus", AgentCapabilities.AgentCapabilities_ReportsRemoteConfig],
  ["health", AgentCapabilities.AgentCapabilities_ReportsHealth],
  ["packageStatuses", AgentCapabilities.AgentCapabilities_ReportsPackageStatuses],
] as const;

/**
 * Takes a message into the record. Parts of a message that is later refused count as reported too.
 *
 * @returns `isFull`: the message brings everything that the agent reports; `lacksState`: the server lacks something that it
 * does not bring (STATUS-07); `startedOver`: the agent counts from the beginning again, as after a restart of its process
 */
export function absorb(record: AgentRecord, message: AgentToServer) {
  const isDescribed = message.agentDescription !== undefined;
  // A description that changed comes alone: what else the agent reports tells a full report from that.
  const isFull = isDescribed && REPORTED.every(([part, bit]) => !declares(message, bit) || message[part] !== undefined);
  const isFirst = record.sequenceNum === undefined;
  const isInOrder = isFirst || message.sequenceNum === record.sequenceNum + 1n;
  const startedOver = !isInOrder && isDescribed && message.sequenceNum <= 1n;
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
  return { record: absorbed, isFull, lacksState: !isFull && (isFirst || isGap), startedOver };
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
