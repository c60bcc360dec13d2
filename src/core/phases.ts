/**
 * The life of the link as data: for each phase, what may happen and where it leads.
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
  /** Between links: backing off, or told to stay away. Nothing is sent. */
  waiting: { due: "connecting", stop: "stopped" },
  /** Saying goodbye: agent_disconnect, then Close, within a hard deadline. */
  closing: { left: "waiting", stop: "closing", closed: "stopped" },
  /** The end. */
  stopped: {},
} as const satisfies Record<string, Readonly<Record<string, string>>>;

/** Where the link stands. */
export type Phase = keyof typeof transitions;

/** What moves the link from one phase to another. */
export type LinkEvent = { [P in Phase]: keyof (typeof transitions)[P] }[Phase];

/** The phase that follows, or `undefined` where the event means nothing in this phase. */
export function next(phase: Phase, event: LinkEvent): Phase | undefined {
  const row: Partial<Record<LinkEvent, Phase>> = transitions[phase];
  return row[event];
}
