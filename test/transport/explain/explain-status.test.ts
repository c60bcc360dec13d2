import { describe, expect, test } from "vitest";
import { notOpamp, statusRefused } from "../../../src/transport/explain/connect-error.js";
import { bodyTells } from "../../../src/transport/explain/explain-status.js";
import { verifies } from "../../conformance/verifies.js";

const WS = new URL("ws://opamp.example.com:4320/agents?token=secret");
const HTTP = new URL("http://opamp.example.com:4320/agents?token=secret");
const PATH = "check the URL's path (the usual one is /v1/opamp)";

const refused = (status: number, url: URL, headers = {}, body?: string) =>
  statusRefused(status, headers, url, 0, body === undefined ? undefined : Buffer.from(body));

describe("a status", () => {
  const cases: readonly [status: number, code: string, says: string, upgrade: RegExp, post: RegExp][] = [
    [400, "ERR_OPAMP_HTTP_STATUS", "does not understand", /use http:\/\/, or transport: "auto"/, /use ws:\/\//],
    [401, "ERR_OPAMP_UNAUTHORIZED", "credentials are not accepted", /`headers`/, /`headers`/],
    [403, "ERR_OPAMP_UNAUTHORIZED", "credentials give no access", /may do/, /may do/],
    [404, "ERR_OPAMP_HTTP_STATUS", "nothing is there", /\/v1\/opamp.*use http:\/\//, /\/v1\/opamp/],
    [405, "ERR_OPAMP_HTTP_STATUS", "does not accept this method", /use http:\/\//, /use ws:\/\//],
    [407, "ERR_OPAMP_PROXY", "a proxy in between requires other credentials", /`proxy` option/, /HTTPS_PROXY/],
    [408, "ERR_OPAMP_HTTP_STATUS", "too long to arrive", /network/, /network/],
    [411, "ERR_OPAMP_HTTP_STATUS", "requires a Content-Length", /Content-Length/, /Content-Length/],
    [413, "ERR_OPAMP_TOO_LARGE", "the message is too large for it", /smaller/, /limit of the server/],
    [414, "ERR_OPAMP_HTTP_STATUS", "the URL is too long", /shorten/, /shorten/],
    [415, "ERR_OPAMP_HTTP_STATUS", "does not accept this content type", /compression: false/, /compression: false/],
    [421, "ERR_OPAMP_HTTP_STATUS", "does not serve this host name", /host/, /host/],
    [
      426,
      "ERR_OPAMP_HTTP_STATUS",
      "requires another protocol",
      /transport: "auto"/,
      /^it accepts WebSocket only: use ws:\/\/$/,
    ],
    [429, "ERR_OPAMP_THROTTLED", "too busy", /comes back by itself/, /comes back by itself/],
    [431, "ERR_OPAMP_HTTP_STATUS", "headers are too large", /fewer or shorter/, /fewer or shorter/],
    [500, "ERR_OPAMP_HTTP_STATUS", "it failed", /server's log/, /server's log/],
    [501, "ERR_OPAMP_HTTP_STATUS", "cannot do this", /use http:\/\//, /use ws:\/\//],
    [502, "ERR_OPAMP_HTTP_STATUS", "a gateway gets no usable answer", /behind it/, /behind it/],
    [503, "ERR_OPAMP_THROTTLED", "too busy", /comes back by itself/, /behind its gateway/],
    [504, "ERR_OPAMP_HTTP_STATUS", "a gateway gets no answer from the server in time", /behind it/, /behind it/],
    [511, "ERR_OPAMP_HTTP_STATUS", "requires a login first", /captive portal/, /captive portal/],
    [302, "ERR_OPAMP_HTTP_STATUS", "a redirect that cannot be followed", /Location/, /Location/],
    [200, "ERR_OPAMP_NOT_OPAMP", "instead of upgrading", /use http:\/\//, /./],
    [418, "ERR_OPAMP_HTTP_STATUS", "answered 418", /\/v1\/opamp.*server's log/, /server's log/],
    [599, "ERR_OPAMP_HTTP_STATUS", "answered 599", /server's log/, /server's log/],
  ];

  test.each(cases)("%i is %s: %s", (status, code, says, upgrade, post) => {
    for (const [url, hint] of [
      [WS, upgrade],
      [HTTP, post],
    ] as const) {
      const { error } = refused(status, url);
      expect(error).toMatchObject({ code, httpStatus: status, hint: expect.stringMatching(hint) });
      expect(error.message).toMatch(new RegExp(`^opamp\\.example\\.com:4320/agents answered ${status}(:|$| instead)`));
      expect(error.message).toContain(says);
      expect(`${error.message}${error.hint}`).not.toMatch(/secret|[{}]/);
    }
  });

  test("that needs another scheme has a hint that keeps TLS", () => {
    const secure = (url: string, status: number) => refused(status, new URL(url)).error.hint;
    expect(secure("wss://h/x", 405)).toContain("use https://");
    expect(secure("https://h/x", 405)).toContain("use wss://");
  });

  test("at the usual path has no hint to that path", () => {
    const { hint } = refused(404, new URL("http://h:4320/v1/opamp")).error;
    expect(hint).not.toContain(PATH);
    expect(hint).toContain("ask which path the server uses");
    expect(refused(404, HTTP).error.hint).toBe(PATH);
  });

  test("from a well-known port names its protocol", () => {
    for (const [port, what] of [
      [4317, "OTLP over gRPC"],
      [4318, "OTLP over HTTP"],
      [4321, "the example server"],
    ]) {
      for (const scheme of ["ws", "http"]) {
        const { hint } = refused(404, new URL(`${scheme}://h:${port}/v1/opamp`)).error;
        expect(hint).toContain(what);
        expect(hint).toMatch(/OpAMP's own port is 4320$/);
      }
    }
    expect(refused(500, new URL("http://h:4318/v1/opamp")).error.hint).not.toContain("OTLP");
  });

  test("names the server if it is a known one", () => {
    expect(refused(502, HTTP, { server: "nginx/1.25.3" }).error.message).toContain("answered 502 (nginx): a gateway");
    expect(refused(502, HTTP, { server: ["Cloudflare", "x"] }).error.message).toContain("answered 502 (Cloudflare): ");
    expect(refused(502, HTTP, { server: "Bearer secret" }).error.message).toContain("answered 502: a gateway");
    expect(refused(200, WS, { server: "nginx" }).error.message).toMatch(/answered 200 \(nginx\) instead of upgrading$/);
  });

  test("of 401 or 407 names the scheme of the credentials if it is a known one", () => {
    const wanted = (status: number, headers: Record<string, string | string[]>) =>
      refused(status, HTTP, headers).error.message;
    expect(wanted(401, { "www-authenticate": 'Bearer realm="opamp"' })).toMatch(/not accepted; it asks for Bearer$/);
    expect(wanted(401, { "www-authenticate": ["Basic x", "Bearer", "Basic y"] })).toMatch(
      /it asks for Basic or Bearer$/,
    );
    expect(wanted(407, { "proxy-authenticate": "Negotiate" })).toMatch(/it asks for Negotiate$/);
    expect(wanted(401, { "www-authenticate": "secret" })).toMatch(/not accepted$/);
    expect(wanted(403, { "www-authenticate": "Bearer" })).toMatch(/no access$/);
  });

  test("of 200 with a web page, to an upgrade, has a hint to a wrong URL rather than to HTTP", () => {
    expect(refused(200, WS, { "content-type": "text/html; charset=utf-8" }).error.hint).toContain("a web page");
  });
});

describe("what follows from a status", () => {
  test("413 refuses the message for good", () => {
    expect(refused(413, HTTP)).toMatchObject({ fate: "refused", throttled: false, error: { retryable: false } });
  });

  verifies("THR-04", "429 and 503 ask for a pause, counted from the time that is given", () => {
    for (const status of [429, 503]) {
      const asked = (value: string | string[] | undefined) =>
        statusRefused(status, { "retry-after": value }, WS, Date.UTC(2026, 0, 1)).retryAfterMs;
      expect(asked("2")).toBe(2_000);
      expect(asked("Thu, 01 Jan 2026 00:01:00 GMT")).toBe(60_000);
      expect(asked(["3", "9"])).toBe(3_000);
      expect(asked(undefined)).toBeUndefined();
      expect(refused(status, WS).throttled).toBe(true);
    }
    expect(refused(502, WS, { "retry-after": "2" })).toMatchObject({ throttled: false });
  });

  test.each([
    [503, "120", "answered 503: it is too busy; it asks for a pause of 120 s"],
    [429, "Thu, 01 Jan 1970 00:01:30 GMT", "answered 429: it is too busy; it asks for a pause of 90 s"],
    [503, "later", "answered 503: it is too busy"],
    [502, "120", "answered 502: a gateway gets no usable answer from the server"],
  ])("of %i with Retry-After: %s says for how long", (status, value, says) => {
    expect(refused(status, HTTP, { "retry-after": value }).error.message).toBe(`opamp.example.com:4320/agents ${says}`);
  });
});

describe("a 400", () => {
  const cases: readonly [body: string, code: string, says: string, upgrade: string, post: string][] = [
    [
      "Client sent an HTTP request to an HTTPS server.\n",
      "ERR_OPAMP_TLS",
      "it expects TLS",
      "use wss://",
      "use https://",
    ],
    [
      "<center>The plain HTTP request was sent to HTTPS port</center>",
      "ERR_OPAMP_TLS",
      "it expects TLS",
      "use wss://",
      "use https://",
    ],
    [
      "Reason: You're speaking plain HTTP to an SSL-enabled server port.",
      "ERR_OPAMP_TLS",
      "it expects TLS",
      "use wss://",
      "use https://",
    ],
    [
      "<center>No required SSL certificate was sent</center>",
      "ERR_OPAMP_TLS",
      "demands a client certificate",
      "tls.cert",
      "tls.key",
    ],
    [
      "<center>The SSL certificate error</center>",
      "ERR_OPAMP_TLS",
      "refuses the client certificate",
      "tls.cert",
      "authority",
    ],
    [
      "Bad Request\nwebsocket: the client is not using the websocket protocol: ...",
      "ERR_OPAMP_HTTP_STATUS",
      "accepts WebSocket only",
      "drops the Upgrade header",
      "use ws://",
    ],
  ];

  test.each(cases)("is explained by the body %j", (body, code, says, upgrade, post) => {
    for (const [url, hint] of [
      [WS, upgrade],
      [HTTP, post],
    ] as const) {
      const { error } = refused(400, url, {}, body);
      expect(error).toMatchObject({ code, httpStatus: 400, hint: expect.stringContaining(hint) });
      expect(error.message).toContain(says);
    }
  });

  test("is not explained by another body, which is never quoted", () => {
    const { error } = refused(400, HTTP, {}, "token=secret");
    expect(error.message).toMatch(/answered 400: it does not understand the request$/);
    expect(error.hint).not.toContain("secret");
    expect([400, 404, 200, 500].filter(bodyTells)).toEqual([400]);
  });
});

describe("a successful answer", () => {
  const cases: readonly [type: string | undefined, body: string, says: string, hint: RegExp][] = [
    ["text/html; charset=utf-8", "<!DOCTYPE html>", "a web page (text/html)", /load balancer or a login page/],
    ["text/plain", " <html>", "a web page (text/plain)", /login page/],
    [undefined, "<html></html>", "a web page (no content type)", /login page/],
    ["application/json", '{"ok":true}', "JSON (application/json)", /some other API/],
    ["application/problem+json", "{}", "JSON (application/problem+json)", /some other API/],
    [undefined, '{"ok":true}', "JSON (no content type)", /some other API/],
    ["application/grpc+proto", "", "gRPC (application/grpc+proto)", /gRPC server's port/],
    ["application/octet-stream", "<!doctype html>", "a web page (application/octet-stream)", /login page/],
    ["application/protobuf", '{"ok":true}', "JSON (application/protobuf)", /some other API/],
    ["text/plain", "OK", "plain text (text/plain)", /host, port and path/],
    ["text/html", "", "a web page (text/html)", /login page/],
    ["image/png", "x", "image/png", /not an OpAMP server/],
    ["secret", "x", "an unreadable content type", /not an OpAMP server/],
  ];

  test.each(cases)("of type %j with the body %j is not OpAMP", (contentType, body, says, hint) => {
    const error = notOpamp({ contentType, start: Buffer.from(body) }, HTTP);
    expect(error).toMatchObject({ code: "ERR_OPAMP_NOT_OPAMP", retryable: true, hint: expect.stringMatching(hint) });
    expect(error?.message).toBe(`opamp.example.com:4320/agents answered with ${says}`);
  });

  test("of OpAMP's content type, or without content, is accepted", () => {
    for (const contentType of ["application/x-protobuf", "Application/X-Protobuf; v=1"]) {
      expect(notOpamp({ contentType, start: Buffer.from("<html>") }, HTTP)).toBeUndefined();
    }
    expect(notOpamp({ contentType: undefined, start: new Uint8Array() }, HTTP)).toBeUndefined();
  });

  test.each([
    "application/protobuf",
    "Application/Protobuf; proto=opamp.proto.v1.ServerToAgent",
    "application/vnd.google.protobuf",
    "application/octet-stream;charset=binary",
    "APPLICATION/OCTET-STREAM",
    "",
    " ; charset=utf-8",
    undefined,
  ])("of the type %j is decoded, as that tells nothing of it", (contentType) => {
    for (const body of ["", "\x0a\x10[{<html>", "\x38\x03", "OK"]) {
      expect(notOpamp({ contentType, start: Buffer.from(body) }, HTTP)).toBeUndefined();
    }
  });

  test("from a well-known port has a hint to OpAMP's own", () => {
    const page = { contentType: "text/html", start: Buffer.from("<html>") };
    expect(notOpamp(page, new URL("http://h:4321/v1/opamp"))?.hint).toBe(
      "4321 is the web page of the example server: OpAMP's own port is 4320",
    );
  });
});
