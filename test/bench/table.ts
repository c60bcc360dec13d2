import type { Comparison, Verdict } from "./comparison.js";
import type { Spread } from "./cpu-profile.js";
import type { Count } from "./section.js";

const ROWS_OF_A_SPREAD = 14;

/** The comparisons as aligned lines. */
export function formatTable(comparisons: readonly Comparison[]): string {
  const head = ["measure", "ours", "against", "", "ratio", "rounds", "target", "", ""];
  const rows = comparisons.map((row, index) => {
    const repeated = comparisons[index - 1]?.measure === row.measure;
    const [least, most] = row.ratioRange;
    return [
      repeated ? "" : row.measure,
      repeated ? "" : `${number(row.ours)} ${row.unit}`.trim(),
      row.against,
      `${number(row.theirs)} ${row.unit}`.trim(),
      row.ratio.toFixed(2),
      `${least.toFixed(2)}-${most.toFixed(2)}`,
      row.target ?? "",
      row.verdict === undefined ? "" : shown(row.verdict),
      row.note ?? "",
    ];
  });
  return align([head, ...rows], new Set([1, 3, 4]));
}

/** The counts as aligned lines. */
export function formatCounts(counts: readonly Count[]): string {
  const rows = counts.map(({ measure, value, unit, limit, note }) => {
    const [counted, most] = [value, limit].map((each) => each.toLocaleString("en-US"));
    return [measure, `${counted} ${unit}`, `<= ${most}`, shown(value <= limit ? "reached" : "missed"), note];
  });
  return align([["measure", "counted", "limit", "", ""], ...rows], new Set([1, 2]));
}

/** Several spreads side by side, the largest places first. */
export function formatSpread(title: string, spreads: Readonly<Record<string, Spread>>): string {
  const names = Object.keys(spreads);
  const places = new Set(names.flatMap((name) => [...(spreads[name]?.keys() ?? [])]));
  const value = (name: string, place: string): number => spreads[name]?.get(place) ?? 0;
  const most = (place: string): number => Math.max(...names.map((name) => Math.abs(value(name, place))));
  const shown = [...places].sort((a, b) => most(b) - most(a)).slice(0, ROWS_OF_A_SPREAD);
  const sum = (name: string): number => [...(spreads[name]?.values() ?? [])].reduce((total, each) => total + each, 0);
  const rows = shown.map((place) => [place, ...names.map((name) => number(value(name, place)))]);
  const table = [["", ...names], ...rows, ["everything", ...names.map((name) => number(sum(name)))]];
  return `${title}\n${align(table, new Set(names.map((_, index) => index + 1)))}`;
}

function shown(verdict: Verdict): string {
  return verdict === "missed" ? "MISSED" : verdict;
}

function number(value: number): string {
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString("en-US");
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

function align(rows: readonly (readonly string[])[], right: ReadonlySet<number>): string {
  const columns = rows[0]?.map((_, column) => column) ?? [];
  const widths = columns.map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    columns.map((column) => {
      const cell = row[column] ?? "";
      const width = widths[column] ?? 0;
      return right.has(column) ? cell.padStart(width) : cell.padEnd(width);
    }),
  );
  return lines.map((cells) => cells.join("  ").trimEnd()).join("\n");
}
