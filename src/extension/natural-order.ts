const RUN = /\p{Nd}+|[^\p{Nd}]/gu;

/**
 * The order of the Collector's YAML writer: numbers in names by their value, letters after all else.
 *
 * @returns below 0 if `a` comes first, above 0 if `b` does, 0 only for equal names
 */
export function naturalOrder(a: string, b: string): number {
  const [ofA, ofB] = [a.match(RUN) ?? [], b.match(RUN) ?? []];
  for (const [index, runA] of ofA.entries()) {
    const runB = ofB[index];
    if (runB === undefined) return 1;
    if (runA !== runB) return compareRuns(runA, runB);
  }
  return ofA.length - ofB.length;
}

function compareRuns(a: string, b: string): number {
  const [letterA, letterB] = [/\p{L}/u.test(a), /\p{L}/u.test(b)];
  if (letterA !== letterB) return letterA ? 1 : -1;
  const [numberA, numberB] = [Number.parseInt(a, 10), Number.parseInt(b, 10)];
  if (Number.isNaN(numberA) || Number.isNaN(numberB)) return a < b ? -1 : 1;
  if (numberA !== numberB) return numberA - numberB;
  return a.length - b.length || (a < b ? -1 : 1);
}
