/**
 * How far the connection is on its way to other settings, as data: for each stage, what may happen and where it leads.
 *
 * `docs/architecture.md` shows this table as a diagram generated from it.
 */
export const switchStages = {
  idle: { begin: "staging", full: "queued", resume: "proving" },
  /** It was moved too often in the last hour. */
  queued: { room: "staging", "given up": "idle" },
  /** The candidate is being stored. */
  staging: { stored: "telling", failed: "idle", "given up": "idle" },
  /** The server is told that the offer is being applied, before it is left. */
  telling: { told: "proving", "given up": "idle" },
  /** The server is being left, and the candidate dialled until its server has answered. */
  proving: { answered: "committing", failed: "idle", "given up": "idle" },
  /** What was accepted is being stored; another offer may come before it is. */
  committing: { stored: "idle", failed: "idle", "given up": "idle", begin: "staging", full: "queued" },
} as const satisfies Record<string, Readonly<Record<string, string>>>;

/** A stage on the way to other settings. */
export type Stage = keyof typeof switchStages;

/** What leads from one stage to another. */
export type StageEvent = { [S in Stage]: keyof (typeof switchStages)[S] }[Stage];

/** The stage that follows; the same where the event means nothing in this one. */
export function stageAfter(stage: Stage, event: StageEvent): Stage {
  const row: Partial<Record<StageEvent, Stage>> = switchStages[stage];
  return row[event] ?? stage;
}
