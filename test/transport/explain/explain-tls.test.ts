import { checkServerIdentity, type PeerCertificate } from "node:tls";
import { describe, expect, test } from "vitest";
import { OpAMPError } from "../../../src/errors.js";
import { brokeOff, dialFailed } from "../../../src/transport/explain/connect-error.js";

const WSS = new URL("wss://opamp.example.com:4320/v1/opamp?token=secret");
const HTTPS = new URL("https://opamp.example.com:4320/v1/opamp?token=secret");

function thrown(code: string, message = "", more: object = {}): Error {
  return Object.assign(new Error(message), { code }, more);
}

const NO_TLS = ["what listens there does not speak TLS", /use ws:\/\//] as const;
const UNTRUSTED = ["from an authority that is not trusted here", /tls\.ca.*intermediates/] as const;
const NO_OVERLAP = ["share no TLS version or cipher", /tls\.minVersion/] as const;

const cases: readonly [code: string, says: string, hint: RegExp][] = [
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", ...UNTRUSTED],
  ["SELF_SIGNED_CERT_IN_CHAIN", ...UNTRUSTED],
  ["UNABLE_TO_GET_ISSUER_CERT", ...UNTRUSTED],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", ...UNTRUSTED],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "is self-signed and not trusted here", /tls\.ca/],
  ["CERT_HAS_EXPIRED", "has expired", /renew .* clock/],
  ["CERT_NOT_YET_VALID", "is not yet valid", /clock/],
  ["CERT_REVOKED", "has been revoked", /new certificate/],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "the server's certificate is not for opamp.example.com", /tls\.serverName/],
  ["INVALID_PURPOSE", "not fit for this", /-showcerts/],
  ["ERR_SSL_EE_KEY_TOO_SMALL", "too weak", /2048/],
  ["ERR_SSL_CA_MD_TOO_WEAK", "too weak", /SHA-2/],
  ["ERR_SSL_DH_KEY_TOO_SMALL", "too weak", /2048/],
  ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "demands a client certificate", /^give tls\.cert and tls\.key$/],
  ["ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE", "no usable client certificate", /belong together/],
  ["ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE", "no usable client certificate", /belong together/],
  ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", "refuses the client certificate: it does not trust its authority", /tls\.cert/],
  ["ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED", "refuses the client certificate: it has expired", /renew/],
  ["ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED", "refuses the client certificate: it has been revoked", /new/],
  ["ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN", "refuses the client certificate", /meant for clients/],
  ["ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE", "refuses the client certificate", /meant for clients/],
  ["ERR_SSL_TLSV1_ALERT_ACCESS_DENIED", "refuses the client certificate", /server's log/],
  ["ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR", "refuses the client certificate", /belongs to tls\.key/],
  ["ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE", "broke off the TLS handshake", /client certificate .*tls\.cipherSuites/],
  ["ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE", "broke off the TLS handshake", /client certificate/],
  ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", ...NO_OVERLAP],
  ["ERR_SSL_TLSV1_ALERT_INSUFFICIENT_SECURITY", ...NO_OVERLAP],
  ["ERR_SSL_UNSUPPORTED_PROTOCOL", ...NO_OVERLAP],
  ["ERR_SSL_NO_PROTOCOLS_AVAILABLE", ...NO_OVERLAP],
  ["ERR_SSL_NO_CIPHERS_AVAILABLE", ...NO_OVERLAP],
  ["ERR_SSL_TLSV1_UNRECOGNIZED_NAME", "does not know the name opamp.example.com", /tls\.serverName/],
  ["ERR_SSL_WRONG_VERSION_NUMBER", ...NO_TLS],
  ["ERR_SSL_PACKET_LENGTH_TOO_LONG", ...NO_TLS],
  ["ERR_SSL_HTTP_REQUEST", ...NO_TLS],
  ["ERR_SSL_UNKNOWN_PROTOCOL", ...NO_TLS],
  ["ERR_TLS_HANDSHAKE_TIMEOUT", "took too long", /port speaks TLS/],
  ["ERR_SSL_SOMETHING_NEW", "the TLS handshake failed", /both sides/],
  ["EPROTO", "the TLS handshake failed", /both sides/],
];

describe("TLS that fails", () => {
  test.each(cases)("with %s says: %s", (code, says, hint) => {
    const { error, fate } = dialFailed(thrown(code), WSS);
    expect(error).toMatchObject({
      code: "ERR_OPAMP_TLS",
      retryable: true,
      message: expect.stringMatching(/^no connection to opamp\.example\.com:4320: .* \(\S+\)$/),
      hint: expect.stringMatching(hint),
    });
    expect(error.message).toContain(says);
    expect(error.message).toContain(`(${code})`);
    expect(fate).toBe("unsent");
  });

  test("after the handshake, as in TLS 1.3, is reported as the same failure", () => {
    const { error, orderly } = brokeOff(thrown("ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED"), HTTPS, false);
    expect(error).toMatchObject({ code: "ERR_OPAMP_TLS", hint: "give tls.cert and tls.key" });
    expect(orderly).toBe(true);
  });

  test("on a write is recognised by its message text", () => {
    const text =
      "write EPROTO 80EC:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:ssl3_record.c:350:\n";
    const { error } = dialFailed(thrown("EPROTO", text, { syscall: "write" }), HTTPS);
    expect(error.message).toBe(
      "no connection to opamp.example.com:4320: what listens there does not speak TLS (ERR_SSL_WRONG_VERSION_NUMBER)",
    );
    expect(error.hint).toContain("use http://");
  });

  test("by a peer that hangs up in the handshake has several explanations in its hint", () => {
    const text = "Client network socket disconnected before secure TLS connection was established";
    const { error } = dialFailed(thrown("ECONNRESET", text), WSS);
    expect(error).toMatchObject({ code: "ERR_OPAMP_TLS" });
    expect(error.message).toContain("hung up in the TLS handshake (ECONNRESET)");
    expect(error.hint).toMatch(/use ws:\/\/.*tls\.cert/);
  });

  test("and is an OpAMPError already is passed on unchanged", () => {
    const own = new OpAMPError("ERR_OPAMP_PROXY", "the proxy wants other credentials");
    expect(dialFailed(own, WSS)).toMatchObject({ error: own, fate: "unsent" });
    expect(brokeOff(own, WSS).error).toBe(own);
  });
});

describe("the error for a certificate", () => {
  const DAY_MS = 86_400_000;
  const certificate = (more: object) => ({ cert: { valid_from: "", valid_to: "", subject: {}, ...more } });
  /** As OpenSSL writes dates. */
  const date = (atMs: number) =>
    new Date(atMs).toUTCString().replace(/^\w+, (\d+) (\w+) (\d+) (\S+) GMT$/, "$2 $1 $4 $3 GMT");

  test("has its dates if they explain the failure", () => {
    const past = Math.floor(Date.now() / 1000) * 1000 - DAY_MS;
    const ahead = past + 2 * DAY_MS;
    const told = (code: string, more: object) => dialFailed(thrown(code, "", certificate(more)), WSS).error.message;
    expect(told("CERT_HAS_EXPIRED", { valid_to: date(past) })).toContain(
      `certificate, valid until ${new Date(past).toISOString()}, has expired`,
    );
    expect(told("CERT_NOT_YET_VALID", { valid_from: date(ahead) })).toContain(
      `not yet valid: only from ${new Date(ahead).toISOString()} on`,
    );
    // The server's own is good, so it is one above it.
    expect(told("CERT_HAS_EXPIRED", { valid_to: date(ahead) })).toContain("certificate has expired");
    expect(told("CERT_NOT_YET_VALID", { valid_from: date(past) })).toContain("not yet valid (");
  });

  const wrongName = (more: object, text = "") =>
    dialFailed(thrown("ERR_TLS_CERT_ALTNAME_INVALID", text, certificate(more)), WSS).error.message;

  test("has its names if they do not match", () => {
    const message = wrongName({ subjectaltname: "DNS:a.example.com, IP Address:10.1.2.3" });
    expect(message).toContain("certificate is for a.example.com, 10.1.2.3, not for opamp.example.com (");
    expect(wrongName({ subject: { CN: "old.example.com" } })).toContain("certificate is for old.example.com, not for");
  });

  test("is not flooded by many names or an invalid name", () => {
    const many = Array.from({ length: 300 }, (_, index) => `DNS:host-${index}.example.com`).join(", ");
    const message = wrongName({ subjectaltname: many });
    expect(message).toContain("host-0.example.com");
    expect(message).toContain("host-4.example.com and 295 more, not for");
    expect(wrongName({ subjectaltname: `DNS:${"x".repeat(5_000)}\u001b[31m\n` }).length).toBeLessThan(300);
  });

  test.each([
    ["other.example.com", "DNS:a", "for a, not for other.example.com ("],
    ["10.0.0.1", "DNS:a", "for a, not for 10.0.0.1 ("],
    ["other.example.com", "IP Address:10.1.2.3", "for 10.1.2.3, not for other.example.com ("],
  ])("has the name that the certificate was checked against, %s, where it is for %s", (host, names, told) => {
    const { cert } = certificate({ subjectaltname: names });
    const error = checkServerIdentity(host, cert as PeerCertificate);
    expect(dialFailed(error, WSS).error.message).toContain(told);
  });
});
