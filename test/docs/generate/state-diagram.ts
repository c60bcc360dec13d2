/** For each state, what may happen and where it leads; the first state comes first. */
type Table = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** A table that the client runs on, as a Mermaid diagram. */
export function stateDiagram(table: Table): string {
  const lines = ["```mermaid", "stateDiagram-v2"];
  const [first] = Object.keys(table);
  if (first !== undefined) lines.push(`  [*] --> ${first}`);
  for (const [phase, row] of Object.entries(table)) {
    const byTarget = new Map<string, string[]>();
    for (const [event, target] of Object.entries(row)) byTarget.set(target, [...(byTarget.get(target) ?? []), event]);
    for (const [target, events] of byTarget) lines.push(`  ${phase} --> ${target}: ${events.join(", ")}`);
    if (byTarget.size === 0) lines.push(`  ${phase} --> [*]`);
  }
  return [...lines, "```"].join("\n");
}
