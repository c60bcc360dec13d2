/**
 * The life of the connection as data: for each phase, what may happen and where it leads.
 *
 * `docs/architecture.md` shows this table as a diagram generated from it.
 */
export const transitions = {
  /** Made, not started. */
  idle: { start: "connecting", stop: "stopped" },
  /** Dialling; on HTTP this takes no time, the first exchange is the dial. */
  connecting: { opened: "reporting", lost: "waiting", stop: "closing" },
  /** The first report is due or under way; ends with the first answer (STATUS-01). */
  reporting: { answered: "online", silent: "online", lost: "waiting", leave: "closing", stop: "closing" },
  /** The server has the report, or keeps silent on a live connection (D18). */
  online: { answered: "online", lost: "waiting", leave: "closing", stop: "closing" },
  /** Between connections: backing off, or asked to stay away. On HTTP a last request can leave after a failure. */
  waiting: { due: "connecting", leave: "closing", stop: "stopped" },
  /** The orderly end: agent_disconnect, then Close, within a hard deadline. */
  closing: { left: "waiting", stop: "closing", closed: "stopped" },
  /** The end. */
  stopped: {},
} as const satisfies Record<string, Readonly<Record<string, string>>>;

/**
 * Where the connection stands: `idle` before `start()`; `connecting` while the client dials; `reporting` until the first
 * report is answered; `online`; `waiting` before the next attempt; `closing` while agent_disconnect is on its way; and
 * `stopped` for good.
 */
export type Phase = keyof typeof transitions;

/** Where it can come to stand: nothing leads back to the beginning. */
export type LaterPhase = Exclude<Phase, "idle">;

/** What moves the connection from one phase to another. */
export type LinkEvent = { [P in Phase]: keyof (typeof transitions)[P] }[Phase];

/** The phase that follows, or `undefined` where the event means nothing in this phase. */
export function next(phase: Phase, event: LinkEvent): LaterPhase | undefined {
  const row: Partial<Record<LinkEvent, LaterPhase>> = transitions[phase];
  return row[event];
}

/** What one agent has said on the current connection, as data like {@link transitions}. */
export const presences = {
  /** There is no connection, or this agent has ended its part of it. */
  absent: { opened: "unreported" },
  /** The first report is due, or another one in place of a message that may have got lost. */
  unreported: { sent: "first", leave: "owing", pause: "leaving", lost: "absent" },
  /** The first report is the message put out last; it may turn out not to have left. */
  first: {
    sent: "reported",
    oversized: "unreported",
    stale: "unreported",
    leave: "owing",
    pause: "leaving",
    lost: "absent",
  },
  reported: { sent: "reported", stale: "unreported", leave: "owing", pause: "leaving", lost: "absent" },
  /** agent_disconnect is due, with all that is still to be reported. */
  owing: { sent: "gone", pause: "leaving", lost: "absent" },
  /** agent_disconnect is due, with nothing else: the server is busy, or the message was too large. */
  leaving: { sent: "gone", pause: "leaving", lost: "absent" },
  /** agent_disconnect has left. */
  gone: { oversized: "leaving", stale: "owing", closed: "absent", lost: "absent" },
} as const satisfies Record<string, Readonly<Record<string, string>>>;

/** What an agent has said on the current connection. */
export type Presence = keyof typeof presences;

/** What moves an agent's presence. */
export type PresenceEvent = { [P in Presence]: keyof (typeof presences)[P] }[Presence];

/** The presences that each phase allows. */
export const presencesIn: Readonly<Record<Phase, readonly Presence[]>> = {
  idle: ["absent"],
  connecting: ["absent"],
  reporting: ["unreported", "first", "reported"],
  online: ["unreported", "first", "reported"],
  waiting: ["absent"],
  closing: ["owing", "leaving", "gone", "absent"],
  stopped: ["absent"],
};

/** The presence that follows; the same where the event means nothing in this one. */
export function moved(presence: Presence, event: PresenceEvent): Presence {
  const row: Partial<Record<PresenceEvent, Presence>> = presences[presence];
  return row[event] ?? presence;
}
