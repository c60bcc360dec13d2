import type { Comparison } from "./comparison.js";

/** What every measurement is told. */
export interface Bench {
  /** Go is there: its server drives, and its client joins. */
  withGo: boolean;
  /** Fewer and shorter rounds. */
  quick: boolean;
  /** Another checkout of this package, built, that is measured in the same rounds. */
  earlier: string | undefined;
  /** How often each subject has its turn; undefined leaves it to the measurement. */
  rounds: number | undefined;
}

/** The outcome of a group of measurements. */
export interface Section {
  comparisons: readonly Comparison[];
  /** Runs the same again under a profiler, and says in lines of text where time or memory goes. */
  explain(): Promise<string>;
}

/** A property of the source, the same on every machine. */
export interface Count {
  measure: string;
  value: number;
  unit: string;
  /** The most it may be. */
  limit: number;
  note: string;
  /** What was counted, line by line. */
  details: readonly string[];
}

/** Says on stderr what is going on. */
export function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}
