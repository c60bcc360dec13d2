import { describe, expect, test } from "vitest";
import { DAY_MS } from "../../../src/base/time.js";
import { renewAt } from "../../../src/connection-settings/certificates/renewal.js";

const VALID = { from: 0, until: 90 * DAY_MS, jitter: 0 };

describe("the next certificate", () => {
  test("is asked for when a third of the time is left, or somewhat earlier", () => {
    expect(renewAt(VALID, undefined)).toBe(60 * DAY_MS);
    expect(renewAt({ ...VALID, jitter: 1 }, undefined)).toBe(57 * DAY_MS);
  });

  test("is asked for so long before the end as the options say", () => {
    expect(renewAt(VALID, 10 * DAY_MS)).toBe(80 * DAY_MS);
  });

  test("is not asked for before half of the time, however early the options want it", () => {
    expect(renewAt(VALID, 365 * DAY_MS)).toBe(45 * DAY_MS);
  });
});
