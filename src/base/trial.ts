/** How often a process may die of one offer before that offer is refused. */
export const MOST_CRASHES = 3;

/**
 * A change that is tried before it is kept, as data: for each phase, what may happen and where it leads.
 *
 * The caller saves the trial before acting on it, so that a restart finds what was under way.
 */
export const trialTransitions = {
  /** Nothing is under way: what was committed last is in use. */
  none: { offer: "candidate", fail: "none", died: "none" },
  /** The candidate is being prepared; what was committed is in use. */
  candidate: { offer: "candidate", begin: "trial", fail: "none", died: "candidate", exhausted: "none" },
  /** The candidate may be in use, and has not been proved. */
  trial: { offer: "candidate", commit: "none", fail: "reverting", died: "trial", exhausted: "reverting" },
  /** What was committed is being put back. */
  reverting: { reverted: "none", fail: "reverting", died: "reverting" },
} as const satisfies Record<string, Readonly<Record<string, string>>>;

/** How far a trial is. */
export type TrialPhase = keyof typeof trialTransitions;

type Step = { [P in TrialPhase]: keyof (typeof trialTransitions)[P] }[TrialPhase];

/** What happens to a trial. */
export type TrialEvent =
  /** Something new is to be tried. It replaces a candidate that was not kept. */
  | { readonly type: "offer"; readonly hash: string; readonly from: string; readonly to: string }
  /** `begin`: the candidate is about to be used. `died`: the process ended, and has started again. */
  | { readonly type: "begin" | "commit" | "fail" | "reverted" | "died" };

/** A change under way, and what is remembered of the last one. */
export interface Trial {
  readonly phase: TrialPhase;
  /** What to go back to; empty in the phase `none`. */
  readonly from: string;
  /** The candidate; empty in the phase `none`. */
  readonly to: string;
  /** Of the offer tried last, in hexadecimal digits. Empty: it cannot be told apart from others. */
  readonly hash: string;
  /** How often the process died of that offer. */
  readonly crashes: number;
}

/** Nothing is under way, and nothing is remembered. */
export const NO_TRIAL: Trial = { phase: "none", from: "", to: "", hash: "", crashes: 0 };

/** The trial after an event, or `undefined` where the event means nothing in its phase. */
export function nextTrial(trial: Trial, event: TrialEvent): Trial | undefined {
  const { type } = event;
  const phase = phaseAfter(trial.phase, type);
  if (phase === undefined) return undefined;
  switch (type) {
    case "offer": {
      if (isRefused(trial, event.hash)) return undefined;
      const crashes = isSame(trial, event.hash) ? trial.crashes : 0;
      return { phase, from: event.from, to: event.to, hash: event.hash, crashes };
    }
    case "died": {
      if (trial.phase === "none" || trial.phase === "reverting") return trial;
      const crashes = trial.crashes + 1;
      if (crashes < MOST_CRASHES) return { ...trial, phase, crashes };
      return settled({ ...trial, phase: trialTransitions[trial.phase].exhausted, crashes });
    }
    case "commit":
      return NO_TRIAL;
    case "begin":
    case "fail":
    case "reverted":
      return settled({ ...trial, phase });
    default:
      return event satisfies never;
  }
}

/** Whether the process died too often of an offer to try it again. Another offer in between clears that. */
export function isRefused(trial: Trial, hash: string): boolean {
  return isSame(trial, hash) && trial.crashes >= MOST_CRASHES;
}

function phaseAfter(phase: TrialPhase, step: Step): TrialPhase | undefined {
  const row: Partial<Record<Step, TrialPhase>> = trialTransitions[phase];
  return row[step];
}

function isSame(trial: Trial, hash: string): boolean {
  return hash !== "" && trial.hash === hash;
}

function settled(trial: Trial): Trial {
  if (trial.phase !== "none") return trial;
  return trial.crashes > 0 && trial.hash !== "" ? { ...trial, from: "", to: "" } : NO_TRIAL;
}
