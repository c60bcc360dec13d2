import type { SecondOfReturn, SimulationResult } from "../result.js";

/** One run as a line: a value for each stretch of time. */
export interface Line {
  name: string;
  values: readonly number[];
}

/** What is drawn above one time axis. */
export interface Panel {
  /** What is drawn, with its unit. */
  title: string;
  lines: readonly Line[];
  scale: Scale;
}

/** How values become heights. */
export interface Scale {
  /** Values to be named on the axis, from the bottom up. */
  ticks: readonly number[];
  /** Where a value lies, from 0 at the bottom to 1 at the top. */
  height(value: number): number;
}

/** Everything that a picture shows. */
export interface Picture {
  panels: readonly Panel[];
  /** How long the time axis is, in seconds. */
  seconds: number;
  /** Moments to be named on the time axis, in seconds. */
  times: readonly number[];
}

/** A peak so many times the usual value would press everything else flat on a linear scale. */
const SPIKE = 20;
const STEPS: readonly number[] = [1, 2, 5, 10];
const TIME_STEPS: readonly number[] = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 86_400,
];

/** The runs that a result stands for: those inside it, or itself. */
export function runsOf(result: SimulationResult): readonly SimulationResult[] {
  return result.runs === undefined || result.runs.length === 0 ? [result] : result.runs;
}

/**
 * Results as panels that share one time axis.
 *
 * @param bins how many stretches of time there is room for; the most attempts of any second in a stretch count, so that no
 * peak is hidden
 * @param marks how many moments may be named on the time axis
 */
export function pictureOf(results: readonly SimulationResult[], bins: number, marks: number): Picture {
  const runs = results.flatMap(runsOf);
  const seconds = Math.max(1, ...runs.map(({ seconds: rows }) => (rows.at(-1)?.second ?? 0) + 1));
  const perBin = Math.ceil(seconds / bins);
  const count = Math.ceil(seconds / perBin);
  const attempts = runs.map((run) => lineOf(run, count, perBin, ({ attempts: made }, most) => Math.max(made, most)));
  const connected = runs.map((run) => lineOf(run, count, perBin, (row) => row.connected, true));
  const isLogarithmic = hasSpike(attempts.flatMap(({ values }) => values));
  const most = mostOf(connected, Math.max(1, ...runs.map(({ agents }) => agents)));
  return {
    panels: [
      {
        title: isLogarithmic ? "attempts per second (logarithmic)" : "attempts per second",
        lines: attempts,
        scale: isLogarithmic ? logarithmic(mostOf(attempts)) : linear(mostOf(attempts)),
      },
      { title: "agents connected", lines: connected, scale: linear(most) },
    ],
    seconds: count * perBin,
    times: timesOf(count * perBin, marks),
  };
}

/** @param lasts whether a stretch without any value has that of the one before */
function lineOf(
  { scenario, seconds }: SimulationResult,
  count: number,
  perBin: number,
  merge: (row: SecondOfReturn, before: number) => number,
  lasts = false,
): Line {
  const values: (number | undefined)[] = Array.from({ length: count });
  for (const row of seconds) {
    const bin = Math.floor(row.second / perBin);
    values[bin] = merge(row, values[bin] ?? 0);
  }
  let last = 0;
  const filled = values.map((value) => {
    last = value ?? (lasts ? last : 0);
    return last;
  });
  return { name: scenario, values: filled };
}

function mostOf(lines: readonly Line[], atLeast = 1): number {
  // Not spread into one call: a line may have very many values.
  return lines.reduce((most, { values }) => values.reduce((one, other) => Math.max(one, other), most), atLeast);
}

function hasSpike(values: readonly number[]): boolean {
  const some = values.filter((value) => value > 0).toSorted((one, other) => one - other);
  const [middle = 0, most = 0] = [some[Math.floor(some.length / 2)], some.at(-1)];
  return most > 100 && most > SPIKE * middle;
}

function linear(most: number): Scale {
  const rough = most / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, power * (STEPS.find((one) => one * power >= rough) ?? 10));
  const top = Math.ceil(most / step) * step;
  const ticks = Array.from({ length: Math.round(top / step) + 1 }, (_, index) => index * step);
  return { ticks, height: (value) => value / top };
}

/** From 0, which has a logarithm here, so that silence can be shown. */
function logarithmic(most: number): Scale {
  const decades = Math.ceil(Math.log10(most));
  const top = Math.log10(1 + 10 ** decades);
  const ticks = [0, ...Array.from({ length: decades + 1 }, (_, power) => 10 ** power)];
  return { ticks, height: (value) => Math.log10(1 + value) / top };
}

function timesOf(seconds: number, marks: number): readonly number[] {
  const step = TIME_STEPS.find((one) => seconds / one <= marks) ?? Math.ceil(seconds / marks);
  return Array.from({ length: Math.floor(seconds / step) + 1 }, (_, index) => index * step);
}

/** A number as people read it: `12,500`. The same on every machine. */
export function numberText(value: number): string {
  const [whole = "", fraction] = String(
    Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3)),
  ).split(".");
  const grouped = whole.replace(/\B(?=(?:\d{3})+$)/g, ",");
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/** A moment on a time axis that is so long. */
export function timeText(seconds: number, axisSeconds: number): string {
  if (axisSeconds <= 300) return `${seconds} s`;
  return axisSeconds <= 7_200 ? `${numberText(seconds / 60)} min` : `${numberText(seconds / 3_600)} h`;
}
