import { describe, expect, test } from "vitest";
import { apiKeyAuth, basicAuth, bearerAuth } from "../../src/auth/static-credentials.js";
import { resolveHeaders } from "../../src/transport/headers.js";
import { verifies } from "../verifies.js";

const resolve = (source: Parameters<typeof resolveHeaders>[0]) => resolveHeaders(source, undefined);

verifies("AUTH-01", "each scheme makes the header that the server looks for", async () => {
  expect(await resolve(bearerAuth("abc"))).toEqual({ authorization: "Bearer abc" });
  expect(await resolve(basicAuth("agent", "pä:ss"))).toEqual({
    authorization: `Basic ${Buffer.from("agent:pä:ss").toString("base64")}`,
  });
  expect(await resolve(apiKeyAuth("k1"))).toEqual({ "x-api-key": "k1" });
  expect(await resolve(apiKeyAuth("k1", "X-Tenant-Key"))).toEqual({ "x-tenant-key": "k1" });
});

test("several sources are merged, and of two for the same header the later one counts", async () => {
  const sources = [{ "X-Tenant": "a", authorization: "none" }, bearerAuth("abc")];
  expect(await resolve(sources)).toEqual({ "x-tenant": "a", authorization: "Bearer abc" });
});

test("a function is asked for the secret each time, and a file's last line break is taken off", async () => {
  const tokens = ["one\n", "two\r\n"];
  const source = bearerAuth(async () => tokens.shift() ?? "");
  expect(await resolve(source)).toEqual({ authorization: "Bearer one" });
  expect(await resolve(source)).toEqual({ authorization: "Bearer two" });
  await expect(resolve(source)).rejects.toMatchObject({
    code: "ERR_OPAMP_AUTH",
    message: "bearerAuth: the function returned no credentials",
  });
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
