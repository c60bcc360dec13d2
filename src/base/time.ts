import { isDate } from "node:util/types";
import { wrongKind, wrongOption } from "./checks.js";

/** The longest delay that a timer of Node takes; a longer one would run at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

export const HOUR_MS = 3_600_000;

export const DAY_MS = 86_400_000;

/** Clocks are wrong by less than this all the time: a certificate that was issued just now may seem to begin later. */
export const CLOCK_ERROR_MS = 600_000;

export const NANOSECONDS_PER_MS = 1_000_000n;

/** An option that is a Date or a time in nanoseconds since the Unix epoch, in nanoseconds. Throws `ERR_OPAMP_OPTION`. */
export function unixNanoseconds(where: string, time: unknown): bigint {
  if (!isDate(time) && typeof time !== "bigint") throw wrongKind(where, "a Date or a bigint of nanoseconds", time);
  if (typeof time !== "bigint" && Number.isNaN(time.getTime())) throw wrongOption(where, "is an invalid Date");
  const value = typeof time === "bigint" ? time : BigInt(time.getTime()) * NANOSECONDS_PER_MS;
  if (BigInt.asUintN(64, value) !== value) throw wrongOption(where, "must lie between 1970 and 2554");
  return value;
}
