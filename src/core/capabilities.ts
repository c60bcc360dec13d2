import { Part, type PartSet } from "./parts.js";

interface Row {
  /** The bit in `AgentToServer.capabilities`. */
  bit: bigint;
  /** What may be reported only with this bit. */
  part?: number;
  /** The bit in `ServerToAgent.capabilities` without which a declared server is not sent the part. */
  server?: bigint;
}

/**
 * Every capability of a server, with its bit in `ServerToAgent.capabilities`.
 *
 * @see CAP-07
 */
export const serverCapabilityTable = {
  acceptsStatus: 0x1n,
  offersRemoteConfig: 0x2n,
  acceptsEffectiveConfig: 0x4n,
  offersPackages: 0x8n,
  acceptsPackagesStatus: 0x10n,
  offersConnectionSettings: 0x20n,
  acceptsConnectionSettingsRequest: 0x40n,
} as const satisfies Record<string, bigint>;

/** What a server can declare. */
export type ServerCapabilityName = keyof typeof serverCapabilityTable;

const serverCapabilityNames = Object.keys(serverCapabilityTable) as readonly ServerCapabilityName[];

/**
 * Every capability of an agent: its name here, its bit, the field that goes with it and what the server needs for it.
 *
 * @see CAP-02, CAP-06, CAP-08
 */
export const capabilityTable = {
  reportsStatus: { bit: 0x1n },
  acceptsRemoteConfig: { bit: 0x2n },
  reportsEffectiveConfig: {
    bit: 0x4n,
    part: Part.effectiveConfig,
    server: serverCapabilityTable.acceptsEffectiveConfig,
  },
  acceptsPackages: { bit: 0x8n },
  reportsPackageStatuses: {
    bit: 0x10n,
    part: Part.packageStatuses,
    server: serverCapabilityTable.acceptsPackagesStatus,
  },
  reportsOwnTraces: { bit: 0x20n },
  reportsOwnMetrics: { bit: 0x40n },
  reportsOwnLogs: { bit: 0x80n },
  acceptsOpAMPConnectionSettings: { bit: 0x100n },
  acceptsOtherConnectionSettings: { bit: 0x200n },
  acceptsRestartCommand: { bit: 0x400n },
  reportsHealth: { bit: 0x800n, part: Part.health },
  reportsRemoteConfig: { bit: 0x1000n, part: Part.remoteConfigStatus },
  reportsHeartbeat: { bit: 0x2000n },
  reportsAvailableComponents: { bit: 0x4000n, part: Part.availableComponents | Part.componentMap },
  reportsConnectionSettingsStatus: { bit: 0x8000n, part: Part.connectionSettingsStatus },
} as const satisfies Record<string, Row>;

/** What an agent can declare. */
export type CapabilityName = keyof typeof capabilityTable;

/** All names, in the order of their bits. */
export const capabilityNames = Object.keys(capabilityTable) as readonly CapabilityName[];

const rows: readonly Row[] = Object.values(capabilityTable);

/** Whether a mask has a capability's bit. */
export function has(mask: bigint, name: CapabilityName): boolean {
  return (mask & capabilityTable[name].bit) !== 0n;
}

/** The names of a server's mask; bits without a name are left out. */
export function serverNamesIn(mask: bigint): ReadonlySet<ServerCapabilityName> {
  return new Set(serverCapabilityNames.filter((name) => (mask & serverCapabilityTable[name]) !== 0n));
}

/** The names of an agent's mask. */
export function namesIn(mask: bigint): ReadonlySet<CapabilityName> {
  return new Set(capabilityNames.filter((name) => has(mask, name)));
}

/** The mask of these capabilities; `reportsStatus` is always in it (CAP-03). */
export function maskOf(names: Iterable<CapabilityName>): bigint {
  let mask: bigint = capabilityTable.reportsStatus.bit;
  for (const name of names) mask |= capabilityTable[name].bit;
  return mask;
}

/**
 * The parts that may be sent: declared by the agent, and not missing from what the server declared.
 *
 * @param server what the server declared, 0 while it has not: then everything may be sent (D9)
 */
export function allowedParts(agent: bigint, server: bigint): PartSet {
  let allowed = Part.every;
  for (const row of rows) {
    if (row.part === undefined) continue;
    const declared = (agent & row.bit) !== 0n;
    const taken = server === 0n || row.server === undefined || (server & row.server) !== 0n;
    if (!declared || !taken) allowed &= ~row.part;
  }
  return allowed;
}
