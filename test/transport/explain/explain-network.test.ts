import { describe, expect, test } from "vitest";
import { brokeOff, dialFailed } from "../../../src/transport/explain/connect-error.js";

const WS = new URL("ws://agent:secret@opamp.example.com:4320/v1/opamp?token=secret");
const HTTPS = new URL("https://opamp.example.com/v1/opamp?token=secret");

/** What Node throws: an error with a code, and with whatever else. */
function thrown(code: string | undefined, message: string, more: object = {}): Error {
  return Object.assign(new Error(message), code === undefined ? {} : { code }, more);
}

describe("a failed connection", () => {
  const cases: readonly [code: string, says: string, hint: RegExp][] = [
    ["ENOTFOUND", "the host name does not resolve", /spelling of the host name, and this machine's DNS/],
    ["EAI_AGAIN", "the host name does not resolve for now: DNS gives no answer", /reaches its DNS server/],
    ["ECONNREFUSED", "the connection was refused", /^nothing listens there: .*4320/],
    ["EHOSTUNREACH", "there is no route to the host", /network, its routes and its VPN/],
    ["EHOSTDOWN", "the host is down", /host is up/],
    ["ENETUNREACH", "there is no route to the host's network", /network, its routes/],
    ["ENETDOWN", "the network is down", /this machine's network/],
    ["EADDRNOTAVAIL", "this machine has no address to connect from", /this machine's network/],
    ["ETIMEDOUT", "nobody answered", /firewall drops/],
    ["EACCES", "this machine forbids it", /local firewall or policy/],
    ["EPERM", "this machine forbids it", /local firewall or policy/],
    ["EMFILE", "too many files are open here", /ulimit -n/],
    ["ENFILE", "too many files are open here", /open files/],
    ["ECONNABORTED", "this machine aborted the connection", /network/],
    ["ECONNRESET", "the other side hung up without an answer", /expects TLS hangs up like this: try wss:\/\//],
    ["EPIPE", "the other side hung up without an answer", /expects TLS/],
    ["UND_ERR_SOCKET", "the other side hung up without an answer", /expects TLS/],
  ];

  test.each(cases)("with %s says: %s", (code, says, hint) => {
    const { error, fate, orderly } = dialFailed(thrown(code, `connect ${code}`), WS);
    expect(error).toMatchObject({
      code: "ERR_OPAMP_CONNECT",
      retryable: true,
      message: `no connection to opamp.example.com:4320: ${says} (${code})`,
      hint: expect.stringMatching(hint),
    });
    expect({ fate, orderly }).toEqual({ fate: "unsent", orderly: true });
  });

  test("lists the addresses that were tried", () => {
    const tries = ["127.0.0.1", "::1"].map((address) =>
      thrown("ECONNREFUSED", `connect ECONNREFUSED ${address}:4320`, { address, port: 4320 }),
    );
    const cause = Object.assign(new AggregateError(tries, ""), { code: "ECONNREFUSED" });
    expect(dialFailed(cause, WS).error.message).toMatch(/\(ECONNREFUSED 127\.0\.0\.1:4320, ::1:4320\)$/);
  });

  test("is explained by a nested cause, and circular causes do not hang", () => {
    const outer = new TypeError("fetch failed", { cause: thrown("ENOTFOUND", "getaddrinfo ENOTFOUND x") });
    expect(dialFailed(outer, WS).error.message).toContain("does not resolve (ENOTFOUND)");
    const ring = new Error("ring");
    ring.cause = ring;
    expect(dialFailed(ring, WS).error.message).toBe("no connection to opamp.example.com:4320: ring");
  });

  test.each([undefined, null, 7, {}, { message: 7 }, new Error("")])(
    "with the cause %s has an unknown reason",
    (cause) => {
      expect(dialFailed(cause, WS).error).toMatchObject({
        code: "ERR_OPAMP_CONNECT",
        message: "no connection to opamp.example.com:4320: unknown reason",
      });
    },
  );

  test("with a thrown text has that as its reason", () => {
    expect(dialFailed("no more", WS).error.message).toBe("no connection to opamp.example.com:4320: no more");
  });
});

describe("a connection that broke", () => {
  const reset = thrown("ECONNRESET", "read ECONNRESET");

  test("after an answer has a hint to idle timeouts", () => {
    const { error, orderly } = brokeOff(reset, WS);
    expect(error).toMatchObject({
      code: "ERR_OPAMP_CLOSED",
      message: "the connection to opamp.example.com:4320 broke: the other side hung up (ECONNRESET)",
      hint: expect.stringContaining("idle time-out"),
    });
    expect(orderly).toBe(false);
  });

  test("before any answer has a hint to missing TLS or a missing client certificate", () => {
    expect(brokeOff(reset, WS, false).error.hint).toContain("try wss://");
    const http = new URL("http://opamp.example.com:4320/v1/opamp");
    expect(brokeOff(reset, http, false).error.hint).toContain("try https://");
    const { error } = brokeOff(thrown("UND_ERR_SOCKET", "other side closed"), HTTPS, false);
    expect(error).toMatchObject({ code: "ERR_OPAMP_CLOSED", hint: expect.stringContaining("tls.cert") });
  });

  test("without a cause is reported as ended without a Close frame", () => {
    expect(brokeOff(undefined, WS)).toMatchObject({ orderly: false, error: { code: "ERR_OPAMP_CLOSED" } });
    expect(brokeOff(undefined, WS).error.message).toContain("without a Close frame");
  });

  test.each([
    ["HPE_INVALID_EOF_STATE", "the answer was cut short"],
    ["UND_ERR_RES_CONTENT_LENGTH_MISMATCH", "the answer is not as long as it says"],
  ])("with %s says: %s", (code, says) => {
    const { error, orderly } = brokeOff(thrown(code, "parser"), HTTPS);
    expect(error).toMatchObject({ code: "ERR_OPAMP_CLOSED", message: expect.stringContaining(says) });
    expect(orderly).toBe(false);
  });
});

test("an answer cut short is recognised by undici's message text", () => {
  const text = "Response does not match the HTTP/1.1 protocol (Invalid EOF state)";
  expect(brokeOff(thrown(undefined, text), HTTPS).error).toMatchObject({
    code: "ERR_OPAMP_CLOSED",
    message: expect.stringContaining("the answer was cut short"),
  });
});

describe("a server that does not speak HTTP", () => {
  const PARSER = "Parse Error: Expected HTTP/, RTSP/ or ICE/";
  const cases: readonly [what: string, bytes: string, code: string, says: string][] = [
    ["a TLS alert", "\x15\x03\x01\x00\x02\x02F", "ERR_OPAMP_TLS", "speaks TLS"],
    ["a TLS handshake", "\x16\x03\x03\x00\x02", "ERR_OPAMP_TLS", "speaks TLS"],
    ["HTTP/2 settings", "\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03", "ERR_OPAMP_NOT_OPAMP", "speaks HTTP/2 alone"],
    ["HTTP/2 goaway", "\x00\x00\x08\x07\x00\x00\x00\x00\x00", "ERR_OPAMP_NOT_OPAMP", "speaks HTTP/2 alone"],
    ["SSH", "SSH-2.0-OpenSSH_9.6\r\n", "ERR_OPAMP_NOT_OPAMP", "speaks SSH"],
    ["SMTP", "220 mail.example.com ESMTP\r\n", "ERR_OPAMP_NOT_OPAMP", "speaks SMTP or FTP"],
    ["Redis", "-ERR unknown command\r\n", "ERR_OPAMP_NOT_OPAMP", "speaks Redis or POP3"],
    ["an echo", "GET /v1/opamp?token=secret HTTP/1.1\r\n", "ERR_OPAMP_NOT_OPAMP", "sends back what it is sent"],
    ["anything else", "hello", "ERR_OPAMP_NOT_OPAMP", "does not speak HTTP"],
  ];

  test.each(cases)("is recognised from %s", (_, bytes, code, says) => {
    const ofNode = thrown("HPE_INVALID_CONSTANT", PARSER, { rawPacket: Buffer.from(bytes, "latin1") });
    const ofUndici = thrown(undefined, `Response does not match the HTTP/1.1 protocol (${PARSER})`, { data: bytes });
    for (const cause of [ofNode, ofUndici]) {
      const { error } = dialFailed(cause, WS);
      expect(error).toMatchObject({ code, message: expect.stringContaining(says) });
      expect(`${error.message} ${error.hint}`).not.toContain("secret");
      if (code === "ERR_OPAMP_TLS") expect(error.hint).toBe("use wss://");
      else expect(error.hint).toContain("4320");
    }
  });

  test("on a well-known port is identified in the hint", () => {
    const cause = thrown("HPE_INVALID_CONSTANT", PARSER);
    expect(dialFailed(cause, new URL("ws://h:4317/")).error.hint).toBe(
      "4317 is the port of OTLP over gRPC: OpAMP's own port is 4320",
    );
  });

  test("that breaks the rules of HTTP later on is not OpAMP either", () => {
    for (const code of ["HPE_INVALID_CHUNK_SIZE", "HPE_HEADER_OVERFLOW", "UND_ERR_HEADERS_OVERFLOW"]) {
      const { error, orderly } = brokeOff(thrown(code, "Parse Error"), HTTPS);
      expect(error.code).toBe("ERR_OPAMP_NOT_OPAMP");
      expect(error.message).toMatch(new RegExp(`breaks the rules of HTTP \\(${code}\\)$`));
      expect(orderly).toBe(true);
    }
  });
});

test("an unforeseen error is reported in its own words, without credentials, query or control characters", () => {
  const cause = new Error("Cannot use wss://user:secret@host/path?token=secret#x\n\u001b[31m");
  const { message } = dialFailed(cause, WS).error;
  expect(message).toBe("no connection to opamp.example.com:4320: Cannot use wss://host/path?[31m");
  expect(message).not.toContain("secret");
});
