import type { CapabilityName } from "../../core/capabilities.js";
import type { ConnectionSettingsOptions } from "../connection-options.js";

/** The kinds of connections besides the agent's own, by the names of their handlers. */
export type PartKind = "ownMetrics" | "ownTraces" | "ownLogs" | "other";

/** The handlers that a host has given. */
export type PartHandlers = Readonly<Pick<ConnectionSettingsOptions, PartKind>>;

/** What there is to know of each kind, in the order in which they are applied. */
export const partKinds: Readonly<Record<PartKind, { capability: CapabilityName; called: string }>> = {
  ownMetrics: { capability: "reportsOwnMetrics", called: "own_metrics" },
  ownTraces: { capability: "reportsOwnTraces", called: "own_traces" },
  ownLogs: { capability: "reportsOwnLogs", called: "own_logs" },
  other: { capability: "acceptsOtherConnectionSettings", called: "other_connections" },
};

export const partKindNames = Object.keys(partKinds) as readonly PartKind[];

const LONGEST_NAME = 64;

/** What tells a connection from all others. */
export function keyOf(kind: string, name: string | undefined): string {
  return JSON.stringify([kind, name]);
}

/** A connection as a server calls it. */
export function calledBy(kind: PartKind, name: string | undefined): string {
  const { called } = partKinds[kind];
  return name === undefined ? called : `${called}[${JSON.stringify(name.slice(0, LONGEST_NAME))}]`;
}
