import { describe, expect, test } from "vitest";
import { isExempt } from "../../../src/transport/proxy/no-proxy.js";
import { hostOf, portOf } from "../../../src/transport/url/endpoint.js";

type Row = readonly [noProxy: string, url: string, exempt: boolean];

function expected([noProxy, text, exempt]: Row): void {
  const url = new URL(text);
  expect(isExempt(noProxy, hostOf(url), portOf(url))).toBe(exempt);
}

/** What golang.org/x/net/http/httpproxy makes of them, which the Collector's extension goes by. */
const AS_GO: readonly Row[] = [
  ["example.com", "http://example.com", true],
  ["example.com", "http://a.b.example.com", true],
  ["example.com", "http://badexample.com", false],
  ["example.com", "http://example.com.evil.org", false],
  ["svc", "ws://opamp.monitoring.svc:4320", true],
  ["cluster.local", "wss://opamp.monitoring.svc.cluster.local", true],
  [".example.com", "http://example.com", false],
  [".example.com", "http://a.example.com", true],
  ["*.example.com", "http://a.example.com", true],
  ["*.example.com", "http://example.com", false],
  ["EXAMPLE.com", "http://a.Example.COM", true],
  ["münchen.de", "http://www.münchen.de", true],
  ["10.0.0.0/8", "ws://10.96.0.20:4320", true],
  ["10.0.0.1/8", "http://10.96.0.20", true],
  ["10.0.0.0/8", "http://11.0.0.1", false],
  ["10.0.0.0/33", "http://10.0.0.1", false],
  ["10.0.0.0/8", "http://10.example.com", false],
  ["0.0.0.0/0", "http://1.2.3.4", true],
  ["0.0.0.0/0", "http://a.b", false],
  ["::/0", "http://[fd00::1]", true],
  ["::/0", "http://1.2.3.4", false],
  ["::ffff:10.0.0.0/104", "http://10.1.2.3", true],
  ["fd00::/8", "http://[fd00::1]", true],
  ["fd00::/8", "http://[fe00::1]", false],
  ["10.0.0.0/8", "http://[::ffff:10.0.0.1]", true],
  ["10.0.0.1", "http://[::ffff:10.0.0.1]", true],
  ["10.0.0.1", "http://10.0.0.1", true],
  ["10.0.0.1", "http://10.0.0.10", false],
  ["0.0.1", "http://10.0.0.1", false],
  ["10.", "http://10.0.0.1", false],
  ["010.0.0.1", "http://10.0.0.1", false],
  ["fd00::1", "http://[fd00::1]", true],
  ["FD00:0::1", "http://[fd00::1]", true],
  ["fe80::1%eth0", "http://[fe80::1]", false],
  ["[fd00::1]:80", "http://[fd00::1]", true],
  ["[fd00::1]:81", "http://[fd00::1]", false],
  ["10.0.0.1:80", "http://10.0.0.1", true],
  ["10.0.0.1:81", "http://10.0.0.1", false],
  ["example.com:4320", "ws://example.com:4320", true],
  ["example.com:4320", "ws://a.example.com:4320", true],
  ["example.com:4320", "ws://example.com:4321", false],
  ["example.com:443", "wss://example.com", true],
  ["example.com:80", "wss://example.com", false],
  ["example.com:", "http://example.com", true],
  ["example.com:http", "http://example.com", false],
  ["*", "http://x.y", true],
  ["*", "http://[fd00::1]", true],
  ["a,*", "http://x.y", true],
  ["*:80", "http://x.y", false],
  ["*x.y", "http://a.x.y", false],
  ["a*.example.com", "http://ab.example.com", false],
  [" a.b , example.com ", "http://example.com", true],
  ["", "http://example.com", false],
  [",,", "http://example.com", false],
  [":80", "http://example.com", false],
  [".", "http://example.com", false],
  ["*.", "http://a.b", false],
  ["..example.com", "http://a.example.com", false],
  ["http://example.com", "http://example.com", false],
  ["[::1", "http://a.b", false],
];

/** What curl takes besides, and Go lets fall. */
const AS_CURL: readonly Row[] = [
  ["a.b example.com", "http://example.com", true],
  ["a.b\texample.com\n", "http://example.com", true],
  ["example.com.", "http://example.com", true],
  ["example.com", "http://example.com.", true],
  [".example.com.", "http://a.example.com.", true],
  ["[fd00::1]", "http://[fd00::1]", true],
];

describe("NO_PROXY", () => {
  test.each(AS_GO)("%j is for %s: %s, as in Go", (...row) => expected(row));
  test.each(AS_CURL)("%j is for %s: %s, as in curl", (...row) => expected(row));
});
