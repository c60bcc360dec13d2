import { isMap, isSet } from "node:util/types";
import type { Pair } from "yaml";
import { isRecord, kindOf } from "../../base/checks.js";
import { messageOf, OpAMPError } from "../../errors.js";
import { yaml } from "../reader/yaml-source.js";

/** How objects are written. */
export type ConfigFormat = "yaml" | "json";

const INDENT = 4;

/**
 * Configuration as it is sent: lists and records written out, in YAML with sorted keys as the Collector writes it.
 *
 * @param what how to name it in an error
 * @throws OpAMPError `ERR_OPAMP_HANDLER`
 */
export function configText(value: unknown, format: ConfigFormat, what: string): string {
  if (!isRecord(value) && !Array.isArray(value)) {
    const hint = "return an object, text or bytes";
    throw new OpAMPError("ERR_OPAMP_HANDLER", `${what} gave ${kindOf(value)}`, { hint });
  }
  try {
    return format === "json" ? `${JSON.stringify(value, (_, inner: unknown) => jsonValue(inner), 2)}\n` : yamlOf(value);
  } catch (cause) {
    const problem = `${what} gave what cannot be written as ${format}: ${messageOf(cause)}`;
    throw new OpAMPError("ERR_OPAMP_HANDLER", problem, { hint: "return plain values", cause });
  }
}

/** What JSON has no words for, as in YAML; it would leave maps and sets empty. */
function jsonValue(value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (isMap(value)) return Object.fromEntries(value);
  return isSet(value) ? [...value] : value;
}

function yamlOf(value: unknown): string {
  return yaml().stringify(value, {
    indent: INDENT,
    lineWidth: 0,
    aliasDuplicateObjects: false,
    sortMapEntries: (a, b) => naturalOrder(keyText(a), keyText(b)),
    // Quotes what readers of the older YAML would take for something else, such as "yes".
    compat: "yaml-1.1",
  });
}

function keyText({ key }: Pair): string {
  const isScalar = typeof key === "object" && key !== null && "value" in key;
  return String(isScalar ? key.value : key);
}

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
