import type { SimulationResult } from "../result.js";
import { type Line, numberText, type Panel, type Picture, pictureOf, timeText } from "./series.js";

/** The first comment in every picture, by which one that may be overwritten is known. */
export const SVG_MARK = "<!-- made by opamp simulate -->";

const WIDTH = 800;
const LEFT = 84;
const RIGHT = 16;
const PLOT = WIDTH - LEFT - RIGHT;
const HEAD = 44;
const LEGEND_ROW = 18;
const PANEL = 220;
/** Between two panels: the time axis of one, and the title of the next. */
const GAP = 64;
const MARKS = 10;
/** Told apart by dashes too, for those who see colours differently. */
const DASHES: readonly string[] = ["", "6 3", "2 3", "9 3 2 3"];
const LIGHT: readonly string[] = ["#0b62c4", "#c2410c", "#15803d", "#7e22ce", "#a16207", "#0e7490"];
const DARK: readonly string[] = ["#6cb6ff", "#ff9d5c", "#6fdd8b", "#d2a8ff", "#e3b341", "#56d4dd"];

const STYLE = [
  ".b{fill:#fff}.t{fill:#1f2328}.q{fill:#59636e}.g{stroke:#d1d9e0}.x{stroke:#59636e}",
  colours(LIGHT),
  `@media (prefers-color-scheme:dark){.b{fill:#0d1117}.t{fill:#f0f6fc}.q{fill:#9198a1}.g{stroke:#3d444d}.x{stroke:#9198a1}${colours(DARK)}}`,
].join("");

/**
 * Attempts per second and connected agents over time, as an SVG document: one line for each run, in the same two charts.
 * The same results make the same text.
 *
 * @param title what the picture is about; default: the scenario of the first result
 */
export function svgChart(results: readonly SimulationResult[], title = results[0]?.scenario ?? ""): string {
  const picture = pictureOf(results, PLOT, MARKS);
  const names = picture.panels[0]?.lines.map(({ name }) => name) ?? [];
  const legend = names.length > 1 ? names : [];
  const top = HEAD + legend.length * LEGEND_ROW;
  const height = top + picture.panels.length * (PANEL + GAP);
  const [attempts] = results;
  const about = attempts === undefined ? "" : `${numberText(attempts.agents)} agents, seed ${attempts.seed}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" font-family="system-ui,sans-serif" font-size="12">`,
    SVG_MARK,
    `<title>${escaped(title)}</title>`,
    `<style>${STYLE}</style>`,
    `<rect class="b" width="${WIDTH}" height="${height}"/>`,
    words(LEFT, 20, "t", title, 'font-size="15" font-weight="600"'),
    words(WIDTH - RIGHT, 20, "q", about, 'text-anchor="end"'),
    ...legend.map((name, index) => {
      const y = HEAD + index * LEGEND_ROW;
      return `<path d="M${LEFT} ${y - 4}h28" ${stroke(index)}/>${words(LEFT + 36, y, "t", name)}`;
    }),
    ...picture.panels.map((panel, index) => panelText(panel, picture, top + GAP / 2 + index * (PANEL + GAP))),
    "</svg>",
    "",
  ].join("\n");
}

function panelText({ title, lines, scale }: Panel, { seconds, times }: Picture, top: number): string {
  const bottom = top + PANEL;
  const yOf = (value: number): number => bottom - scale.height(value) * PANEL;
  const xOf = (time: number): number => LEFT + (time / seconds) * PLOT;
  return [
    words(LEFT, top - 12, "t", title, 'font-weight="600"'),
    ...scale.ticks.map((tick) => {
      const y = yOf(tick);
      const line = `<path class="${tick === 0 ? "x" : "g"}" d="M${LEFT} ${short(y)}h${PLOT}"/>`;
      return line + words(LEFT - 8, y + 4, "q", numberText(tick), 'text-anchor="end"');
    }),
    ...times.map((time) => {
      const x = xOf(time);
      const anchor = x > WIDTH - RIGHT - 20 ? "end" : "middle";
      const mark = `<path class="x" d="M${short(x)} ${bottom}v5"/>`;
      return mark + words(x, bottom + 18, "q", timeText(time, seconds), `text-anchor="${anchor}"`);
    }),
    ...lines.map((line, index) => {
      const area = lines.length > 1 ? "" : `<path class="f" d="${stepsOf(line, yOf)}V${bottom}H${LEFT}z"/>`;
      return `${area}<path d="${stepsOf(line, yOf)}" ${stroke(index)}/>`;
    }),
  ].join("\n");
}

/** A line that stays level for as long as its value holds. */
function stepsOf({ values }: Line, yOf: (value: number) => number): string {
  const path: string[] = [];
  let last: string | undefined;
  for (const [index, value] of values.entries()) {
    const y = short(yOf(value));
    if (y === last) continue;
    const x = short(LEFT + (index / values.length) * PLOT);
    path.push(last === undefined ? `M${x} ${y}` : `H${x}V${y}`);
    last = y;
  }
  return `${path.join("")}H${WIDTH - RIGHT}`;
}

function words(x: number, y: number, style: string, text: string, more = ""): string {
  return `<text class="${style}" x="${short(x)}" y="${short(y)}"${more === "" ? "" : ` ${more}`}>${escaped(text)}</text>`;
}

function stroke(index: number): string {
  const dashes = DASHES[index % DASHES.length];
  const dashed = dashes === "" || dashes === undefined ? "" : ` stroke-dasharray="${dashes}"`;
  return `class="s${index % LIGHT.length}" fill="none" stroke-width="1.5"${dashed}`;
}

function colours(palette: readonly string[]): string {
  const lines = palette.map((colour, index) => `.s${index}{stroke:${colour}}`).join("");
  return `${lines}.f{fill:${palette[0] ?? ""};fill-opacity:.15}`;
}

function short(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** Without the characters that XML gives a meaning, and those that it does not allow. */
function escaped(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "?")
    .replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
