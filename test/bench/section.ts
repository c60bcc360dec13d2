import type { Comparison } from "./comparison.js";

/** What every measurement is told. */
export interface Bench {
  /** Go is there: its server drives, and its client joins. */
  withGo: boolean;
  /** Fewer and shorter rounds. */
  quick: boolean;
}

/** The outcome of a group of measurements. */
export interface Section {
  comparisons: readonly Comparison[];
  /** Runs the same again under a profiler, and says in lines of text where time or memory goes. */
  explain(): Promise<string>;
}

/** Says on stderr what is going on. */
export function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}
