import { sha256 } from "../../base/bytes.js";
import type { ConnectionSettingsOffers } from "../../gen/opamp/v1/opamp_pb.js";
import { capabilityTable, has } from "../capabilities.js";
import type { Output } from "../io.js";
import type { OfferRow } from "./offer-row.js";
import type { Offers } from "./offers.js";

const { acceptsOpAMPConnectionSettings, acceptsOtherConnectionSettings } = capabilityTable;
const { reportsOwnTraces, reportsOwnMetrics, reportsOwnLogs } = capabilityTable;

/** Connection settings: for the connection itself, the agent's own telemetry and whatever else it connects to. */
export const connectionSettings: OfferRow = {
  kind: "connectionSettings",
  accepts:
    acceptsOpAMPConnectionSettings.bit |
    acceptsOtherConnectionSettings.bit |
    reportsOwnTraces.bit |
    reportsOwnMetrics.bit |
    reportsOwnLogs.bit,
  field: "connectionSettings",
  part: "connectionSettingsStatus",
  what: "connection settings",
  incomplete: "a connection settings hash without settings",
  changesEffectiveConfig: false,
  storedFirst: false,
  find({ connectionSettings: offer }) {
    if (offer === undefined) return undefined;
    const hash = new Uint8Array(offer.hash);
    const needs = needsOf(offer);
    if (needs === 0n) return { hash, offered: undefined };
    const digest = hash.length === 0 ? digestOf(offer) : undefined;
    return { hash, offered: { kind: "connectionSettings", hash, digest, offer }, needs };
  },
};

/**
 * The heartbeat interval in an offer, in seconds: it counts for an agent that sends heartbeats, also where it takes no
 * other settings for its connection (AMB-05). One that does looks at the interval together with the rest.
 *
 * @param declared the agent's capability mask
 */
export function intervalIn(
  { opamp }: ConnectionSettingsOffers,
  offers: Offers,
  declared: bigint,
  out: Output[],
): bigint | undefined {
  const isTaken = (declared & connectionSettings.accepts) !== 0n && offers.of("connectionSettings") !== undefined;
  if (isTaken && has(declared, "acceptsOpAMPConnectionSettings")) return undefined;
  if (opamp !== undefined && has(declared, "reportsHeartbeat")) return opamp.heartbeatIntervalSeconds;
  if (!isTaken) out.push({ type: "notice", notice: { kind: "ignored", what: connectionSettings.what } });
  return undefined;
}

/** A class that an agent has not declared has no effect (CONN-01). */
function needsOf({ opamp, ownMetrics, ownTraces, ownLogs, otherConnections }: ConnectionSettingsOffers): bigint {
  const hasOthers = Object.keys(otherConnections).length > 0;
  const classes = [
    [opamp !== undefined, acceptsOpAMPConnectionSettings],
    [ownMetrics !== undefined, reportsOwnMetrics],
    [ownTraces !== undefined, reportsOwnTraces],
    [ownLogs !== undefined, reportsOwnLogs],
    [hasOthers, acceptsOtherConnectionSettings],
  ] as const;
  return classes.reduce((mask, [isThere, { bit }]) => (isThere ? mask | bit : mask), 0n);
}

function digestOf({ hash: _none, ...settings }: ConnectionSettingsOffers): Uint8Array {
  return sha256(partsOf(settings));
}

/** All that a message says, in one order; each part tells where it ends. */
function partsOf(value: unknown): readonly (string | Uint8Array)[] {
  if (value instanceof Uint8Array) return ["bytes", value];
  if (Array.isArray(value)) return ["list", `${value.length}`, ...value.flatMap(partsOf)];
  if (typeof value !== "object" || value === null) return [typeof value, String(value)];
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  const sorted = members.sort(([a], [b]) => (a < b ? -1 : 1));
  return ["object", `${sorted.length}`, ...sorted.flatMap(([name, member]) => [name, ...partsOf(member)])];
}
