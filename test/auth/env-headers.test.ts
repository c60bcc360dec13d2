import { describe, expect, test } from "vitest";
import { envHeaders } from "../../src/auth/env-headers.js";
import { resolveHeaders } from "../../src/transport/settings/headers.js";
import { verifies } from "../conformance/verifies.js";

verifies("AUTH-01", "headers come from the variable as it is at each attempt", async () => {
  const env: Record<string, string> = {};
  const source = envHeaders("HEADERS", env);
  expect(await resolveHeaders(source, undefined)).toEqual({});
  env["HEADERS"] = "X-Tenant=a, authorization = Bearer%20abc%2C%3D ,,x-empty=";
  expect(await resolveHeaders(source, undefined)).toEqual({
    "x-tenant": "a",
    authorization: "Bearer abc,=",
    "x-empty": "",
  });
  env["HEADERS"] = "x=a=b";
  expect(await resolveHeaders(source, undefined)).toEqual({ x: "a=b" });
});

describe("what cannot be read is named by its place, without the text", () => {
  const wrong: readonly [string, RegExp][] = [
    ["a=1,s3cret", /HEADERS cannot be read: pair 2 is not written as name=value/],
    ["=s3cret", /pair 1 is not written as name=value/],
    ["a=s3cret%zz", /pair 1 has a percent sign/],
    ["s3cret%=a", /pair 1 has a percent sign/],
  ];
  for (const [text, problem] of wrong) {
    test(text, async () => {
      const failure = expect.objectContaining({ code: "ERR_OPAMP_AUTH", message: expect.stringMatching(problem) });
      const error: unknown = await resolveHeaders(envHeaders("HEADERS", { HEADERS: text }), undefined).catch((e) => e);
      expect(error).toEqual(failure);
      expect(String(error)).not.toContain("s3cret");
    });
  }
});

test("no name is refused at once", () => {
  expect(() => envHeaders("")).toThrow(expect.objectContaining({ code: "ERR_OPAMP_OPTION" }));
});
