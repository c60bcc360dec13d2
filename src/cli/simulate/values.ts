import { InvalidArgumentError } from "commander";

const MAX_SEED = 2 ** 32 - 1;
const MAX_SECONDS = 604_800;
const PERCENT = /^(\d+(?:\.\d+)?)%$/;

/** A whole number above 0; `1e6` and `1_000_000` are too. */
export function wholeNumber(text: string): number {
  const value = numberIn(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new InvalidArgumentError("Give a whole number above 0.");
}

export function seed(text: string): number {
  const value = numberIn(text);
  if (Number.isSafeInteger(value) && value >= 0 && value <= MAX_SEED) return value;
  throw new InvalidArgumentError(`Give a whole number from 0 to ${MAX_SEED}.`);
}

/** Seconds from 0 up, as a number. */
export function seconds(text: string): number {
  const value = numberIn(text);
  if (value >= 0 && value <= MAX_SECONDS) return value;
  throw new InvalidArgumentError(`Give a number of seconds, at most ${MAX_SECONDS}.`);
}

export function secondsAboveZero(text: string): number {
  const value = seconds(text);
  if (value > 0) return value;
  throw new InvalidArgumentError("Give a number of seconds above 0.");
}

/** A part of a whole. @returns 0.05 for `5%` */
export function percent(text: string): number {
  const value = percentIn(text);
  if (value <= 1) return value;
  throw new InvalidArgumentError("Give at most 100%.");
}

/** A share of the fleet in each minute, which may be more than all of it. @returns 0.05 for `5%` */
export function percentPerMinute(text: string): number {
  const value = percentIn(text);
  if (value <= 100) return value;
  throw new InvalidArgumentError("Give at most 10000%, which is each agent a hundred times a minute.");
}

export function words(text: string): readonly string[] {
  const found = text.split(",").map((word) => word.trim());
  if (found.every((word) => word !== "")) return found;
  throw new InvalidArgumentError("Give one or more, with commas between them.");
}

/** Adds what `key=template` says. */
export function attribute(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const equals = text.indexOf("=");
  if (equals < 1) throw new InvalidArgumentError("Write it as 'key=value'.");
  return { ...before, [text.slice(0, equals).trim()]: text.slice(equals + 1).trim() };
}

function percentIn(text: string): number {
  const [, number] = PERCENT.exec(text.trim()) ?? [];
  if (number === undefined) throw new InvalidArgumentError("Write it as a percentage, such as 5%.");
  return Number(number) / 100;
}

function numberIn(text: string): number {
  return text.trim() === "" ? Number.NaN : Number(text.replace(/(?<=\d)_(?=\d)/g, ""));
}
