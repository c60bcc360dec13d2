import { readFileSync } from "node:fs";
import { connectionKeys } from "../../extension/config/connection-keys.js";
import { extensionKeys } from "../../extension/config/extension-keys.js";
import { agentKeys } from "./agent-keys.js";

const AUTH = /^\w+(?:auth|client|setter)\./;

/** The keys of the Collector's extension, as a table. */
export function extensionTable(): string {
  return keyTable(extensionKeys.filter(({ key }) => !AUTH.test(key)));
}

/** The keys of its auth extensions, as a table. */
export function authTable(): string {
  return keyTable(extensionKeys.filter(({ key }) => AUTH.test(key)));
}

/** The keys of `opamp agent` besides these, as a table. */
export function agentTable(): string {
  return meaningTable(agentKeys);
}

/** The keys of the section `connection_settings`, as a table. */
export function connectionTable(): string {
  return meaningTable(connectionKeys);
}

function meaningTable(keys: readonly (typeof agentKeys)[number][]): string {
  const rows = keys.map((one) => [`\`${one.key}\``, one.type, one.default, one.meaning]);
  return table(["key", "type", "default", "meaning"], rows);
}

/** A file of docs/examples/agent, as a block. */
export function agentExample(file: string, language: string): string {
  const text = readFileSync(new URL(`../../../docs/examples/agent/${file}`, import.meta.url), "utf8");
  return `\`\`\`${language}\n${text.trimEnd()}\n\`\`\``;
}

function keyTable(keys: typeof extensionKeys): string {
  const rows = keys.map((one) => [`\`${one.key}\``, one.type, one.default, one.difference ?? "the same"]);
  return table(["key", "type", "default", "here"], rows);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
