import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseRetryAfter } from "../../src/wire/retry-after.js";

const NOW = Date.UTC(2024, 1, 29, 12, 0, 0);

const understood: readonly [string, string, number][] = [
  ["seconds", "2", 2_000],
  ["no seconds", "0", 0],
  ["seconds with blanks around", " 120 ", 120_000],
  ["seconds with leading zeros", "007", 7_000],
  ["a date of today's form", "Thu, 29 Feb 2024 12:00:05 GMT", 5_000],
  ["a date of today's form next month", "Fri, 01 Mar 2024 12:00:00 GMT", 86_400_000],
  ["a date of RFC 850's form", "Thursday, 29-Feb-24 12:01:00 GMT", 60_000],
  ["a date of asctime's form", "Thu Feb 29 12:00:30 2024", 30_000],
  ["a date of asctime's form with a one-digit day", "Fri Mar  1 12:00:00 2024", 86_400_000],
  ["a leap second", "Thu, 29 Feb 2024 12:00:60 GMT", 60_000],
  ["a two-digit year at most 50 years ahead", "Thursday, 29-Feb-68 12:00:00 GMT", Date.UTC(2068, 1, 29, 12) - NOW],
  ["a past date", "Thu, 29 Feb 2024 11:59:59 GMT", 0],
  ["a two-digit year more than 50 years ahead, which is past", "Sunday, 06-Nov-94 08:49:37 GMT", 0],
];

const notUnderstood: readonly string[] = [
  "",
  " ",
  "-1",
  "+1",
  "1.5",
  "1e3",
  "0x10",
  "2s",
  "soon",
  "Infinity",
  "NaN",
  "2, 3",
  "2024-02-29T12:00:05Z",
  "Thu, 29 Feb 2024 12:00:05",
  "Thu, 29 Feb 2024 12:00:05 CET",
  "Thu, 29 Foo 2024 12:00:05 GMT",
  "Thu, 30 Feb 2024 12:00:05 GMT",
  "Thu, 00 Feb 2024 12:00:05 GMT",
  "Wed, 29 Feb 2023 12:00:05 GMT",
  "Thu, 29 Feb 2024 24:00:00 GMT",
  "Thu, 29 Feb 2024 12:60:00 GMT",
  "Thu, 29 Feb 2024 12:00:61 GMT",
];

describe("Retry-After", () => {
  test.each(understood)("understands %s", (_, header, delayMs) => {
    expect(parseRetryAfter(header, NOW)).toBe(delayMs);
  });

  test.each(notUnderstood)("ignores %j", (header) => {
    expect(parseRetryAfter(header, NOW)).toBeUndefined();
  });

  test("says nothing without a header", () => {
    expect(parseRetryAfter(undefined, NOW)).toBeUndefined();
  });

  test.each(["9".repeat(20), "9".repeat(400)])("keeps a huge delay finite and huge: %s", (header) => {
    expect(parseRetryAfter(header, NOW)).toBe(Number.MAX_SAFE_INTEGER);
  });

  test("reads any second of any year in all three forms", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 50 * 365 * 86_400 }), (aheadSeconds) => {
        const at = new Date(NOW + aheadSeconds * 1000);
        const [weekday, day, month, year, time] = at.toUTCString().replace(",", "").split(" ");
        const longDay = at.toLocaleDateString("en-GB", { weekday: "long", timeZone: "UTC" });
        const forms = [
          at.toUTCString(),
          `${longDay}, ${day}-${month}-${year?.slice(2)} ${time} GMT`,
          `${weekday} ${month} ${day?.replace(/^0/, " ")} ${time} ${year}`,
        ];
        expect(forms.map((form) => parseRetryAfter(form, NOW))).toEqual(forms.map(() => aheadSeconds * 1000));
      }),
    );
  });

  test("gives a finite delay or nothing for any text", () => {
    fc.assert(
      fc.property(fc.string(), (header) => {
        const delayMs = parseRetryAfter(header, NOW);
        expect(delayMs === undefined || (Number.isFinite(delayMs) && delayMs >= 0)).toBe(true);
      }),
    );
  });
});
