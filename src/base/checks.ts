import { isOptions, kindOf, withoutUndefined, wrongOption } from "./option-path.js";

/** Each throws `ERR_OPAMP_OPTION` naming the option at the path `where`, and what would be right. */

export function refuseUnknown(where: string, given: object, known: Readonly<Record<string, unknown>>): void {
  for (const key of Object.keys(given)) {
    if (Object.hasOwn(known, key)) continue;
    const path = where === "" ? key : `${where}.${key}`;
    throw wrongOption(path, `is not an option; known are ${Object.keys(known).join(", ")}`);
  }
}

export function checkOptions(where: string, given: unknown, known: Readonly<Record<string, unknown>>): void {
  if (!isOptions(given)) throw wrongOption(where, `must be given an object, not ${kindOf(given)}`);
  refuseUnknown(where, given, known);
}

export function durations<T extends { readonly [K in keyof T]: number }>(
  where: string,
  given: { readonly [K in keyof T]?: number } | undefined,
  defaults: T,
): T {
  if (given === undefined) return defaults;
  if (!isOptions(given)) throw wrongOption(where, `must be an object, not ${kindOf(given)}`);
  refuseUnknown(where, given, defaults);
  // A member that is there and undefined is not given either.
  const present = withoutUndefined<object>(given);
  for (const [key, value] of Object.entries(present)) {
    if (typeof value !== "number" || Number.isNaN(value) || value <= 0) {
      throw wrongOption(
        `${where}.${key}`,
        `must be milliseconds above 0, not ${kindOf(value) === "number" ? value : kindOf(value)}`,
      );
    }
  }
  return { ...defaults, ...present };
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

export function checkFlag(where: string, value: unknown): void {
  if (typeof value !== "boolean") throw wrongOption(where, `must be true or false, not ${kindOf(value)}`);
}

export function oneOf<T extends string>(where: string, value: T | undefined, allowed: readonly [T, ...T[]]): T {
  if (value === undefined) return allowed[0];
  if (allowed.includes(value)) return value;
  throw wrongOption(where, `must be one of ${allowed.map((word) => JSON.stringify(word)).join(", ")}`);
}

export function checkFunction(where: string, value: unknown): void {
  if (value !== undefined && typeof value !== "function") {
    throw wrongOption(where, `must be a function, not ${kindOf(value)}`);
  }
}

export function checkFunctions(where: string, value: unknown, names: readonly string[]): void {
  if (value === undefined) return;
  if (!isOptions(value)) throw wrongOption(where, `must be an object with ${names.join(", ")}, not ${kindOf(value)}`);
  for (const name of names) {
    if (typeof value[name] !== "function")
      throw wrongOption(`${where}.${name}`, `must be a function, not ${kindOf(value[name])}`);
  }
}
