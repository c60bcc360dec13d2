import { describe, expect, test } from "vitest";
import { OpAMPError } from "../../../src/errors.js";
import { type Hop, type Redirect, redirected } from "../../../src/transport/url/redirect.js";

function from(url: string, redirects = 0): Hop {
  return { url: new URL(url), redirects };
}

function target(hop: Hop | OpAMPError | undefined): string | undefined {
  return hop === undefined || hop instanceof OpAMPError ? undefined : hop.url.href;
}

function refusal(hop: Hop | OpAMPError | undefined): OpAMPError {
  if (hop instanceof OpAMPError) return hop;
  throw new Error("not refused", { cause: hop });
}

describe("a redirect", () => {
  test.each([
    ["http://a:1/v1/opamp?t=1", "/other", "http://a:1/other"],
    ["http://a:1/v1/opamp", "other?x=1#part", "http://a:1/v1/other?x=1"],
    ["http://a:1/v1/opamp", "//b:2/", "http://b:2/"],
    ["http://a:1/", "https://a/", "https://a/"],
    ["http://a:1/", "ws://b:2/x", "http://b:2/x"],
    ["http://a:1/", "wss://b:2/x", "https://b:2/x"],
    ["ws://a:1/", "http://b:2/x", "ws://b:2/x"],
    ["ws://a:1/", "https://b/x", "wss://b/x"],
    ["wss://a:1/", "https://b:443/x", "wss://b/x"],
    ["wss://a:1/", "/x", "wss://a:1/x"],
    ["https://a:1/", "https://user:secret@b:2/x", "https://b:2/x"],
  ])("from %s by %s leads to %s", (at, location, url) => {
    expect(target(redirected(from(at), 307, location, { maxRedirects: 5 }))).toBe(url);
  });

  test.each([301, 302, 307, 308])("with %i is followed and counted", (status) => {
    expect(redirected(from("http://a/", 2), status, "/b", { maxRedirects: 5 })).toEqual({
      url: new URL("http://a/b"),
      redirects: 3,
    });
  });

  test.each([200, 300, 304, 305, 400])("%i is not a redirect, whatever its Location", (status) => {
    expect(redirected(from("http://a/"), status, "/b", { maxRedirects: 5 })).toBeUndefined();
  });

  test("a status without a Location is not a redirect", () => {
    expect(redirected(from("http://a/"), 307, undefined, { maxRedirects: 5 })).toBeUndefined();
  });
});

test("each redirect is told, followed or not, without what may be secret in it", () => {
  const told: Redirect[] = [];
  const rules = { maxRedirects: 5, onRedirect: (redirect: Redirect) => void told.push(redirect) };
  redirected(from("wss://a/v1/opamp"), 302, "https://user:secret@b/login?state=secret", rules);
  redirected(from("wss://a/v1/opamp"), 302, "http://b/login?state=secret", rules);
  redirected(from("wss://a/v1/opamp"), 302, "ftp://b/secret", rules);
  redirected(from("wss://a/v1/opamp"), 304, "/", rules);
  const url = new URL("wss://a/v1/opamp");
  expect(told).toEqual([
    { status: 302, from: url, location: "https://b/login", next: new URL("wss://b/login?state=secret") },
    { status: 302, from: url, location: "http://b/login", next: expect.any(OpAMPError) },
    { status: 302, from: url, location: undefined, next: expect.any(OpAMPError) },
  ]);
});

describe("a redirect is refused", () => {
  test.each([
    ["https://a/", "http://a/?token=secret", "http://a"],
    ["https://a/", "ws://b:2/", "http://b:2"],
    ["wss://a/", "ws://b/", "ws://b"],
    ["wss://a/", "http://b:2/", "ws://b:2"],
  ])("from %s to %s, which is not secure", (at, location, origin) => {
    const error = refusal(redirected(from(at), 308, location, { maxRedirects: 5 }));
    expect(error).toMatchObject({ code: "ERR_OPAMP_HTTP_STATUS", httpStatus: 308 });
    expect(error.message).toContain("without TLS");
    expect(error.hint).toContain(origin);
    expect(`${error.message} ${error.hint}`).not.toContain("secret");
  });

  test.each(["ftp://b/", "http://", "javascript:alert(1)"])("to %s, which is not a server", (location) => {
    expect(refusal(redirected(from("http://a/"), 302, location, { maxRedirects: 5 })).message).toContain(
      "not a server URL",
    );
  });

  test("if it requires a GET", () => {
    const { message, hint } = refusal(
      redirected(from("http://a/v1/opamp?token=secret"), 303, "/login?t=secret", { maxRedirects: 5 }),
    );
    expect(message).toBe(
      "a/v1/opamp answered 303, a redirect to http://a: it asks for a GET, probably for a login page",
    );
    expect(hint).not.toContain("secret");
  });

  test("over the limit for one attempt", () => {
    expect(target(redirected(from("http://a/", 4), 302, "/b", { maxRedirects: 5 }))).toBe("http://a/b");
    expect(refusal(redirected(from("http://a/", 5), 302, "/b", { maxRedirects: 5 })).message).toContain("more than 5");
    const none = refusal(redirected(from("http://a/"), 302, "http://b/x?token=secret", { maxRedirects: 0 }));
    expect(none.message).toContain("redirects are not followed");
    expect(none.hint).toBe("raise maxRedirects, or give a URL at http://b");
  });
});
