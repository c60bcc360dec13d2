import { describe, expect, test } from "vitest";
import { parseEndpoint, redactUrl } from "../../../src/transport/url/endpoint.js";
import { refusal } from "../../client/refusal.js";
import { verifies } from "../../conformance/verifies.js";

const KINDS = [
  ["ws://host:1/x", "websocket"],
  ["wss://host:1/x", "websocket"],
  ["WSS://HOST:1/x", "websocket"],
  ["http://host:1/x", "http"],
  ["https://host:1/x", "http"],
] as const;

describe("the scheme", () => {
  for (const [given, kind] of KINDS) {
    verifies("TRANS-01", `chooses the transport of ${given}`, () => {
      expect(parseEndpoint(given).kind).toBe(kind);
    });
  }
});

/** What is written, and where it leads. */
const WHERE = {
  "a bare host gets port and path": ["ws://host", "ws://host:4320/v1/opamp"],
  "a bare host with a slash is still bare": ["https://host/", "https://host:4320/v1/opamp"],
  "a port of one's own keeps the default path": ["ws://host:8080", "ws://host:8080/v1/opamp"],
  "a path of one's own keeps the scheme's port": ["wss://host/x/y", "wss://host/x/y"],
  "port and path of one's own stay": ["http://host:81/x/y/", "http://host:81/x/y/"],
  "port 80 that was written stays": ["ws://host:80", "ws://host/v1/opamp"],
  "port 443 that was written stays": ["wss://host:443/", "wss://host/v1/opamp"],
  "a port is seen behind user and password": ["http://u:1@host:80", "http://host/v1/opamp"],
  "a password of digits is not a port": ["http://u:80@host", "http://host:4320/v1/opamp"],
  "a port is seen in spite of blanks around the URL": [" ws://host:80\n", "ws://host/v1/opamp"],
  "a port is seen behind fewer slashes": ["ws:host:80", "ws://host/v1/opamp"],
  "a colon without a port is not a port": ["ws://host:", "ws://host:4320/v1/opamp"],
  "an IPv6 address gets port and path": ["ws://[::1]", "ws://[::1]:4320/v1/opamp"],
  "an IPv6 address keeps its port": ["ws://[2001:db8::1]:80", "ws://[2001:db8::1]/v1/opamp"],
  "an IPv4 address gets port and path": ["http://10.0.0.1", "http://10.0.0.1:4320/v1/opamp"],
  "a query stays, and makes no path": ["wss://host?tenant=a%20b", "wss://host:4320/v1/opamp?tenant=a%20b"],
  "a query stays behind a path": ["http://host:1/p?a=1&b=2", "http://host:1/p?a=1&b=2"],
  "a fragment goes": ["ws://host:1/p#part", "ws://host:1/p"],
} as const;

describe("port and path", () => {
  for (const [what, [given, url]] of Object.entries(WHERE)) {
    verifies("TRANS-02", `${what}: ${given}`, () => {
      expect(parseEndpoint(given).url.href).toBe(url);
    });
  }

  test("a URL object is read like its text", () => {
    const given = new URL("wss://u:p@host");
    const endpoint = parseEndpoint(given);
    expect(endpoint.url.href).toBe("wss://host:4320/v1/opamp");
    expect(given.href).toBe("wss://u:p@host/");
  });
});

describe("user and password", () => {
  const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString("base64")}`;

  test("leave no Authorization if they are missing", () => {
    expect(parseEndpoint("ws://host").authorization).toBeUndefined();
  });

  for (const [given, pair] of [
    ["ws://user:secret@host", "user:secret"],
    ["ws://user@host", "user:"],
    ["ws://:secret@host", ":secret"],
    ["ws://us%40er:p%C3%A4ss%3A@host", "us@er:päss:"],
  ] as const) {
    test(`${given} leave the URL and become an Authorization`, () => {
      const endpoint = parseEndpoint(given);
      expect(endpoint.authorization).toBe(basic(pair));
      expect(endpoint.url.href).toBe("ws://host:4320/v1/opamp");
    });
  }

  test("a stray percent sign is a wrong option that does not show them", () => {
    const error = refusal(() => parseEndpoint("ws://user:100%secret@host"));
    expect(error).toMatchObject({ code: "ERR_OPAMP_OPTION", hint: expect.stringContaining("%25") });
    expect(`${error.message} ${error.hint}`).not.toContain("secret");
  });
});

describe("what is not a server URL", () => {
  test.each(["ws://host:99999", "wss://127.0.0.1:432000/v1/opamp", "http://[::1]:65536/", "ws://host:port/v1/opamp"])(
    "%s is refused for its port",
    (given) => {
      const error = refusal(() => parseEndpoint(given));
      expect(error.message).toBe(`url: ${JSON.stringify(given)} has an invalid port`);
      expect(error.hint).toBe("write a port from 1 to 65535, such as 4320");
    },
  );

  for (const given of [
    "",
    "host",
    "host:4320",
    "//host",
    "/v1/opamp",
    "ws://",
    "wss:///",
    "tcp://host:4320",
    "grpc://host",
    "file:///etc/passwd",
    "ws://ho st",
    "undefined",
  ]) {
    test(`${JSON.stringify(given)} is refused with an example of what would do`, () => {
      const error = refusal(() => parseEndpoint(given));
      expect(error.code).toBe("ERR_OPAMP_OPTION");
      expect(error.message).toBe(`url: ${JSON.stringify(given)} is not a server URL`);
      expect(error.hint).toContain("wss://opamp.example.com:4320/v1/opamp");
    });
  }

  for (const given of [
    "user:secret@host:4320",
    "ftp://user:secret@host",
    "wss://user:secret@",
    "wss://user:se#secret@host",
    "wss://user:x/secret@host",
    "wss://user:x?secret@host",
    "wss://ho st?token=secret",
    "wss://ho st?mail=a@secret",
    "wss://ho st#secret",
  ]) {
    test(`${given} is refused without showing its secret`, () => {
      const { message, hint, cause } = refusal(() => parseEndpoint(given));
      expect(`${message} ${hint} ${cause}`).not.toContain("secret");
    });
  }

  test("a redacted URL keeps what is not secret", () => {
    expect(redactUrl("wss://host:1/path?query#part")).toBe("wss://host:1/path");
    expect(redactUrl("wss://user:secret@host/path")).toBe("wss://...");
  });
});
