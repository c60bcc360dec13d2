import { describe, expect, test } from "vitest";
import { readNetworkSettings } from "../../../src/client/settings/network-settings.js";
import type { OpAMPClientOptions } from "../../../src/index.js";
import { verifies } from "../../conformance/verifies.js";
import { refusal } from "../refusal.js";

/** Reads options of any shape. */
function read(options: object) {
  return readNetworkSettings({ description: {}, ...options } as OpAMPClientOptions);
}

/** Where a refusal stands in a message, and its words. */
type Row = [options: object, path: string, problem: RegExp];

function refuses(rows: readonly Row[]): void {
  test.each(rows)("%j is refused", (options, path, problem) => {
    const error = refusal(() => read(options));
    expect(error.code).toBe("ERR_OPAMP_OPTION");
    expect(error.message.slice(0, path.length + 1)).toBe(`${path}:`);
    expect(error.message).toMatch(problem);
    expect(`${error.message} ${error.hint}`).not.toContain("secret");
  });
}

const PAIR = { cert: "cert.pem", key: "key.pem" };
const SUITE = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";

describe("tls", () => {
  test("is copied as given, without undefined members", () => {
    const ca = ["ca.pem"];
    const tls = { ca, ...PAIR, passphrase: "", minVersion: "TLSv1.1", cipherSuites: [SUITE], serverName: undefined };
    const { tls: settings } = read({ tls });
    expect(settings).toStrictEqual({ ca, ...PAIR, passphrase: "", minVersion: "TLSv1.1", cipherSuites: [SUITE] });
    ca.push("other.pem");
    expect(settings?.ca).toEqual(["ca.pem"]);
    expect(read({}).tls).toBeUndefined();
  });

  refuses([
    [{ tls: "secret" }, "tls", /must be an object, not string/],
    [{ tls: { cacert: "x" } }, "tls.cacert", /known are ca, /],
    [{ tls: { ca: Buffer.from("secret") } }, "tls.ca", /PEM text or the path of a file, not Buffer/],
    [{ tls: { ca: [] } }, "tls.ca", /empty/],
    [{ tls: { ca: ["a", 1] } }, "tls.ca[1]", /not number/],
    [{ tls: { ca: " " } }, "tls.ca", /is empty/],
    [{ tls: { ...PAIR, key: null } }, "tls.key", /not null/],
    [{ tls: { cert: "secret" } }, "tls.key", /is missing; it belongs to tls\.cert/],
    [{ tls: { key: "secret" } }, "tls.cert", /is missing; it belongs to tls\.key/],
    [{ tls: { passphrase: "secret" } }, "tls.passphrase", /no key/],
    [{ tls: { ...PAIR, passphrase: 7 } }, "tls.passphrase", /must be a string, not number/],
    [{ tls: { serverName: "" } }, "tls.serverName", /is empty/],
    [{ tls: { insecureSkipVerify: "no" } }, "tls.insecureSkipVerify", /true or false, not string/],
    [{ tls: { includeSystemCa: 1 } }, "tls.includeSystemCa", /true or false, not number/],
  ]);
});

describe("tls versions and suites", () => {
  verifies("TLS-03", "is accepted in every spelling", () => {
    const forms = ["1.0", "1.1", "1.2", "1.3", "TLSv1", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
    for (const minVersion of forms) expect(read({ tls: { minVersion } }).tls).toEqual({ minVersion });
    for (const maxVersion of ["1.2", "TLSv1.3"]) expect(read({ tls: { maxVersion } }).tls).toEqual({ maxVersion });
  });

  refuses([
    [{ tls: { minVersion: 1.2 } }, "tls.minVersion", /must be one of "1\.0", /],
    [{ tls: { minVersion: "toString" } }, "tls.minVersion", /must be one of/],
    [{ tls: { maxVersion: "SSLv3" } }, "tls.maxVersion", /must be one of/],
    [
      { tls: { minVersion: "1.3", maxVersion: "1.2" } },
      "tls.maxVersion",
      /\(1\.2\) is below the least version \(1\.3\)/,
    ],
    [{ tls: { maxVersion: "1.1" } }, "tls.maxVersion", /below the least version \(1\.2\)/],
    [{ tls: { cipherSuites: SUITE } }, "tls.cipherSuites", /list of names, not string/],
    [{ tls: { cipherSuites: [] } }, "tls.cipherSuites", /is empty/],
    [
      { tls: { cipherSuites: [SUITE, "TLS_ROT_13"] } },
      "tls.cipherSuites[1]",
      /"TLS_ROT_13" is not a known cipher suite/,
    ],
    [{ tls: { cipherSuites: [1] } }, "tls.cipherSuites[0]", /must be a string, not number/],
    [
      { tls: { cipherSuites: ["ECDHE-RSA-AES128-GCM-SHA256"] } },
      "tls.cipherSuites[0]",
      /write TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256/,
    ],
    [{ tls: { cipherSuites: [SUITE], minVersion: "1.3" } }, "tls.cipherSuites", /all for TLS 1\.2/],
    [{ tls: { cipherSuites: ["TLS_AES_128_GCM_SHA256"], maxVersion: "1.2" } }, "tls.cipherSuites", /all for TLS 1\.3/],
  ]);
});

describe("proxy", () => {
  test.each([undefined, "env"])("is that of the environment by default: %j", (proxy) =>
    expect(read({ proxy }).proxy).toBe("env"),
  );

  test("can be turned off", () => expect(read({ proxy: false }).proxy).toBe(false));

  verifies("PROXY-01", "is copied as given", () => {
    const proxy = { url: "https://joe:pw@proxy:3128", headers: { "X-Tenant": "blue" }, tls: { ca: "ca.pem" } };
    const { proxy: settings } = read({ proxy });
    expect(settings).toStrictEqual(proxy);
    proxy.headers["X-Tenant"] = "red";
    expect(settings).toHaveProperty("headers", { "X-Tenant": "blue" });
    for (const url of ["proxy:3128", "socks5://proxy", "socks5h://u:p@proxy"]) {
      expect(read({ proxy: { url } }).proxy).toStrictEqual({ url });
    }
  });

  refuses([
    [{ proxy: "http://u:secret@proxy:3128" }, "proxy", /must be { url }, "env" or false, not string/],
    [{ proxy: true }, "proxy", /not boolean/],
    [{ proxy: { uri: "x" } }, "proxy.uri", /known are url, headers, tls/],
    [{ proxy: {} }, "proxy.url", /must be a string, not undefined/],
    [{ proxy: { url: "" } }, "proxy.url", /is empty/],
    [{ proxy: { url: "secret proxy" } }, "proxy.url", /not the URL of a proxy/],
    [{ proxy: { url: "socks4://u:secret@h" } }, "proxy.url", /is for socks4/],
    [{ proxy: { url: "http://u:%secret@h" } }, "proxy.url", /percent-encoded/],
    [{ proxy: { url: "h:1", headers: ["x"] } }, "proxy.headers", /must be a record/],
    [{ proxy: { url: "h:1", headers: { "x secret": "secret" } } }, 'proxy.headers["x..."]', /cannot be sent/],
    [{ proxy: { url: "h:1", headers: { x: "secret\n" } } }, 'proxy.headers["x"]', /cannot be sent/],
    [{ proxy: { url: "h:1", tls: { minVersion: "2" } } }, "proxy.tls.minVersion", /must be one of/],
  ]);
});

describe("limits", () => {
  test("of messages are one for both directions, or one for each", () => {
    expect(read({ maxMessageBytes: 7 }).maxMessageBytes).toEqual({ send: 7, receive: 7 });
    expect(read({ maxMessageBytes: { send: 7 } }).maxMessageBytes).toEqual({ send: 7, receive: 67_108_864 });
  });

  test("of redirects can be 0", () => expect(read({ maxRedirects: 0 }).maxRedirects).toBe(0));

  refuses([
    [{ maxMessageBytes: 0 }, "maxMessageBytes", /whole number above 0/],
    [{ maxMessageBytes: { receive: "7" } }, "maxMessageBytes.receive", /whole number above 0/],
    [{ maxMessageBytes: { recieve: 7 } }, "maxMessageBytes.recieve", /known are send, receive/],
    [{ maxRedirects: -1 }, "maxRedirects", /whole number above 0/],
    [{ compression: "gzip" }, "compression", /true or false/],
  ]);
});
