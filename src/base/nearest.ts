/** Farther than this, two names have nothing to do with each other. */
const FARTHEST = 3;

/** The known name that a slip of the pen was meant to be, if one is near enough; case and separators do not count. */
export function nearest(given: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Math.min(FARTHEST, Math.floor(given.length / 2)) + 1;
  for (const name of known) {
    if (Math.abs(plain(given).length - plain(name).length) > FARTHEST) continue;
    const distance = editDistance(plain(given), plain(name));
    if (distance < least) [best, least] = [name, distance];
  }
  return best;
}

/** How many characters are put in, taken out or replaced, and neighbours swapped, to make one text of the other. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1];
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current[column] = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
        swapped ? (beforeLast[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    [beforeLast, last] = [last, current];
  }
  return last[b.length] ?? 0;
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[_-]/g, "");
}
