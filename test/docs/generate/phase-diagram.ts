import { transitions } from "../../../src/core/phases.js";

/** The life of the link as a Mermaid diagram, drawn from the table that the client runs on. */
export function phaseDiagram(table: Readonly<Record<string, Readonly<Record<string, string>>>> = transitions): string {
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
