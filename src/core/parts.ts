import type {
  AgentDescription,
  AvailableComponents,
  ComponentHealth,
  CustomCapabilities,
  EffectiveConfig,
  PackageStatuses,
} from "../gen/opamp/v1/opamp_pb.js";

/**
 * Where the newest offer of a kind stands: the one form of it, from the handler to the report, the store and the event.
 * Words become numbers when a message is encoded.
 */
export interface OfferStatus {
  /** As the server gave it (CFG-05). */
  hash: Uint8Array;
  status: "applying" | "applied" | "failed";
  /** Empty unless failed. */
  error: string;
  /** What tells the offer from others where its hash is empty; the server is not told. */
  digest?: Uint8Array | undefined;
}

/** Before the first offer: said once, so that the server knows that there is nothing to know (STATUS-02). */
export const NOTHING_OFFERED = { hash: new Uint8Array(), status: "unset", error: "" } as const;

/** The sub-messages of a report that may be left out while unchanged (STATUS-05). */
export interface PartValues {
  agentDescription: AgentDescription;
  health: ComponentHealth;
  effectiveConfig: EffectiveConfig;
  remoteConfigStatus: OfferStatus | typeof NOTHING_OFFERED;
  packageStatuses: PackageStatuses;
  customCapabilities: CustomCapabilities;
  availableComponents: AvailableComponents;
  connectionSettingsStatus: OfferStatus | typeof NOTHING_OFFERED;
}

/** A part by its field name. */
export type PartName = keyof PartValues;

/** A set of parts: a sum of {@link Part} bits. */
export type PartSet = number;

/** One bit for each part, in field order. */
const PART_BITS = {
  agentDescription: 0x1,
  health: 0x2,
  effectiveConfig: 0x4,
  remoteConfigStatus: 0x8,
  packageStatuses: 0x10,
  customCapabilities: 0x20,
  availableComponents: 0x40,
  connectionSettingsStatus: 0x80,
} as const satisfies Record<PartName, PartSet>;

/** The names of the parts, in field order. */
export const partNames = Object.keys(PART_BITS) as readonly PartName[];

/** One bit for each part, and for what a report can carry besides. */
export const Part = {
  ...PART_BITS,
  /** The capability mask: in every message, but a change of it is news (CAP-04). */
  capabilities: 0x100,
  /** The request for an instance uid made by the server (UID-04). */
  uidRequest: 0x200,
  /** The components themselves, which the server asked for: without this, their part is the hash alone (COMP-02). */
  componentMap: 0x400,
  every: 0x7ff,
} as const;

/** What a server can ask to be told again, as bits (STATUS-07, COMP-05). */
export const Resend = { everything: 0x1, effectiveConfig: 0x2, components: 0x4 } as const;

/** For each part, whether two values of it say the same (STATUS-05). */
export type Comparisons = { readonly [P in PartName]: (a: PartValues[P], b: PartValues[P]) => boolean };
