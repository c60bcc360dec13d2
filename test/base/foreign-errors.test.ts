import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { codeOf, failuresIn, hasCode, isError, messageOf } from "../../src/errors.js";

/** What another realm throws, as Node itself does under Jest. */
function foreign(code: string): unknown {
  return runInNewContext(code);
}

describe("an error of another realm", () => {
  const missing = foreign(`Object.assign(new Error("ENOENT: no such file"), { code: "ENOENT" })`);

  test("has its message and its code", () => {
    expect(missing).not.toBeInstanceOf(Error);
    expect([isError(missing), messageOf(missing), codeOf(missing)]).toEqual([true, "ENOENT: no such file", "ENOENT"]);
    expect(hasCode(missing, "EACCES", "ENOENT")).toBe(true);
  });

  test("stands for several failures where it is an AggregateError", () => {
    expect(failuresIn(foreign(`new AggregateError([1, 2])`))).toEqual([1, 2]);
  });
});

test("what only looks like an error, or throws when it is looked at, is none", () => {
  const hostile = Object.defineProperty({}, Symbol.toStringTag, {
    get() {
      throw new Error("do not look");
    },
  });
  for (const thrown of [{ message: "x", code: "E" }, "text", null, undefined, hostile]) {
    expect([isError(thrown), codeOf(thrown), failuresIn(thrown)]).toEqual([false, undefined, undefined]);
  }
});
