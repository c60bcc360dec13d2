import { sameBytes } from "../../base/bytes.js";
import type {
  AgentDescription,
  AgentToServer,
  AvailableComponents,
  ComponentHealth,
  ConnectionSettingsStatus,
  CustomCapabilities,
  EffectiveConfig,
  PackageStatuses,
  RemoteConfigStatus,
} from "../../gen/opamp/v1/opamp_pb.js";

/** What an agent has reported, each part as it came last. */
export interface ReportedParts {
  description?: AgentDescription;
  health?: ComponentHealth;
  effectiveConfig?: EffectiveConfig;
  remoteConfigStatus?: RemoteConfigStatus;
  packageStatuses?: PackageStatuses;
  customCapabilities?: CustomCapabilities;
  availableComponents?: AvailableComponents;
  connectionSettingsStatus?: ConnectionSettingsStatus;
}

/** What the server knows about one agent from its messages. */
export interface AgentRecord {
  readonly parts: ReportedParts;
  /** The bits of the last message, 0 before the first. */
  readonly capabilities: bigint;
  /** The number of the last message; undefined before the first. */
  readonly sequenceNum: bigint | undefined;
  /** How often a number was not the one due. */
  readonly gaps: number;
  /** The last message said goodbye (CLOSE-01). */
  readonly disconnected: boolean;
}

/** What a message means for the server's next answer. */
export interface Absorbed {
  record: AgentRecord;
  /** The server lacks something that this message does not bring (STATUS-07). */
  lacksState: boolean;
  /** The agent counts from the beginning again, as after a restart of its process. */
  startedOver: boolean;
}

/** An agent that has said nothing yet, or was forgotten. */
export const UNKNOWN_AGENT: AgentRecord = {
  parts: {},
  capabilities: 0n,
  sequenceNum: undefined,
  gaps: 0,
  disconnected: false,
};

/** Takes a message into the record. Parts of a message that is later refused count as reported too. */
export function absorb(record: AgentRecord, message: AgentToServer): Absorbed {
  const isFull = message.agentDescription !== undefined;
  const isFirst = record.sequenceNum === undefined;
  const isInOrder = isFirst || message.sequenceNum === record.sequenceNum + 1n;
  const startedOver = !isInOrder && isFull && message.sequenceNum <= 1n;
  const isGap = !isInOrder && !startedOver;
  return {
    record: {
      parts: reported(startedOver ? {} : record.parts, message),
      capabilities: message.capabilities,
      sequenceNum: message.sequenceNum,
      gaps: record.gaps + (isGap ? 1 : 0),
      disconnected: message.agentDisconnect !== undefined,
    },
    lacksState: !isFull && (isFirst || isGap),
    startedOver,
  };
}

function reported(known: ReportedParts, message: AgentToServer): ReportedParts {
  const { agentDescription, health, effectiveConfig, remoteConfigStatus, packageStatuses } = message;
  const { customCapabilities, availableComponents, connectionSettingsStatus } = message;
  return {
    ...known,
    ...(agentDescription && { description: agentDescription }),
    ...(health && { health }),
    ...(effectiveConfig && { effectiveConfig }),
    ...(remoteConfigStatus && { remoteConfigStatus }),
    ...(packageStatuses && { packageStatuses }),
    ...(customCapabilities && { customCapabilities }),
    ...(availableComponents && { availableComponents: withMap(availableComponents, known.availableComponents) }),
    ...(connectionSettingsStatus && { connectionSettingsStatus }),
  };
}

/** A report of the bare hash keeps the component map that came with the same hash earlier (COMP-02). */
function withMap(report: AvailableComponents, known: AvailableComponents | undefined): AvailableComponents {
  const isBare = Object.keys(report.components).length === 0;
  return isBare && known !== undefined && sameBytes(report.hash, known.hash) ? known : report;
}
