import type { NetworkFlags } from "./network-options.js";

/** What the result is to be shown as. */
export interface OutputFlags {
  json?: true;
  svg?: string;
  force?: true;
  ascii?: true;
}

/** What a simulation on virtual time is told. */
export interface VirtualFlags {
  agents: number;
  seed: number;
  scenario: string;
  policy: readonly string[];
  down?: number;
  capacity?: number;
}

/** What a simulation with connections is told; times are in seconds, shares from 0 to 1. */
export interface SocketFlags extends NetworkFlags {
  agents: number;
  seed: number;
  url: string;
  ramp?: number;
  duration: number;
  heartbeat: number;
  attribute?: Record<string, string>;
  zones: number;
  versions: readonly string[];
  healthChanges: number;
  restarts: number;
  breaks: number;
  failConfig: number;
  configDelay: number;
  allowPublicServer?: true;
}

/** As commander gives them: what is not on the command line and has no default is left out. */
export interface SimulateFlags extends OutputFlags, VirtualFlags, SocketFlags {
  list?: true;
}
