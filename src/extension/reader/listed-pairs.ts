import { isObject } from "../../base/checks.js";

/** How OTLP, and other parts of the Collector, write a pair as a map. */
const NAMES = ["key", "name"];
const VALUES = ["value", "string_value", "int_value", "double_value", "bool_value", "array_value"];

/** What to write in place of a map that was given as a list of its pairs, or of maps with one key each. */
export function listedAsPairs(value: unknown): string | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const items: readonly unknown[] = value;
  if (items.every(isPair)) return "write key: value for each, in lines of their own, in place of the list";
  const isOneKey = items.every((item) => isObject(item) && Object.keys(item).length === 1);
  return isOneKey ? "write key: value without a dash before it" : undefined;
}

function isPair(item: unknown): boolean {
  if (!isObject(item)) return false;
  const keys = Object.keys(item);
  return keys.some((key) => NAMES.includes(key)) && keys.every((key) => [...NAMES, ...VALUES].includes(key));
}
