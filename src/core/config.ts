import type { HeartbeatBounds, PingSetting } from "./link/keepalive.js";
import type { LinkTimes } from "./link/link.js";
import type { ApplyLimits, OfferRow } from "./offers/offer-row.js";
import type { Comparisons } from "./parts.js";

/** How other connection settings are tried. */
export interface SwitchLimits {
  /** How long they may take to be proved, in milliseconds. */
  verifyMs: number;
  /** How often in an hour the connection may be moved. */
  maxPerHour: number;
}

/** All that a core has to be told at the outset. */
export interface CoreConfig {
  /** 16 bytes. */
  instanceUid: Uint8Array;
  /** Ask the server for another uid (UID-04). */
  requestInstanceUid: boolean;
  /** The agent's capability mask. */
  capabilities: bigint;
  /** What the first report after a reconnect holds (D4). */
  reconnectReport: "changed" | "full";
  link: LinkTimes;
  apply: ApplyLimits;
  /** The kinds of offers there are. Default: remote config. */
  offers?: readonly OfferRow[];
  /** How other connection settings are tried. Default: they are not. */
  settings?: SwitchLimits;
  heartbeat: HeartbeatBounds;
  ping: PingSetting;
  /** How long a report waits for the effective config that belongs in it, in milliseconds. */
  effectiveConfigMs: number;
  /** How many custom messages may be under way. */
  maxCustomMessages: number;
  /** Where the jitter comes from: any whole number. */
  seed: number;
  same: Comparisons;
}
