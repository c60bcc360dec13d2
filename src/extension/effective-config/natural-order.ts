const RUN = /\p{Nd}+|[^\p{Nd}]/gu;

/**
 * The order of the Collector's YAML writer: numbers in names by their value, letters after signs and digits; but right after
 * a number before them.
 *
 * @returns below 0 if `a` comes first, above 0 if `b` does, 0 only for equal names
 */
export function naturalOrder(a: string, b: string): number {
  const [runsA, runsB] = [a.match(RUN) ?? [], b.match(RUN) ?? []];
  for (const [index, runA] of runsA.entries()) {
    const runB = runsB[index];
    if (runB === undefined) return 1;
    if (runA !== runB) return compareRuns(runA, runB, index > 0 && isNumber(runsA[index - 1] ?? ""));
  }
  return runsA.length - runsB.length;
}

function compareRuns(a: string, b: string, afterNumber: boolean): number {
  const letterA = /\p{L}/u.test(a);
  if (letterA !== /\p{L}/u.test(b)) return letterA === afterNumber ? -1 : 1;
  // A sign is a number without digits.
  const [digitsA, digitsB] = [isNumber(a) ? a : "", isNumber(b) ? b : ""];
  const byValue = Number(digitsA) - Number(digitsB) || digitsA.length - digitsB.length;
  return byValue || (a.codePointAt(0) ?? 0) - (b.codePointAt(0) ?? 0);
}

function isNumber(run: string): boolean {
  return /^\p{Nd}/u.test(run);
}
