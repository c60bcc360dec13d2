/** A rule of an allow list, taken apart: `*` within a part stands for any text in it, `**` alone for any number of parts. */
export type Pattern = readonly (RegExp | "**")[];

/** Takes a rule apart. @param separator what stands between its parts */
export function patternOf(rule: string, separator: "." | "/"): Pattern {
  return rule.split(separator).map((part) => (part === "**" ? "**" : partOf(part)));
}

function partOf(part: string): RegExp {
  const literal = part.split("*").map((text) => text.replaceAll(/[.*+?^${}()|[\]\\/]/g, "\\$&"));
  return new RegExp(`^${literal.join("[^]*")}$`, "u");
}

/** Whether a rule names something, from its first part to its last. */
export function matches(pattern: Pattern, parts: readonly string[]): boolean {
  // How many parts the rule so far can stand for; each once, however many `**` there are.
  let reached = new Set([0]);
  for (const part of pattern) {
    const next = new Set<number>();
    for (const count of reached) {
      const text = parts[count];
      if (part === "**") for (let more = count; more <= parts.length; more += 1) next.add(more);
      else if (text !== undefined && part.test(text)) next.add(count + 1);
    }
    reached = next;
  }
  return reached.has(parts.length);
}
