import { describe, expect, test } from "vitest";
import { readExtensionConfig } from "../../../src/extension/config/read-extension-config.js";
import { refused, SECRET, serverWith, type Tree } from "../reading.js";

const SUITE = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
const NEWEST = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];
const PEM = `-----BEGIN CERTIFICATE-----\n${SECRET}\n-----END CERTIFICATE-----\n`;
const PAIR = { cert_file: "c.pem", key_file: "k.pem" };

describe("exactly one transport", () => {
  const none = /^server: opamp server must have at least ws or http set/;
  const cases: readonly [Tree, RegExp][] = [
    [{}, none],
    [{ server: null }, none],
    [{ server: { ws: null } }, none],
    [
      { server: { ws: { endpoint: "ws://h" }, http: { endpoint: "http://h" } } },
      /^server: opamp server must have only ws or http set/,
    ],
    [{ server: { ws: {} } }, /^server\.ws\.endpoint: opamp server endpoint must be provided/],
    [{ server: { http: { endpoint: "" } } }, /^server\.http\.endpoint: opamp server endpoint must be provided/],
    [{ server: SECRET }, /^server: must be a map of keys, not text/],
    [{ server: { ws: [SECRET] } }, /^server\.ws: must be a map of keys, not a list/],
  ];
  test.each(cases)("%j is refused", (block, problem) => {
    expect(refused(block)).toMatchObject({ code: "ERR_OPAMP_OPTION", message: expect.stringMatching(problem) });
  });
});

describe("endpoint", () => {
  test.each([
    ["ws", "ws://127.0.0.1:4320/v1/opamp"],
    ["ws", "wss://opamp.example.com"],
    ["http", "http://[::1]:4320"],
    ["http", "https://opamp.example.com/x?y=z"],
  ] as const)("of %s accepts %s unchanged", (transport, endpoint) => {
    const { server } = readExtensionConfig({ server: { [transport]: { endpoint } } });
    expect(server).toMatchObject({ transport, endpoint, headers: {}, auth: undefined, tls: undefined });
  });

  test.each([
    ["ws", `https://u:${SECRET}@h`, "put a https URL under server.http, or write wss://"],
    ["http", "ws://h", "put a ws URL under server.ws, or write https://"],
    ["ws", `ftp://${SECRET}`, "write it such as wss://opamp.example.com:4320/v1/opamp"],
    ["http", SECRET, "write it such as https://opamp.example.com:4320/v1/opamp"],
  ] as const)("of %s refuses the scheme of %s", (transport, endpoint, hint) => {
    const found = refused({ server: { [transport]: { endpoint } } });
    const schemes = transport === "ws" ? "ws or wss" : "http or https";
    expect(found.message).toBe(`server.${transport}.endpoint: must be a ${schemes} URL`);
    expect(found.hint).toContain(hint);
  });
});

describe("polling_interval", () => {
  test.each([
    [undefined, 30_000],
    [null, 30_000],
    [0, 30_000],
    ["0", 30_000],
    ["0s", 30_000],
    ["1m30s", 90_000],
  ])("%j is %d ms", (polling_interval, ms) => {
    const { server } = readExtensionConfig(serverWith("http", { polling_interval }));
    expect(server.pollingIntervalMs).toBe(ms);
  });

  test("is refused for ws", () => {
    expect(readExtensionConfig(serverWith("ws", {})).server.pollingIntervalMs).toBeUndefined();
    expect(refused(serverWith("ws", { polling_interval: "1s" }))).toMatchObject({
      message: 'server.ws: unknown key "polling_interval"',
      hint: "remove it: a WebSocket does not poll; it is a key of server.http",
    });
  });

  test.each([
    ["-1s", /polling interval must be 0 or greater/],
    [30, /is a number without a unit/],
    [SECRET, /must be a duration/],
  ])("%j is refused", (polling_interval, problem) => {
    const { message } = refused(serverWith("http", { polling_interval }));
    expect(message).toMatch(/^server\.http\.polling_interval: /);
    expect(message).toMatch(problem);
  });
});

describe("headers", () => {
  test("are read unchanged", () => {
    const headers = { "X-Tenant": "a", Authorization: "Bearer b", "X-Empty": "" };
    expect(readExtensionConfig(serverWith("ws", { headers })).server.headers).toEqual(headers);
  });

  test.each([
    [{ "X-Tenant": 7 }, /^server\.ws\.headers\.X-Tenant: must be text, not a number/],
    [{ "X-Tenant": `${SECRET}\nx: y` }, /^server\.ws\.headers\.X-Tenant: cannot be sent as a header/],
    [{ "X Tenant": SECRET }, /^server\.ws\.headers\["X Tenant"\]: cannot be sent as a header/],
    [{ "Content-Type": SECRET }, /^server\.ws\.headers\.Content-Type: cannot be sent as a header/],
    [[SECRET], /^server\.ws\.headers: must be a map of keys, not a list/],
  ])("%j is refused", (headers, problem) => {
    expect(refused(serverWith("ws", { headers })).message).toMatch(problem);
  });
});

describe("tls", () => {
  const forms: readonly [given: Tree, read: unknown][] = [
    [{}, undefined],
    [{ insecure: true }, undefined],
    [{ ca_file: "", cert_file: "", key_pem: "", min_version: "", server_name_override: "" }, undefined],
    [{ ca_file: "/ca.pem" }, { ca: "/ca.pem" }],
    [{ ca_pem: PEM }, { ca: PEM }],
    [
      { ca_file: "/ca.pem", include_system_ca_certs_pool: true },
      { ca: "/ca.pem", includeSystemCa: true },
    ],
    [PAIR, { cert: "c.pem", key: "k.pem" }],
    [
      { cert_pem: PEM, key_file: "k.pem" },
      { cert: PEM, key: "k.pem" },
    ],
    [{ insecure: true, insecure_skip_verify: true }, { insecureSkipVerify: true }],
    [{ server_name_override: "other" }, { serverName: "other" }],
    [{ min_version: "1.3" }, { minVersion: "1.3" }],
    [
      { min_version: "1.0", max_version: "1.1" },
      { minVersion: "1.0", maxVersion: "1.1" },
    ],
    [{ reload_interval: "1h", curve_preferences: [], tpm: { enabled: false, path: "/dev/tpm0" } }, undefined],
    [{ cipher_suites: [] }, undefined],
    [{ cipher_suites: [SUITE] }, { cipherSuites: [SUITE, ...NEWEST] }],
    [{ cipher_suites: SUITE }, { cipherSuites: [SUITE, ...NEWEST] }],
    [
      { cipher_suites: [SUITE], max_version: "1.2" },
      { cipherSuites: [SUITE], maxVersion: "1.2" },
    ],
    [{ cipher_suites: [NEWEST[1]] }, { cipherSuites: [NEWEST[1]] }],
  ];
  test.each(forms)("%j is read", (tls, read) => {
    for (const transport of ["ws", "http"] as const) {
      expect(readExtensionConfig(serverWith(transport, { tls })).server.tls).toEqual(read);
    }
  });

  const refusals: readonly [Tree, path: string, problem: RegExp][] = [
    [{ ca_file: "a", ca_pem: PEM }, "ca_pem", /provide either a CA file or the PEM-encoded string, but not both/],
    [{ ...PAIR, cert_pem: PEM }, "cert_pem", /provide either certificate file or PEM, but not both/],
    [{ ...PAIR, key_pem: PEM }, "key_pem", /provide either key file or PEM, but not both/],
    [{ ca_pem: SECRET }, "ca_pem", /must be PEM text/],
    [{ cert_file: "c" }, "", /TLS configuration must include both certificate and key/],
    [{ key_pem: PEM }, "", /TLS configuration must include both certificate and key/],
    [{ min_version: "1.4" }, "min_version", /unsupported TLS version/],
    [{ max_version: "TLSv1.2" }, "max_version", /unsupported TLS version/],
    [{ min_version: 1.2 }, "min_version", /must be text, not a number/],
    [{ min_version: "1.3", max_version: "1.2" }, "max_version", /min_version cannot be greater than max_version/],
    [{ max_version: "1.1" }, "max_version", /min_version is 1\.2 unless given/],
    [{ cipher_suites: [SUITE, SECRET] }, "cipher_suites[1]", /invalid TLS cipher suite/],
    [{ reload_interval: 5 }, "reload_interval", /is a number without a unit/],
    [{ insecure: "yes" }, "insecure", /must be true or false/],
    [{ insecure_skip_verify: 1 }, "insecure_skip_verify", /must be true or false/],
    [{ include_system_ca_certs_pool: "x" }, "include_system_ca_certs_pool", /must be true or false/],
    [{ server_name_override: 1 }, "server_name_override", /must be text/],
    [{ curve_preferences: ["X25519"] }, "curve_preferences", /is not supported/],
    [{ tpm: { enabled: true, auth: SECRET } }, "tpm.enabled", /keys in a TPM are not supported/],
  ];
  test.each(refusals)("%j is refused", (tls, path, problem) => {
    const where = path === "" ? "server.ws.tls" : `server.ws.tls.${path}`;
    const { code, message } = refused(serverWith("ws", { tls }));
    expect([code, message.slice(0, where.length + 1)]).toEqual(["ERR_OPAMP_OPTION", `${where}:`]);
    expect(message).toMatch(problem);
  });

  test("is used for wss and https only, but always validated", () => {
    const endpoint = "ws://127.0.0.1:4320";
    const tls = { ca_file: "/ca.pem" };
    expect(readExtensionConfig({ server: { ws: { endpoint, tls } } }).server.tls).toBeUndefined();
    expect(refused({ server: { ws: { endpoint, tls: { cafile: "x" } } } }).message).toMatch(
      /^server\.ws\.tls: unknown key "cafile"/,
    );
  });

  test("an OpenSSL name is refused with the IANA name as a hint", () => {
    const { hint } = refused(serverWith("ws", { tls: { cipher_suites: ["ECDHE-RSA-AES128-GCM-SHA256"] } }));
    expect(hint).toBe(`write ${SUITE}`);
  });
});
