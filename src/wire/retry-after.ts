const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)";
const LONG_DAY = "(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)";
const MONTH = `(?<month>${MONTHS.join("|")})`;
const TIME = "(?<hour>\\d\\d):(?<minute>\\d\\d):(?<second>\\d\\d)";

/** The three forms of an HTTP date: today's, that of RFC 850, and that of C's asctime. All are in UTC. */
const DATE_FORMS = [
  new RegExp(`^${DAY}, (?<day>\\d\\d) ${MONTH} (?<year>\\d{4}) ${TIME} GMT$`),
  new RegExp(`^${LONG_DAY}, (?<day>\\d\\d)-${MONTH}-(?<year>\\d\\d) ${TIME} GMT$`),
  new RegExp(`^${DAY} ${MONTH} (?<day>[ \\d]\\d) ${TIME} (?<year>\\d{4})$`),
];

/**
 * Reads a Retry-After header: seconds, or a date in any form that RFC 9110 has receivers accept (THR-04).
 *
 * @param header The header's value, if there was one.
 * @param wallNowMs The time now in milliseconds since the Unix epoch, for dates.
 * @returns Milliseconds to wait, never below 0 and always finite, or `undefined` if the header says nothing.
 */
export function parseRetryAfter(header: string | undefined, wallNowMs: number): number | undefined {
  const value = header?.trim() ?? "";
  if (/^\d+$/.test(value)) {
    return Math.min(Number(value) * 1000, Number.MAX_SAFE_INTEGER);
  }
  const atMs = parseHttpDate(value, wallNowMs);
  return atMs === undefined ? undefined : Math.max(0, atMs - wallNowMs);
}

function parseHttpDate(value: string, wallNowMs: number): number | undefined {
  const parts = DATE_FORMS.map((form) => form.exec(value)?.groups).find((groups) => groups !== undefined);
  if (parts === undefined) return undefined;
  const [day = 0, hour = 0, minute = 0, second = 0] = ["day", "hour", "minute", "second"].map((name) =>
    Number(parts[name]),
  );
  const month = MONTHS.indexOf(parts["month"] ?? "");
  const date = new Date(0);
  date.setUTCFullYear(fullYear(parts["year"] ?? "", wallNowMs), month, day);
  const isOnCalendar = date.getUTCMonth() === month && date.getUTCDate() === day;
  // 60 is a leap second.
  if (!isOnCalendar || hour > 23 || minute > 59 || second > 60) return undefined;
  return date.setUTCHours(hour, minute, second);
}

/** Two digits mean the past if they would otherwise lie more than 50 years ahead (RFC 9110, 5.6.7). */
function fullYear(digits: string, wallNowMs: number): number {
  if (digits.length === 4) return Number(digits);
  const thisYear = new Date(wallNowMs).getUTCFullYear();
  const year = thisYear - (thisYear % 100) + Number(digits);
  return year > thisYear + 50 ? year - 100 : year;
}
