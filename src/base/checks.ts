import { isPromise } from "node:util/types";
import { OpAMPError } from "../errors.js";
import { nearest } from "./nearest.js";

/** The path of a member, as one would write it: `description.identifying["service.name"]`, `attributes["ports"][0]`. */
export function member(where: string, key: string | number): string {
  return `${where}[${JSON.stringify(key)}]`;
}

/** The ERR_OPAMP_OPTION that says what is wrong with the value at a path. */
export function wrongOption(where: string, problem: string): OpAMPError {
  return new OpAMPError("ERR_OPAMP_OPTION", `${where}: ${problem}`);
}

/** The ERR_OPAMP_OPTION for a value of the wrong kind, which is named and not shown. */
export function wrongKind(where: string, wanted: string, value: unknown): OpAMPError {
  return wrongOption(where, `must be ${wanted}, not ${kindOf(value)}`);
}

/** The text at a path; throws `ERR_OPAMP_OPTION` for anything else. */
export function text(where: string, value: unknown): string {
  if (typeof value !== "string") throw wrongKind(where, "a string", value);
  return value;
}

/** The ERR_OPAMP_OPTION for `new` of a class that only its `start` makes. */
export function notConstructed(name: string): OpAMPError {
  return new OpAMPError("ERR_OPAMP_OPTION", `new ${name}() does not start it`, {
    hint: `use \`await ${name}.start()\``,
  });
}

/** What a value is, in words for an error, without showing the value itself. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) {
    return String(value);
  }
  if (typeof value !== "object") {
    return typeof value;
  }
  if (isPromise(value)) return "a promise (is an await missing?)";
  const name: unknown = value.constructor?.name;
  return typeof name === "string" && name !== "" && name !== "Object" ? name : "object";
}

/** Whether a value is a promise, of whatever make. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return isPromise(value) || (isObject(value) && typeof value["then"] === "function");
}

/** Whether a value has named members: any object but a list. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a value is a record of free keys: an object made by a literal or without a prototype, of whatever realm. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) {
    return false;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Whether two records have the same keys, with values that are the same by what is given. */
export function sameEntries<T>(
  a: Readonly<Record<string, T>>,
  b: Readonly<Record<string, T>>,
  same: (a: T, b: T) => boolean,
): boolean {
  const entries = Object.entries(a);
  if (entries.length !== Object.keys(b).length) return false;
  return entries.every(([key, value]) => {
    const other = Object.hasOwn(b, key) ? b[key] : undefined;
    return other !== undefined && same(value, other);
  });
}

/** Options with every default in place. */
export type Complete<T> = { [K in keyof T]-?: Exclude<T[K], undefined> };

/** Options without those that are there and undefined. */
export function withoutUndefined<T extends object>(given: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as T;
}

/** Each throws `ERR_OPAMP_OPTION` naming the option at the path `where`, and what would be right. */

/** What can be written after a dot. Names of other programs may have hyphens, which would only look odd in brackets. */
const IDENTIFIER = /^[\w$-]+$/;

/** @param foreign what other programs call such options, in small letters without `_` and `-`, and what they are here */
export function refuseUnknown(
  where: string,
  given: object,
  known: Readonly<Record<string, unknown>>,
  foreign: Readonly<Record<string, string>> = {},
): void {
  for (const key of Object.keys(given)) {
    if (Object.hasOwn(known, key)) continue;
    const path = IDENTIFIER.test(key) ? [where, key].filter((part) => part !== "").join(".") : member(where, key);
    const plain = key.toLowerCase().replace(/[_-]/g, "");
    const meant = Object.hasOwn(foreign, plain) ? foreign[plain] : undefined;
    throw wrongOption(path, `is not an option${amongKnown(key, Object.keys(known), meant)}`);
  }
}

/** More than these are no help once the name that was meant is known. */
const SHORT_LIST = 10;

/** The end of a sentence about an unknown name: the name that was meant, if one is near, and else all that there are. */
export function amongKnown(given: string, known: readonly string[], foreign?: string): string {
  const withUnit = known.find((name) => name.toLowerCase() === `${given.toLowerCase()}ms`);
  const meant = foreign ?? withUnit ?? nearest(given, known);
  const list = `known are ${known.join(", ")}`;
  if (meant === undefined) return `; ${list}`;
  return `. Did you mean ${meant}?${known.length > SHORT_LIST ? "" : ` (${list})`}`;
}

export function checkOptions(where: string, given: unknown, known: Readonly<Record<string, unknown>>): void {
  if (!isObject(given) || isPromise(given)) throw wrongKind(where, "given an object", given);
  refuseUnknown(where, given, known);
}

export function durations<T extends { readonly [K in keyof T]: number }>(
  where: string,
  given: { readonly [K in keyof T]?: number | undefined } | undefined,
  defaults: T,
): T {
  if (given === undefined) return defaults;
  if (!isObject(given)) throw wrongKind(where, "an object", given);
  refuseUnknown(where, given, defaults);
  // A member that is there and undefined is not given either.
  const present = withoutUndefined<object>(given);
  for (const [key, value] of Object.entries(present)) checkDuration(`${where}.${key}`, value);
  return { ...defaults, ...present };
}

export function checkDuration(where: string, value: unknown): void {
  if (typeof value === "number" && value > 0) return;
  const given = typeof value === "number" ? value : kindOf(value);
  throw wrongOption(where, `must be milliseconds above 0, not ${given}`);
}

export function checkFinite(where: string, value: number): void {
  if (!Number.isFinite(value)) throw wrongOption(where, "must be finite, or there would be no next attempt");
}

export function count(where: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw wrongOption(where, "must be a whole number above 0");
}

export function flag(where: string, value: boolean | undefined): boolean {
  if (value !== undefined) checkFlag(where, value);
  return value ?? false;
}

export function checkFlag(where: string, value: unknown): asserts value is boolean {
  if (typeof value !== "boolean") throw wrongKind(where, "true or false", value);
}

export function oneOf<T extends string>(where: string, value: T | undefined, allowed: readonly [T, ...T[]]): T {
  if (value === undefined) return allowed[0];
  if (allowed.includes(value)) return value;
  throw wrongOption(where, `must be one of ${allowed.map((word) => JSON.stringify(word)).join(", ")}`);
}

export function checkFunction(where: string, value: unknown): void {
  if (value !== undefined && typeof value !== "function") throw wrongKind(where, "a function", value);
}

export function checkFunctions(where: string, value: unknown, names: readonly string[]): void {
  if (value === undefined) return;
  if (!isObject(value)) throw wrongKind(where, `an object with ${names.join(", ")}`, value);
  for (const name of names) {
    if (typeof value[name] !== "function") throw wrongKind(`${where}.${name}`, "a function", value[name]);
  }
}

/** Has what a call throws begin its stack at the caller of this function, which may be deep below where the check failed. */
export function fromCaller<T>(called: (...args: never[]) => unknown, call: () => T): T {
  try {
    return call();
  } catch (thrown) {
    if (thrown instanceof OpAMPError) Error.captureStackTrace(thrown, called);
    throw thrown;
  }
}

/** What a call gives; `otherwise` where it throws, whatever that is. */
export function attempt<T>(call: () => T): T | undefined;
export function attempt<T>(call: () => T, otherwise: T): T;
export function attempt<T>(call: () => T, otherwise?: T): T | undefined {
  try {
    return call();
  } catch {
    return otherwise;
  }
}
