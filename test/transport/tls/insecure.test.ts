import { describe, expect, test } from "vitest";
import { insecurities } from "../../../src/transport/insecure.js";
import type { DialSettings } from "../../../src/transport/settings/settings.js";
import type { TlsOptions } from "../../../src/transport/settings/tls-options.js";

const SKIP = { insecureSkipVerify: true };

function codes(url: string, tls?: TlsOptions, proxy: DialSettings["proxy"] = false): string[] {
  return insecurities(new URL(url), tls, proxy).map(({ code }) => code);
}

describe("an insecure setting", () => {
  test.each(["ws://opamp.example.com", "http://10.0.0.1", "ws://[2001:db8::1]", "http://127.example.com"])(
    "is %s, which is in plain text",
    (url) => expect(codes(url)).toEqual(["cleartext"]),
  );

  test.each(["wss://opamp.example.com", "https://10.0.0.1", "ws://localhost:4320", "http://127.1.2.3", "ws://[::1]"])(
    "is not %s",
    (url) => expect(codes(url)).toEqual([]),
  );

  test("is a certificate that is not verified, on loopback too", () => {
    expect(codes("wss://127.0.0.1", SKIP)).toEqual(["insecure-skip-verify"]);
    expect(codes("ws://127.0.0.1", SKIP)).toEqual([]);
  });

  test("is plain text to this machine through a remote proxy", () => {
    expect(codes("ws://localhost", undefined, { url: "proxy:3128" })).toEqual(["cleartext"]);
    expect(codes("ws://localhost", undefined, { url: "localhost:3128" })).toEqual([]);
  });

  test("is an https proxy that is not verified", () => {
    const proxy = { url: "https://proxy:3129" };
    expect(codes("wss://a", { ca: "ca.pem" }, { ...proxy, tls: SKIP })).toEqual(["insecure-skip-verify"]);
    expect(codes("wss://a", SKIP, proxy)).toEqual(["insecure-skip-verify", "insecure-skip-verify"]);
    expect(codes("wss://a", SKIP, { ...proxy, tls: {} })).toEqual(["insecure-skip-verify"]);
    expect(codes("wss://a", undefined, { url: "http://proxy:3128", tls: SKIP })).toEqual([]);
  });

  test("is reported with a fix and without secrets", () => {
    const proxy = { url: "https://joe:hunter2@proxy:3129", tls: SKIP };
    const found = insecurities(new URL("ws://joe:hunter2@opamp.example.com/v1?token=hunter2"), undefined, proxy);
    expect(found.map(({ message }) => message)).toEqual([
      "what goes to and from opamp.example.com is not encrypted",
      "the certificate of the proxy proxy:3129 is not verified, since proxy.tls.insecureSkipVerify is on",
    ]);
    expect(found[0]?.hint).toContain("wss://");
    expect(JSON.stringify(found)).not.toContain("hunter2");
  });
});
