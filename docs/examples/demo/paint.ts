import { styleText } from "node:util";

const STYLES = {
  server: "cyan",
  first: "cyan",
  second: "magenta",
  agent: "green",
  demo: "yellow",
  detail: "dim",
  title: "bold",
  bad: "red",
} as const;
const isColored = process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined;

/** Colors text by its role, on a terminal. */
export function paint(role: string, text: string): string {
  const style = Object.entries(STYLES).find(([name]) => name === role)?.[1];
  return isColored && style !== undefined ? styleText(style, text) : text;
}
