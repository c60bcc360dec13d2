/** What replaces a part of a text. */
export interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** A text with parts of it replaced; of two edits at the same place the one that comes first in the list counts. */
export function splice(text: string, edits: readonly Edit[]): string {
  const pieces: string[] = [];
  let done = 0;
  for (const edit of edits.toSorted((a, b) => a.from - b.from)) {
    if (edit.from < done) continue;
    pieces.push(text.slice(done, edit.from), edit.text);
    done = edit.to;
  }
  pieces.push(text.slice(done));
  return pieces.join("");
}
