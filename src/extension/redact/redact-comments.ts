import type { Piece } from "../reader/yaml-source.js";
import type { LineRedactor } from "./redact-lines.js";
import type { Edit } from "./splice.js";

/** What takes the secrets out of comments: settings that were commented out, lines that go on on the next. */
export function redactComments(text: string, comments: readonly Piece[], lines: LineRedactor): Edit[] {
  const edits: Edit[] = [];
  for (const run of runsOf(text, comments)) {
    const redacted = lines.lines(run.map(({ source }) => source));
    for (const [index, { offset, source }] of run.entries()) {
      const clean = redacted[index] ?? "#";
      if (clean !== source) edits.push({ from: offset, to: offset + source.length, text: clean });
    }
  }
  return edits;
}

/** Comments with nothing but white space in between belong together. */
function runsOf(text: string, comments: readonly Piece[]): Piece[][] {
  const runs: Piece[][] = [];
  let end = -1;
  for (const comment of comments) {
    const run = runs.at(-1);
    if (run !== undefined && text.slice(end, comment.offset).trim() === "") run.push(comment);
    else runs.push([comment]);
    end = comment.offset + comment.source.length;
  }
  return runs;
}
