import { isDate, isPromise, isUint8Array } from "node:util/types";
import {
  checkFlag,
  checkFunction,
  fromCaller,
  isObject,
  kindOf,
  member,
  refuseUnknown,
  text,
  wrongKind,
  wrongOption,
} from "./checks.js";
import { isCustomCapability } from "./custom-capability.js";

/** Throws `ERR_OPAMP_OPTION` unless the value at a path is right. */
export type Rule = (where: string, value: unknown) => void;

/** A rule for each option that there is. */
export type RulesFor<Options> = Readonly<Record<keyof Options, Rule>>;

/**
 * Checks options by their rules; one that is `undefined` counts as not given.
 *
 * @param where the path of the options; empty for those whose names stand alone
 * @param needed those that must be given
 */
export function checkByRules<Name extends string>(
  where: string,
  given: unknown,
  rules: Readonly<Record<Name, Rule>>,
  needed: readonly Name[] = [],
): void {
  if (!isObject(given) || isPromise(given)) throw wrongKind(where === "" ? "options" : where, "an object", given);
  refuseUnknown(where, given, rules);
  for (const [name, rule] of Object.entries<Rule>(rules)) {
    const { [name]: value } = given;
    const path = where === "" ? name : `${where}.${name}`;
    if (value !== undefined) fromCaller(checkByRules, () => rule(path, value));
    else if (needed.some((one) => one === name)) throw wrongOption(path, "is required");
  }
}

export const isText: Rule = text;
export const isFlag: Rule = checkFlag;
export const isFunction: Rule = checkFunction;

/** A number from 0 on, `Infinity` included. */
export const isAmount: Rule = (where, value) => {
  if (!(typeof value === "number" && value >= 0)) throw wrongNumber(where, "a number, 0 or more", value);
};

/** How often something happens. */
export const isTimes: Rule = (where, value) => {
  const isOften =
    typeof value === "number" && value >= 0 && (value === Number.POSITIVE_INFINITY || Number.isSafeInteger(value));
  if (!isOften) throw wrongNumber(where, "a whole number, 0 or more, or Infinity", value);
};

export function isWholeNumber(least: number, most: number): Rule {
  return (where, value) => {
    const isIn = typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most;
    if (!isIn) throw wrongNumber(where, `a whole number from ${least} to ${most}`, value);
  };
}

export function isOneOf(...words: readonly string[]): Rule {
  return (where, value) => {
    if (typeof value === "string" && words.includes(value)) return;
    const list = words.map((word) => JSON.stringify(word)).join(", ");
    const shown = typeof value === "string" ? JSON.stringify(value.slice(0, LONGEST_WORD)) : kindOf(value);
    throw wrongOption(where, `must be ${words.length === 1 ? list : `one of ${list}`}, not ${shown}`);
  };
}

/** The name of a custom capability. */
export const isCapability: Rule = (where, value) => {
  if (isCustomCapability(text(where, value))) return;
  throw wrongOption(where, "must be a reverse domain name and a short name, such as com.example.feature");
};

export const isBytes: Rule = (where, value) => {
  if (!isUint8Array(value)) throw wrongKind(where, "a Uint8Array", value);
};

export const isTextOrBytes: Rule = (where, value) => {
  if (typeof value !== "string" && !isUint8Array(value)) throw wrongKind(where, "a string or a Uint8Array", value);
};

export const isValidDate: Rule = (where, value) => {
  if (!isDate(value)) throw wrongKind(where, "a Date", value);
  if (Number.isNaN(value.getTime())) throw wrongOption(where, "is an invalid Date");
};

export function isListOf(rule: Rule): Rule {
  return (where, value) => {
    if (!Array.isArray(value)) throw wrongKind(where, "a list", value);
    for (const [index, item] of value.entries()) rule(member(where, index), item);
  };
}

/** One value, or a list of them with at least one. */
export function isOneOrMore(rule: Rule): Rule {
  return (where, value) => {
    if (!Array.isArray(value)) return rule(where, value);
    if (value.length === 0) throw wrongOption(where, "must not be an empty list");
    isListOf(rule)(where, value);
  };
}

export function isRecordOf(rule: Rule): Rule {
  return (where, value) => {
    if (!isObject(value)) throw wrongKind(where, "a record", value);
    for (const [name, item] of Object.entries(value)) rule(member(where, name), item);
  };
}

/** Words are options; what is longer is something else. */
const LONGEST_WORD = 40;

function wrongNumber(where: string, wanted: string, value: unknown) {
  return wrongOption(where, `must be ${wanted}, not ${typeof value === "number" ? value : kindOf(value)}`);
}
