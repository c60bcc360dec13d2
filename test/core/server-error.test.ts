import { describe, expect, test } from "vitest";
import { type ErrorResponse, errorOf } from "../../src/core/server-error.js";
import { verifies } from "../conformance/verifies.js";
import { type Answer, message } from "./harness.js";

const NO_LENGTH = { type: "unavailable", message: "", retryAfterMs: undefined };

function errorIn(answer: NonNullable<Answer["errorResponse"]>): ErrorResponse | undefined {
  const { errorResponse } = message({ errorResponse: answer });
  return errorResponse && errorOf(errorResponse);
}

function ofType(type: number, retryAfterNanoseconds?: bigint): ErrorResponse | undefined {
  if (retryAfterNanoseconds === undefined) return errorIn({ type });
  return errorIn({ type, Details: { case: "retryInfo", value: { retryAfterNanoseconds } } });
}

describe("an error response", () => {
  test.each([
    [0, "unknown"],
    [1, "badRequest"],
    [7, "unknown"],
    [-1, "unknown"],
  ])("of type %d is a refusal (%s)", (type, error) => {
    expect(ofType(type)).toEqual({ type: "refused", error, message: "" });
  });

  test("keeps the server's words", () => {
    expect(errorIn({ type: 1, errorMessage: "no such tenant" })?.message).toBe("no such tenant");
  });

  verifies("THR-02", "has its pause read as nanoseconds, rounded up", () => {
    expect(ofType(2, 1_500_000_000n)).toEqual({ ...NO_LENGTH, retryAfterMs: 1_500 });
    expect(ofType(2, 1n)).toEqual({ ...NO_LENGTH, retryAfterMs: 1 });
  });

  verifies("THR-02", "has a pause above 2^53 ns read without overflow", () => {
    for (const nanoseconds of [2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n]) {
      const error = ofType(2, nanoseconds);
      expect(error?.type === "unavailable" && error.retryAfterMs).toBeCloseTo(Number(nanoseconds) / 1e6, -2);
    }
  });

  test("without a pause, or with one of 0, leaves its length open", () => {
    expect(ofType(2)).toEqual(NO_LENGTH);
    expect(ofType(2, 0n)).toEqual(NO_LENGTH);
  });

  verifies("THR-02", "of another type has no pause", () => {
    for (const type of [0, 1, 7]) expect(ofType(type, 1_000_000n)).not.toHaveProperty("retryAfterMs");
  });
});
