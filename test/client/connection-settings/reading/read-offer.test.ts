import { describe, expect, test } from "vitest";
import { verifies } from "../../../conformance/verifies.js";
import { headers, type OfferInit, read, refusal } from "../offers.js";

const ENDPOINT = "wss://other.example.com:4321/v1/opamp";

describe("an offer", () => {
  test("is read with what it names, and with nothing else", () => {
    expect(read({})).toEqual({});
    expect(read({ destinationEndpoint: ENDPOINT })).toEqual({ endpoint: ENDPOINT });
    expect(read({ heartbeatIntervalSeconds: 7n })).toEqual({ heartbeatSeconds: 7n });
    expect(read({ headers: headers() })).toEqual({ headers: {} });
    expect(read({ headers: headers(["X-Token", "a"], ["authorization", "b"]) })).toEqual({
      headers: { "x-token": "a", authorization: "b" },
    });
    expect(read({ proxy: { url: "p:8443" } })).toEqual({ proxy: { url: "p:8443", headers: {} } });
    expect(read({ tls: {} })).toEqual({ tls: { includeSystemCa: false, insecureSkipVerify: false } });
    expect(read({ tls: { minVersion: "1.3", maxVersion: "TLSv1.3", insecureSkipVerify: true } })).toEqual({
      tls: { includeSystemCa: false, insecureSkipVerify: true, minVersion: "1.3", maxVersion: "1.3" },
    });
  });

  test.each(["http://fs-b/x", "https://fs-b", "ws://127.0.0.1:1/", "wss://[::1]:4320/v1/opamp"])(
    "may lead to %s",
    (endpoint) => {
      expect(read({ destinationEndpoint: endpoint }).endpoint).toBe(endpoint);
    },
  );

  verifies("CONN-12", "is refused where its endpoint is not the URL of a server", () => {
    for (const endpoint of [
      "ftp://x",
      "not a url",
      "wss://",
      "/v1/opamp",
      "file:///etc/passwd",
      "javascript:1",
      "unix:/x",
    ]) {
      expect(refusal(() => read({ destinationEndpoint: endpoint }))).toBe(
        "destination_endpoint is not a server's URL (send a ws, wss, http or https URL with a host)",
      );
    }
  });

  test("is refused where its endpoint has a user or a password, which is not shown", () => {
    const text = refusal(() => read({ destinationEndpoint: "wss://user:pass-word@host/x?token=t0ken" }));
    expect(text).toContain("destination_endpoint (wss://host/x) has a user");
    expect(text).not.toMatch(/pass-word|t0ken/);
  });

  verifies("PROXY-01", "names a proxy with or without a scheme, and not an empty one", () => {
    expect(read({ proxy: { url: "http://p:8443" } }).proxy?.url).toBe("http://p:8443");
    expect(refusal(() => read({ proxy: { url: "" } }))).toMatch(/^proxy\.url is empty/);
    expect(refusal(() => read({ proxy: { url: "ftp://p" } }))).toMatch(/^proxy\.url is for ftp/);
    expect(refusal(() => read({ proxy: { url: "http://u:p%zz@p" } }))).not.toContain("%zz");
  });

  test("may have a header for the proxy alone", () => {
    const connectHeaders = headers(["Proxy-Authorization", "Basic x"]);
    expect(read({ proxy: { url: "p:1", connectHeaders } }).proxy?.headers).toEqual({
      "proxy-authorization": "Basic x",
    });
    expect(refusal(() => read({ headers: connectHeaders }))).toContain(
      'headers: "Proxy-Authorization" is not for a server',
    );
  });
});

describe("headers of an offer", () => {
  const hostile = [
    "Host",
    "host",
    ":authority",
    "Content-Length",
    "Content-Type",
    "Content-Encoding",
    "Transfer-Encoding",
    "Connection",
    "Upgrade",
    "Keep-Alive",
    "TE",
    "Trailer",
    "Expect",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Protocol",
    "sec-fetch-mode",
    "Proxy-Connection",
    "OpAMP-Instance-UID",
    "Accept-Encoding",
    "x y",
    "x:y",
    "",
    "ü",
  ];

  test.each(hostile)("do not set %j, on requests or for a proxy", (name) => {
    const given = headers([name, "s3cret"]);
    const texts = [
      refusal(() => read({ headers: given })),
      refusal(() => read({ proxy: { url: "p:1", connectHeaders: given } })),
    ];
    expect(texts[0]).toMatch(/^headers: /);
    expect(texts[1]).toMatch(/^proxy\.connect_headers: /);
    expect(texts.join()).not.toContain("s3cret");
  });

  test.each(["a\r\nHost: evil", "a\nb", "a\0", "\u{1f511}"])(
    "cannot have the value %j, which is not shown",
    (value) => {
      const text = refusal(() => read({ headers: headers(["x-token", value]) }));
      expect(text).toContain('headers: "x-token" cannot be sent');
      expect(text).not.toContain(value);
    },
  );

  test("cannot hide a value in a name", () => {
    expect(refusal(() => read({ headers: headers(["Authorization: Bearer s3cret", ""]) }))).not.toContain("s3cret");
  });

  test("are not named twice, in whatever case", () => {
    expect(refusal(() => read({ headers: headers(["X-A", "1"], ["x-a", "2"]) }))).toContain("is there twice");
  });

  test("may be called like what every object has", () => {
    expect(Object.entries(read({ headers: headers(["constructor", "a"]) }).headers ?? {})).toEqual([
      ["constructor", "a"],
    ]);
    // It would be lost on the way to a request.
    expect(refusal(() => read({ headers: headers(["__proto__", "b"]) }))).toContain("is not for a server to set");
  });
});

describe("what is too large in an offer", () => {
  const many = Array.from({ length: 65 }, (_, index) => [`x-${index}`, "v"] as const);
  const large: readonly (readonly [string, OfferInit])[] = [
    ["destination_endpoint", { destinationEndpoint: `wss://h/${"x".repeat(2_048)}` }],
    ["headers", { headers: headers(...many) }],
    ["a name in headers", { headers: headers(["x".repeat(300), "v"]) }],
    ["headers:", { headers: headers(["x-a", "v".repeat(20_000)]) }],
    [
      "headers as a whole",
      { headers: headers(...many.slice(0, 10).map(([name]) => [name, "v".repeat(8_000)] as const)) },
    ],
    ["proxy.url", { proxy: { url: `http://h/${"x".repeat(3_000)}` } }],
    ["tls.cipher_suites", { tls: { cipherSuites: Array.from({ length: 65 }, () => "TLS_AES_128_GCM_SHA256") } }],
    ["tls.ca_pem_contents", { tls: { caPemContents: "x".repeat(500_000) } }],
    ["certificate.cert", { certificate: { cert: new Uint8Array(70_000) } }],
  ];

  test.each(large)("is refused: %s", (where, offer) => {
    const text = refusal(() => read(offer));
    expect(text.startsWith(where)).toBe(true);
    expect(text).toMatch(/too large|too many|more than/);
  });
});

test("TLS of an offer is refused where a version, a suite or an authority is not known", () => {
  expect(refusal(() => read({ tls: { minVersion: "SSLv3" } }))).toContain("tls.min_version is not a version of TLS");
  expect(refusal(() => read({ tls: { maxVersion: "2" } }))).toContain("tls.max_version is not a version of TLS");
  expect(refusal(() => read({ tls: { cipherSuites: ["TLS_AES_128_GCM_SHA256", "TLS_NULL"] } }))).toContain("number 2");
  expect(refusal(() => read({ tls: { caPemContents: "no PEM" } }))).toContain(
    "tls.ca_pem_contents holds no certificate",
  );
});

test("a refusal that no option lifts names none", () => {
  const twice = headers(["a", "1"], ["A", "2"]);
  expect(refusal(() => read({ headers: twice }))).toMatch(/ is there twice \(correct what the server offers\)$/);
});
