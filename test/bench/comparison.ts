/** What a measure is to reach. */
export interface Target {
  /** As it is printed, such as ">= 0.7". */
  text: string;
  isMet(comparison: { ours: number; theirs: number; ratio: number }): boolean;
}

/** `unclear`: the target lies within the spread of the rounds, so that another run may say the opposite. */
export type Verdict = "reached" | "missed" | "unclear";

/** One measure of ours beside that of somebody else, taken in the same rounds. */
export interface Comparison {
  measure: string;
  unit: string;
  /** Medians over the rounds. */
  ours: number;
  against: string;
  theirs: number;
  /** Ours divided by theirs: the median over the rounds, and the least and the most. */
  ratio: number;
  ratioRange: readonly [number, number];
  /** Undefined where nothing is aimed at. */
  target: string | undefined;
  verdict: Verdict | undefined;
  /** What else one has to know to read the numbers. */
  note: string | undefined;
}

/** What is compared with whom. */
export interface Subject {
  measure: string;
  unit: string;
  against: string;
  target?: Target | undefined;
  note?: string | undefined;
}

/** At least this ratio. */
export function atLeast(ratio: number): Target {
  return { text: `>= ${ratio}`, isMet: (comparison) => comparison.ratio >= ratio };
}

/** At most this ratio. */
export function atMost(ratio: number): Target {
  return { text: `<= ${ratio}`, isMet: (comparison) => comparison.ratio <= ratio };
}

/** Sets values of ours against theirs, round by round, so that what disturbs a round disturbs both. */
export function compare(
  { measure, unit, against, target, note }: Subject,
  ours: readonly number[],
  theirs: readonly number[],
): Comparison {
  const rounds = ours.flatMap((value, round) => {
    const other = theirs[round];
    return other === undefined ? [] : [{ ours: value, theirs: other, ratio: value / other }];
  });
  const ratios = rounds.map(({ ratio }) => ratio);
  const met = target && rounds.filter((round) => target.isMet(round)).length;
  const values = { ours: median(ours), theirs: median(theirs), ratio: median(ratios) };
  return {
    measure,
    unit,
    against,
    ...values,
    ratioRange: [Math.min(...ratios), Math.max(...ratios)],
    target: target?.text,
    verdict: met === undefined ? undefined : met === rounds.length ? "reached" : met === 0 ? "missed" : "unclear",
    note,
  };
}

/** The middle value, or the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.slice(Math.ceil(sorted.length / 2) - 1, Math.floor(sorted.length / 2) + 1);
  return middle.reduce((sum, value) => sum + value, 0) / middle.length;
}
