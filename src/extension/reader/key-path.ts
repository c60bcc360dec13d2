import { kindOf } from "../../base/checks.js";
import { createRedactor } from "../../diagnostics/redactor.js";

const { text: withoutSecrets } = createRedactor();

/** The keys that lead to a value. */
export type KeyPath = readonly (string | number)[];

/** Where something stands in a text; both begin at 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** ` (line 3, column 5)`; empty where that is not known. */
export function placeText(position: Position | undefined): string {
  return position === undefined ? "" : ` (line ${position.line}, column ${position.column})`;
}

/**
 * A path as one would write it: `extensions.opamp/edge.server.ws.headers["X Tenant"]`. Where a colon was forgotten, as in
 * `Authorization Bearer abc`, a key has a secret in it.
 */
export function pathText(path: KeyPath): string {
  if (path.length === 0) return "config";
  const steps = path.map((key) => {
    return typeof key === "string" && /^[\w/-]+$/.test(key)
      ? `.${key}`
      : `[${typeof key === "string" ? withoutSecrets(JSON.stringify(key)) : key}]`;
  });
  return steps.join("").replace(/^\./, "");
}

const WORDS = new Map([
  ["string", "text"],
  ["number", "a number"],
  ["bigint", "a number"],
  ["boolean", "a truth value"],
  ["object", "a map"],
  ["null", "nothing"],
  ["undefined", "nothing"],
]);

/** What a value is, in YAML terms, without the value itself. */
export function typeName(value: unknown): string {
  return Array.isArray(value) ? "a list" : (WORDS.get(kindOf(value)) ?? kindOf(value));
}
