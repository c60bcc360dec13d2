import type { OfferKind } from "./io.js";

/** No deadline. */
export const NEVER = Number.POSITIVE_INFINITY;

/** What can come due on a connection: deadlines in milliseconds on the core's clock, `Infinity` for none. */
export type ConnectionTimers = {
  /** The dialled connection is not open. */
  connect: number;
  /** A transport that dials for each exchange has no connection for this one. */
  dial: number;
  /** A message that needs an answer has none. */
  answer: number;
  /** The orderly end of the connection takes too long. */
  close: number;
  /** The wait before the next dial is over. */
  retry: number;
  /** A heartbeat, or a poll. */
  heartbeat: number;
  /** The peer was silent: it is pinged, or given up. */
  silence: number;
};

/**
 * What can come due for an agent, in the same form, or not there for what never was due; and for each kind of offers,
 * that its handler had its time.
 */
export type AgentTimers = Partial<Record<OfferKind, number>> & {
  /** Reports no longer wait for the effective config. */
  effectiveConfig: number;
  /** A custom message has waited long enough. */
  customMessage?: number;
  /** A full report that was held back may leave. */
  fullState?: number;
};

export function connectionTimers(): ConnectionTimers {
  return { connect: NEVER, dial: NEVER, answer: NEVER, close: NEVER, retry: NEVER, heartbeat: NEVER, silence: NEVER };
}

export function agentTimers(): AgentTimers {
  return { effectiveConfig: NEVER };
}
