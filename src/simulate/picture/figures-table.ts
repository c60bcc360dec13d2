import type { SimulationResult } from "../result.js";
import { numberText, runsOf } from "./series.js";

const GAP = "  ";

/** The figures of a result as a table of text, with a column for each run. */
export function figuresTable(result: SimulationResult): string {
  const runs = runsOf(result);
  const names = [...new Set(runs.flatMap(({ figures }) => figures.map(({ name }) => name)))];
  const rows = names.map((name) => {
    const found = runs.map(({ figures }) => figures.find((figure) => figure.name === name));
    const [first] = found.filter((figure) => figure !== undefined);
    const values = found.map((figure) => (figure === undefined ? "-" : numberText(figure.value)));
    return { name, values, unit: first?.unit ?? "", note: first?.note };
  });
  const head =
    runs.length > 1 ? [{ name: "", values: runs.map(({ scenario }) => scenario), unit: "", note: undefined }] : [];
  const all = [...head, ...rows];
  const nameWidth = Math.max(0, ...all.map(({ name }) => name.length));
  const widths = runs.map((_, column) => Math.max(...all.map(({ values }) => values[column]?.length ?? 0)));
  const lines = all.map(({ name, values, unit, note }) => {
    const cells = values.map((value, column) => value.padStart(widths[column] ?? 0)).join(GAP);
    const more = note === undefined ? unit : `${unit} (${note})`;
    return `${GAP}${name.padEnd(nameWidth)}${GAP}${cells}${GAP}${more}`.trimEnd();
  });
  return [titleOf(result), "", ...lines].join("\n");
}

function titleOf({ scenario, agents, seed }: SimulationResult): string {
  return `${scenario}: ${numberText(agents)} agents, seed ${seed}`;
}
