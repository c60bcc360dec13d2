import { expect, test } from "vitest";
import { OpAMPError } from "../../src/errors.js";
import { DEFAULT_MAX_MESSAGE_BYTES, tooLarge } from "../../src/wire/limits.js";

test("the default size limit is 64 MiB", () => {
  expect(DEFAULT_MAX_MESSAGE_BYTES).toBe(64 * 1024 * 1024);
});

test("the error for a message over the limit names direction, size and limit", () => {
  const error = tooLarge("send", 1025, 1024);
  expect(error).toBeInstanceOf(OpAMPError);
  expect(error.code).toBe("ERR_OPAMP_TOO_LARGE");
  expect(error.retryable).toBe(false);
  expect(error.message).toBe("message of 1025 bytes over the send limit of 1024 bytes");
});

test("the error omits the size if reading stopped early", () => {
  expect(tooLarge("receive", undefined, 1024).message).toBe("message over the receive limit of 1024 bytes");
});

test.each(["send", "receive"] as const)("the hint says which option raises the %s limit", (direction) => {
  expect(tooLarge(direction, undefined, 1024).hint).toContain(`maxMessageBytes.${direction}`);
});
