import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { switchStages } from "../../../src/core/move/switch-stages.js";
import { transitions } from "../../../src/core/phases.js";
import { wantedDifferencesTable } from "../../interop/collector/wanted-differences.js";
import { agentExample, agentTable, authTable, connectionTable, extensionTable } from "./config-tables.js";
import { conformance } from "./conformance.js";
import { simulateTables } from "./simulate-options.js";
import { stateDiagram } from "./state-diagram.js";

/** A document that is generated, or has a generated section. */
interface GeneratedDoc {
  /** Path from the project's root. */
  path: string;
  /** What the file should say, given what it says. */
  render(current: string): string;
}

/** What `npm run docs` writes and a test compares. */
export const generatedDocs: readonly GeneratedDoc[] = [
  { path: "docs/conformance.md", render: () => conformance() },
  {
    path: "docs/architecture.md",
    render: (current) =>
      withSections(current, { phases: stateDiagram(transitions), stages: stateDiagram(switchStages) }),
  },
  {
    path: "docs/coming-from-the-collector.md",
    render: (current) =>
      withSections(current, {
        "extension-keys": extensionTable(),
        "auth-keys": authTable(),
        "connection-keys": connectionTable(),
        "collector-differences": wantedDifferencesTable(),
      }),
  },
  { path: "docs/simulate.md", render: (current) => withSections(current, simulateTables) },
  {
    path: "docs/agent.md",
    render: (current) =>
      withSections(current, {
        "agent-keys": agentTable(),
        "connection-keys": connectionTable(),
        "agent-file": agentExample("opamp.yaml", "yaml"),
        "agent-unit": agentExample("opamp-agent.service", "ini"),
        "agent-image": agentExample("Dockerfile", "dockerfile"),
        "agent-compose": agentExample("compose.yaml", "yaml"),
        "agent-pod": agentExample("pod.yaml", "yaml"),
      }),
  },
];

/** Where a document lies. */
export function placeOf(doc: GeneratedDoc): string {
  return resolve(import.meta.dirname, "../../..", doc.path);
}

/** What a document says now; nothing if there is none. */
export function currentText(doc: GeneratedDoc): string {
  try {
    return readFileSync(placeOf(doc), "utf8");
  } catch {
    return "";
  }
}

function withSections(text: string, bodies: Readonly<Record<string, string>>): string {
  return Object.entries(bodies).reduce((current, [name, body]) => withSection(current, name, body), text);
}

/** A text with what stands between a section's two marker comments replaced. */
export function withSection(text: string, name: string, body: string): string {
  const [start, end] = [`<!-- generated: ${name} -->`, `<!-- end: ${name} -->`];
  const [before, rest] = text.split(start);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`the markers ${start} and ${end} are missing`);
  return `${before}${start}\n${body}\n${end}${after}`;
}
