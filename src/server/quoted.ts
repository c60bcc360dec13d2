import { oneLine } from "../diagnostics/one-line.js";
import { createRedactor } from "../diagnostics/redactor.js";

const LONGEST_TEXT = 200;

const redactor = createRedactor();

/** A text on one line, without secrets. */
export function scrubbed(text: string): string {
  return oneLine(text, (given) => redactor.text(given));
}

/** A text of somebody else, fit for an outline: one line, not long, without secrets. */
export function quoted(text: string): string {
  const line = scrubbed(text);
  return JSON.stringify(line.length > LONGEST_TEXT ? `${line.slice(0, LONGEST_TEXT)}...` : line);
}
