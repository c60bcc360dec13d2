import { kindOf } from "../../base/option-path.js";

/** The keys that lead to a value. */
export type KeyPath = readonly (string | number)[];

/** A path as one would write it: `extensions.opamp/edge.server.ws.headers["X Tenant"]`. */
export function pathText(path: KeyPath): string {
  if (path.length === 0) return "config";
  const steps = path.map((key) => {
    return typeof key === "string" && /^[\w/-]+$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
  });
  return steps.join("").replace(/^\./, "");
}

/** What a value is, in the words of whoever writes YAML, without the value itself. */
export function typeName(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  switch (kindOf(value)) {
    case "string":
      return "text";
    case "number":
    case "bigint":
      return "a number";
    case "boolean":
      return "a truth value";
    case "object":
      return "a map";
    case "null":
    case "undefined":
      return "nothing";
    default:
      return kindOf(value);
  }
}
