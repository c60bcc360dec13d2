import type { FleetNames } from "./identity.js";

/** What happens to agents by itself: the share of the fleet that each happens to in a minute, from 0 up. */
export interface Happenings {
  /** Agents that become unhealthy, or healthy again. */
  healthChanges: number;
  /** Agents that end in an orderly way and come back with the same instance uid. */
  restarts: number;
  /** Connections that are cut. */
  breaks: number;
}

/** A fleet of agents with connections of their own. */
export interface FleetSettings extends FleetNames {
  /** What the result calls the run. */
  scenario: string;
  agents: number;
  /** From the first agent's start to the last one's, in milliseconds. */
  rampMs: number;
  /** From the last agent's start to the end, in milliseconds. */
  durationMs: number;
  /** Between heartbeats or polls, in milliseconds, unless the server sets another interval. */
  heartbeatMs: number;
  perMinute: Happenings;
  /** The share of offered configurations that fail, from 0 to 1. */
  failedOffers: number;
  /** How long it takes to apply an offered configuration, in milliseconds; each agent takes half to one and a half of it. */
  applyMs: number;
}
