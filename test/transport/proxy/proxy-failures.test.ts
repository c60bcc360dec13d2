import { expect, test } from "vitest";
import { isFinalFailure } from "../../../src/connection-settings/final-failure.js";
import type { OpAMPError } from "../../../src/errors.js";
import { proxyFor, type ResolvedProxy } from "../../../src/transport/proxy/proxy.js";
import {
  connectFailed,
  proxyOverdue,
  proxyUnreachable,
  socksFailed,
} from "../../../src/transport/proxy/proxy-error.js";

const TARGET = "new.example.com:443";

const withCode = (code: string) => (proxy: ResolvedProxy) =>
  proxyUnreachable(proxy, Object.assign(new Error("x"), { code }));

test.each<[string, (proxy: ResolvedProxy) => OpAMPError, boolean]>([
  ["whose certificate is not trusted", withCode("UNABLE_TO_VERIFY_LEAF_SIGNATURE"), true],
  ["whose certificate is self-signed", withCode("DEPTH_ZERO_SELF_SIGNED_CERT"), true],
  ["whose certificate has ended", withCode("CERT_HAS_EXPIRED"), true],
  ["whose certificate is for another name", withCode("ERR_TLS_CERT_ALTNAME_INVALID"), true],
  ["that speaks no TLS", withCode("ERR_SSL_WRONG_VERSION_NUMBER"), true],
  ["that takes no login", (proxy) => socksFailed(proxy, TARGET, "Socks5 proxy: no accepted authentication type"), true],
  ["that does not take the login", (proxy) => socksFailed(proxy, TARGET, "Socks5 Authentication failed"), true],
  ["that is not there", withCode("ECONNREFUSED"), false],
  ["whose name does not resolve for now", withCode("EAI_AGAIN"), false],
  ["that hangs up", (proxy) => connectFailed(proxy, TARGET, new Error("socket hang up")), false],
  [
    "that cannot reach the server",
    (proxy) => socksFailed(proxy, TARGET, "rejected connection - HostUnreachable"),
    false,
  ],
  ["that takes too long", (proxy) => proxyOverdue(proxy), false],
])("a proxy %s ends settings that are tried at once, or not", async (_what, failed, isFinal) => {
  const proxy = await proxyFor(new URL("wss://new.example.com"), { proxy: { url: "https://proxy:1" }, tls: undefined });
  if (proxy === undefined) throw new Error("no proxy");
  expect(isFinalFailure(failed(proxy))).toBe(isFinal);
});
