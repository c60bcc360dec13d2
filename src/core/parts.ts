import type {
  AgentDescription,
  AvailableComponents,
  ComponentHealth,
  ConnectionSettingsStatus,
  CustomCapabilities,
  EffectiveConfig,
  PackageStatuses,
} from "../gen/opamp/v1/opamp_pb.js";

/** A remote config status before it is a message. */
export interface RemoteConfigState {
  /** The hash of the last offer, as the server gave it (CFG-05). */
  lastRemoteConfigHash: Uint8Array;
  /** 1 APPLIED, 2 APPLYING, 3 FAILED (CFG-06). */
  status: 1 | 2 | 3;
  /** Only with FAILED. */
  errorMessage: string;
}

/** Before the first offer: said once, so that the server knows that there is nothing to know (STATUS-02). */
export const NO_REMOTE_CONFIG = { lastRemoteConfigHash: new Uint8Array(), status: 0, errorMessage: "" } as const;

/** The sub-messages of a report that may be left out while unchanged (STATUS-05). */
export interface PartValues {
  agentDescription: AgentDescription;
  health: ComponentHealth;
  effectiveConfig: EffectiveConfig;
  remoteConfigStatus: RemoteConfigState | typeof NO_REMOTE_CONFIG;
  packageStatuses: PackageStatuses;
  customCapabilities: CustomCapabilities;
  availableComponents: AvailableComponents;
  connectionSettingsStatus: ConnectionSettingsStatus;
}

/** A part by its field name. */
export type PartName = keyof PartValues;

/** A set of parts: a sum of {@link Part} bits. */
export type PartSet = number;

/** One bit for each part, and for what a report can carry besides. */
export const Part = {
  agentDescription: 0x1,
  health: 0x2,
  effectiveConfig: 0x4,
  remoteConfigStatus: 0x8,
  packageStatuses: 0x10,
  customCapabilities: 0x20,
  availableComponents: 0x40,
  connectionSettingsStatus: 0x80,
  /** The capability mask: in every message, but a change of it is news (CAP-04). */
  capabilities: 0x100,
  /** The wish for an instance uid made by the server (UID-04). */
  uidRequest: 0x200,
  /** The components themselves, which the server asked for: without this, their part is the hash alone (COMP-02). */
  componentMap: 0x400,
  every: 0x7ff,
} as const;

/** What a server can ask to be told again, as bits (STATUS-07, COMP-05). */
export const Again = { everything: 0x1, effectiveConfig: 0x2, components: 0x4 } as const;

/** The names of the parts, in field order. */
export const partNames: readonly PartName[] = [
  "agentDescription",
  "health",
  "effectiveConfig",
  "remoteConfigStatus",
  "packageStatuses",
  "customCapabilities",
  "availableComponents",
  "connectionSettingsStatus",
];

/** Whether two values of a part say the same (STATUS-05). */
export type SamePart = <P extends PartName>(part: P, a: PartValues[P], b: PartValues[P]) => boolean;
