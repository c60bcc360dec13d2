import type { LinkTimes } from "./link.js";
import type { ApplyLimits } from "./offers/apply.js";
import type { SamePart } from "./parts.js";
import type { PingSetting } from "./pulse.js";

/** How the heartbeat interval is found, in milliseconds (D8). */
export interface HeartbeatBounds {
  /** Until the server offers another one. */
  intervalMs: number;
  /** The shortest interval that a server can impose. */
  minMs: number;
  /** The longest; a finite one also keeps the server from turning heartbeats off. */
  maxMs: number;
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
  heartbeat: HeartbeatBounds;
  ping: PingSetting;
  /** How long a report waits for the effective config that belongs in it, in milliseconds. */
  effectiveConfigMs: number;
  /** How many custom messages may be under way. */
  maxCustomMessages: number;
  /** Where the jitter comes from: any whole number. */
  seed: number;
  same: SamePart;
}
