import { describe, expect, test } from "vitest";
import { OpAMPError } from "../../../src/errors.js";
import { type HeaderSource, resolveHeaders } from "../../../src/transport/settings/headers.js";

/** How a source fails. */
async function failure(source: unknown): Promise<OpAMPError> {
  try {
    await resolveHeaders(source as HeaderSource, undefined);
  } catch (thrown) {
    if (thrown instanceof OpAMPError) return thrown;
    throw thrown;
  }
  throw new Error("the headers were accepted");
}

describe("headers that can be sent", () => {
  test("are empty if none are given", async () => {
    expect(await resolveHeaders(undefined, undefined)).toEqual({});
  });

  test("a record is sent with its names in lower case", async () => {
    expect(await resolveHeaders({ Authorization: "Bearer a", "X-Tenant": "b" }, undefined)).toEqual({
      authorization: "Bearer a",
      "x-tenant": "b",
    });
  });

  test("credentials of the URL are sent", async () => {
    expect(await resolveHeaders({ "x-tenant": "b" }, "Basic a")).toEqual({ authorization: "Basic a", "x-tenant": "b" });
  });

  test("a given header overrides the URL's credentials", async () => {
    expect(await resolveHeaders({ AUTHORIZATION: "Bearer a" }, "Basic a")).toEqual({ authorization: "Bearer a" });
  });

  test("a function is asked each time", async () => {
    let calls = 0;
    const source = (): Record<string, string> => ({ "x-call": String(++calls) });
    expect(await resolveHeaders(source, undefined)).toEqual({ "x-call": "1" });
    expect(await resolveHeaders(source, undefined)).toEqual({ "x-call": "2" });
  });

  test("a function may be async", async () => {
    expect(await resolveHeaders(async () => ({ a: "b" }), undefined)).toEqual({ a: "b" });
  });

  test("a record without a prototype is accepted, and so is an empty value", async () => {
    const record: Record<string, string> = Object.create(null);
    record["x-empty"] = "";
    expect(await resolveHeaders(record, undefined)).toEqual({ "x-empty": "" });
  });
});

describe("a headers function that fails", () => {
  test("by throwing is named with its reason and cause", async () => {
    const cause = new Error("no token today");
    const error = await failure(() => {
      throw cause;
    });
    expect(error).toMatchObject({ code: "ERR_OPAMP_HEADERS", retryable: true, cause });
    expect(error.message).toBe("the headers function failed: no token today");
  });

  test("by rejecting is named with its reason", async () => {
    const error = await failure(() => Promise.reject("nothing"));
    expect(error).toMatchObject({ code: "ERR_OPAMP_HEADERS", message: "the headers function failed: nothing" });
  });

  for (const [what, value] of [
    ["nothing", undefined],
    ["null", null],
    ["text", "secret: value"],
    ["a list", ["secret"]],
    ["a Map", new Map([["secret", "value"]])],
    ["a Headers", new Headers({ secret: "value" })],
  ] as const) {
    test(`by returning ${what} has returned no record`, async () => {
      const error = await failure(() => value);
      expect(error.code).toBe("ERR_OPAMP_HEADERS");
      expect(error.message).toMatch(/^the headers function must return a record of headers, not \w+$/);
    });
  }
});

describe("a header that cannot be sent is named without its value, even where that stands in the name", () => {
  for (const [what, name, value, shown = name] of [
    ["a line break in the value", "x-a", "secret\r\nx-admin: yes"],
    ["a bare line feed in the value", "x-a", "secret\n"],
    ["a NUL in the value", "x-a", "secret\0"],
    ["a character beyond Latin-1 in the value", "x-a", "secret\u{1F511}"],
    ["a number for a value", "x-a", 4242],
    ["a list for a value", "x-a", ["secret"]],
    ["nothing for a value", "x-a", undefined],
    ["an empty name", "", "secret"],
    ["a blank in the name", "x a secret", "secret", "x..."],
    ["a line break in the name", "x-a: secret\r\nx-b", "secret", "x-a..."],
    ["a colon in the name", "x-a:", "secret", "x-a..."],
  ] as const) {
    test(what, async () => {
      const error = await failure(() => ({ [name]: value }));
      expect(error.code).toBe("ERR_OPAMP_HEADERS");
      expect(error.message).toBe(`header ${JSON.stringify(shown)} cannot be sent as it is`);
      expect(`${error.message} ${error.hint} ${error.cause}`).not.toMatch(/secret|4242/);
    });
  }

  for (const name of [
    "Connection",
    "content-length",
    "Content-Type",
    "expect",
    "Keep-Alive",
    "Sec-WebSocket-Key",
    "transfer-encoding",
    "Upgrade",
  ]) {
    test(`${name}, which is the transport's own`, async () => {
      const error = await failure(() => ({ [name]: "secret" }));
      expect(error).toMatchObject({ code: "ERR_OPAMP_HEADERS", hint: "leave this one to the transport" });
    });
  }
});
