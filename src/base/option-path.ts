import { OpAMPError } from "../errors.js";

/** The path of a member, as one would write it: `description.identifying["service.name"]`, `attributes["ports"][0]`. */
export function member(where: string, key: string | number): string {
  return `${where}[${JSON.stringify(key)}]`;
}

/** The ERR_OPAMP_OPTION that says what is wrong with the value at a path. */
export function wrongOption(where: string, problem: string): OpAMPError {
  return new OpAMPError("ERR_OPAMP_OPTION", `${where}: ${problem}`);
}

/** The text at a path; throws `ERR_OPAMP_OPTION` for anything else. */
export function text(where: string, value: unknown): string {
  if (typeof value !== "string") throw wrongOption(where, `must be a string, not ${kindOf(value)}`);
  return value;
}

/** What a value is, in words for an error, without showing the value itself. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) {
    return String(value);
  }
  if (typeof value !== "object") {
    return typeof value;
  }
  const name: unknown = value.constructor?.name;
  return typeof name === "string" && name !== "" && name !== "Object" ? name : "object";
}

/** Whether a value may stand for a set of named options: any object but a list. */
export function isOptions(value: unknown): value is Readonly<Record<string, unknown>> {
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

/** Options without those that are there and undefined. */
export function withoutUndefined<T extends object>(given: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as T;
}
