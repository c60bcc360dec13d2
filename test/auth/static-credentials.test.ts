import { describe, expect, test } from "vitest";
import { apiKeyAuth, basicAuth, bearerAuth } from "../../src/auth/static-credentials.js";
import { createRedactor } from "../../src/diagnostics/redactor.js";
import { OpAMPError } from "../../src/errors.js";
import { resolveHeaders } from "../../src/transport/settings/headers.js";
import { verifies } from "../conformance/verifies.js";

const resolve = (source: Parameters<typeof resolveHeaders>[0]) => resolveHeaders(source, undefined);

verifies("AUTH-01", "each scheme makes the header that the server looks for", async () => {
  expect(await resolve(bearerAuth("abc"))).toEqual({ authorization: "Bearer abc" });
  expect(await resolve(basicAuth("agent", "pä:ss"))).toEqual({
    authorization: `Basic ${Buffer.from("agent:pä:ss").toString("base64")}`,
  });
  expect(await resolve(apiKeyAuth("k1"))).toEqual({ "x-api-key": "k1" });
  expect(await resolve(apiKeyAuth("k1", "X-Tenant-Key"))).toEqual({ "x-tenant-key": "k1" });
});

test("several sources are merged, and the later one wins for the same header", async () => {
  const sources = [{ "X-Tenant": "a", authorization: "none" }, bearerAuth("abc")];
  expect(await resolve(sources)).toEqual({ "x-tenant": "a", authorization: "Bearer abc" });
});

test("a function is called for the secret each time, and a file's last line break is removed", async () => {
  const tokens = ["one\n", "two\r\n"];
  const source = bearerAuth(async () => tokens.shift() ?? "");
  expect(await resolve(source)).toEqual({ authorization: "Bearer one" });
  expect(await resolve(source)).toEqual({ authorization: "Bearer two" });
  await expect(resolve(source)).rejects.toMatchObject({
    code: "ERR_OPAMP_AUTH",
    message: "the function given to bearerAuth returned no credentials",
  });
});

test("the spaces in a password are kept", async () => {
  const authorization = `Basic ${Buffer.from("agent: pass ").toString("base64")}`;
  expect(await resolve(basicAuth("agent", () => " pass \n"))).toEqual({ authorization });
});

test("a failure survives a redactor unchanged and passes on the hint of its cause", async () => {
  const { text } = createRedactor();
  const cause = new OpAMPError("ERR_OPAMP_AUTH", "the vault is sealed", { hint: "unseal it" });
  const failing = [bearerAuth, apiKeyAuth].map((helper) => helper(() => Promise.reject(cause)));
  for (const source of [...failing, bearerAuth(() => ""), apiKeyAuth(() => "")]) {
    const failure: OpAMPError = await resolve(source).then(
      () => expect.fail("resolved"),
      (error) => error,
    );
    expect(failure.message).toMatch(
      /^the function given to (bearer|apiKey)Auth (failed: the vault is sealed|returned no)/,
    );
    expect(text(failure.message)).toBe(failure.message);
    expect(failure.hint).toBe(
      failure.cause === cause ? "unseal it" : "make it return the token, key or password as a text of one line",
    );
  }
});

test("what a secret function throws is the cause", async () => {
  const cause = new Error("vault is sealed");
  const source = apiKeyAuth(() => Promise.reject(cause));
  await expect(resolve(source)).rejects.toMatchObject({ code: "ERR_OPAMP_AUTH", cause });
});

describe("what cannot be sent is refused when the helper is called, without showing it", () => {
  const wrong: readonly [string, () => unknown, string][] = [
    ["an empty token", () => bearerAuth(" "), "ERR_OPAMP_OPTION"],
    ["a token that is none", () => bearerAuth(undefined as unknown as string), "ERR_OPAMP_OPTION"],
    ["a user name with a colon", () => basicAuth("a:secret", "b"), "ERR_OPAMP_OPTION"],
    ["a token with a line break inside", () => bearerAuth("secret\r\nx: y"), "ERR_OPAMP_OPTION"],
    ["an empty key", () => apiKeyAuth(""), "ERR_OPAMP_OPTION"],
    ["a header name that is none", () => apiKeyAuth("secret", "a b"), "ERR_OPAMP_HEADERS"],
    ["a header of the transport's", () => apiKeyAuth("secret", "Content-Type"), "ERR_OPAMP_HEADERS"],
  ];
  for (const [what, make, code] of wrong) {
    test(what, () => {
      expect(make).toThrow(expect.objectContaining({ code, message: expect.not.stringMatching(/secret/) }));
    });
  }
});
