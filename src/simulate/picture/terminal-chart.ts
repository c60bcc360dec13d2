import type { SimulationResult } from "../result.js";
import { type Line, numberText, type Panel, type Picture, pictureOf, timeText } from "./series.js";

/** What the terminal can show. */
export interface TerminalChartOptions {
  /** The width of the terminal, in characters. */
  columns: number;
  /** Whether only ASCII characters may be used. */
  ascii: boolean;
}

interface Glyphs {
  /** From empty to full, in even steps. */
  fill: readonly string[];
  axis: string;
  tick: string;
  corner: string;
  line: string;
  mark: string;
}

const BLOCKS: Glyphs = { fill: [..." ▁▂▃▄▅▆▇█"], axis: "│", tick: "┤", corner: "└", line: "─", mark: "┴" };
const ASCII: Glyphs = { fill: [..." .:#"], axis: "|", tick: "+", corner: "+", line: "-", mark: "+" };

const MIN_COLUMNS = 40;
const MAX_COLUMNS = 120;
const ROWS = 10;
/** For what only rises and falls slowly, and for many runs one below the other. */
const FEW_ROWS = 5;
/** Characters of the time axis for each moment that is named. */
const MARK_COLUMNS = 12;
const LABEL_COLUMNS = 9;

/**
 * Attempts per second and connected agents over time, as lines of text. Each run has a chart of its own, all with the same
 * axes.
 */
export function terminalChart(results: readonly SimulationResult[], options: TerminalChartOptions): string {
  const glyphs = options.ascii ? ASCII : BLOCKS;
  const width = Math.min(MAX_COLUMNS, Math.max(MIN_COLUMNS, options.columns)) - LABEL_COLUMNS - 2;
  const picture = pictureOf(results, width, Math.floor(width / MARK_COLUMNS));
  const charts = picture.panels.flatMap((panel, place) =>
    panel.lines.map((line) => {
      const rows = place === 0 && panel.lines.length === 1 ? ROWS : FEW_ROWS;
      return chartOf(panel, line, picture, glyphs, { rows, width });
    }),
  );
  return charts.join("\n\n");
}

function chartOf(
  { title, lines, scale }: Panel,
  { name, values }: Line,
  { seconds, times }: Picture,
  glyphs: Glyphs,
  { rows, width }: { rows: number; width: number },
): string {
  // A short run is stretched to the whole width.
  const heights = Array.from({ length: width }, (_, column) => {
    return scale.height(values[Math.floor((column * values.length) / width)] ?? 0) * rows;
  });
  const labels = new Map(scale.ticks.map((tick) => [Math.round(scale.height(tick) * rows), tick]));
  const text = [printable(lines.length === 1 ? title : `${name}: ${title}`, glyphs === ASCII)];
  for (let row = rows; row >= 1; row -= 1) {
    const tick = labels.get(row);
    const label = (tick === undefined ? "" : numberText(tick)).padStart(LABEL_COLUMNS);
    const bars = heights.map((height) => filling(height - (row - 1), glyphs.fill)).join("");
    text.push(`${label} ${tick === undefined ? glyphs.axis : glyphs.tick}${bars}`.trimEnd());
  }
  const axis = Array.from({ length: width }, () => glyphs.line);
  const names = Array.from({ length: width }, () => " ");
  for (const time of times) {
    const [column, label] = [Math.round((time / seconds) * width), timeText(time, seconds)];
    if (column + label.length > width) continue;
    axis[column] = glyphs.mark;
    names.splice(column, label.length, ...label);
  }
  text.push(`${"0".padStart(LABEL_COLUMNS)} ${glyphs.corner}${axis.join("")}`);
  text.push(`${" ".repeat(LABEL_COLUMNS + 2)}${names.join("")}`.trimEnd());
  return text.join("\n");
}

/** What fills a row up to a part of its height; whatever is there at all can be seen. */
function filling(part: number, fill: readonly string[]): string {
  const steps = fill.length - 1;
  const step = part <= 0 ? 0 : Math.min(steps, Math.max(1, Math.round(part * steps)));
  return fill[step] ?? " ";
}

/** Without what a terminal would take for an order. */
function printable(text: string, ascii: boolean): string {
  return text.replace(ascii ? /[^ -~]/g : /\p{Cc}/gu, "?");
}
