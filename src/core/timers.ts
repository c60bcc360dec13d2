import type { OfferKind } from "./io.js";

/** A length of time without end, or a time that never comes. */
export const NEVER = Number.POSITIVE_INFINITY;

/** When something comes due, in milliseconds on the core's clock; `undefined` for never. */
type Deadline = number | undefined;

/** What can come due on a connection. */
export type ConnectionTimers = ReturnType<typeof connectionTimers> & {
  /** Other settings have had their time to be proved, or may be tried now. Most connections never have any. */
  settings?: Deadline;
};

export function connectionTimers() {
  const never = undefined as Deadline;
  return {
    /** The dialled connection is not open. */
    connect: never,
    /** A transport that dials for each exchange has no connection for this one. */
    dial: never,
    /** A message that needs an answer has none. */
    answer: never,
    /** The orderly end of the connection takes too long. */
    close: never,
    /** The wait before the next dial is over. */
    retry: never,
    /** A heartbeat, or a poll. */
    heartbeat: never,
    /** The peer was silent: it is pinged, or given up. */
    silence: never,
  };
}

/** What can come due for an agent; and for each kind of offers, that its handler had its time. */
export type AgentTimers = { [K in OfferKind]?: Deadline } & {
  /** Reports no longer wait for the effective config. */
  effectiveConfig: Deadline;
  /** A custom message has waited long enough. */
  customMessage?: Deadline;
  /** A full report that was held back may leave. */
  fullState?: Deadline;
};

export function agentTimers(): AgentTimers {
  return { effectiveConfig: undefined };
}
