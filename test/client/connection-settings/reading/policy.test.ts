import { describe, expect, test } from "vitest";
import { failureText, isFinalFailure } from "../../../../src/connection-settings/final-failure.js";
import { changedBetween, fingerprintOf } from "../../../../src/connection-settings/fingerprint.js";
import { laidOver, type OwnSettings } from "../../../../src/connection-settings/laid-over.js";
import { checkPolicy, endpointProblem, type SettingsPolicy } from "../../../../src/connection-settings/policy.js";
import type { OfferedTls, Snapshot } from "../../../../src/connection-settings/snapshot.js";
import { errorCodes, OpAMPError } from "../../../../src/errors.js";
import { verifies } from "../../../conformance/verifies.js";
import { refusal } from "../offers.js";

const POLICY: SettingsPolicy = {
  endpoints: ["home.example.com"],
  allowCleartext: undefined,
  allowInsecureSkipVerify: false,
};
const OWN: OwnSettings = { url: "wss://home.example.com/v1/opamp", headers: undefined, tls: undefined, proxy: false };
const skipping: OfferedTls = { includeSystemCa: false, insecureSkipVerify: true };

interface Case {
  own?: Partial<OwnSettings>;
  inForce?: Snapshot;
  policy?: Partial<SettingsPolicy>;
  isLasting?: boolean;
}

function check(snapshot: Snapshot, { own, inForce = {}, policy, isLasting = true }: Case = {}): void {
  const settings = { ...OWN, ...own };
  const laid = (over: Snapshot) => laidOver(settings, over, false);
  checkPolicy(laid(snapshot), snapshot, { own: laid({}), inForce: laid(inForce), isLasting }, { ...POLICY, ...policy });
}

describe("the endpoint of an offer", () => {
  test.each([
    ["wss://home.example.com/x", ["home.example.com"]],
    ["https://home.example.com:9/x", ["home.example.com"]],
    ["wss://HOME.example.com./x", ["Home.Example.com"]],
    ["wss://home.example.com/x", ["home.example.com:443"]],
    ["wss://a.example.com/x", ["*.example.com"]],
    ["wss://a.b.example.com/x", ["*.example.com"]],
    ["wss://home.example.com/x", ["home.example.com."]],
    ["wss://a.example.com/x", ["*.example.com."]],
    ["wss://[::1]:4321/x", ["[::1]:4321"]],
    ["wss://[::1]:4321/x", ["[::1]"]],
    ["wss://10.0.0.1/x", ["10.0.0.1"]],
    ["wss://anywhere/x", ["other", "*"]],
  ])("%s is allowed by %j", (endpoint, endpoints) => {
    expect(() => check({ endpoint }, { policy: { endpoints } })).not.toThrow();
  });

  test.each([
    ["wss://evil.com/x", ["home.example.com"]],
    ["wss://home.example.com.evil.com/x", ["home.example.com"]],
    ["wss://evil-home.example.com/x", ["home.example.com"]],
    ["wss://home.example.com:444/x", ["home.example.com:443"]],
    ["wss://example.com/x", ["*.example.com"]],
    ["wss://evilexample.com/x", ["*.example.com"]],
    ["wss://evil.com/home.example.com", ["home.example.com"]],
    ["wss://evil.com/x?home.example.com", ["*.example.com"]],
    ["wss://169.254.169.254/x", ["home.example.com", "*.example.com"]],
    ["wss://0x7f.1/x", ["home.example.com"]],
    ["wss://other.example.com/x", []],
  ])("%s is not allowed by %j", (endpoint, endpoints) => {
    const text = refusal(() => check({ endpoint }, { policy: { endpoints } }));
    expect(text).toContain("is not one that this agent may be moved to");
    expect(text).toContain("connectionSettings.opamp.endpoints");
  });

  test("may always be the one in force, or that of the options, over no weaker scheme", () => {
    const policy = { endpoints: ["b.example.com"], allowCleartext: true };
    const inForce = { endpoint: "wss://b.example.org:9/x" };
    const { origin: home } = new URL(OWN.url.replace(/^ws/, "http"));
    expect(() => check({ endpoint: OWN.url }, { policy, inForce })).not.toThrow();
    expect(() => check({ endpoint: `${home}/other` }, { policy, inForce })).not.toThrow();
    expect(() => check({ endpoint: "https://b.example.org:9/y" }, { policy, inForce })).not.toThrow();
    for (const endpoint of ["ws://b.example.org:9/x", "wss://b.example.org:10/x"])
      expect(() => check({ endpoint }, { policy, inForce })).toThrow("is not one that this agent may be moved to");
  });

  test("is not looked at where the offer leaves it as it is", () => {
    expect(() => check({ headers: { a: "1" } }, { policy: { endpoints: [] } })).not.toThrow();
  });

  test("is shown without its query where it is refused", () => {
    expect(refusal(() => check({ endpoint: "wss://evil.com/x?token=t0ken" }))).not.toContain("t0ken");
  });

  test.each([
    ["*", undefined],
    ["host", undefined],
    ["host:1", undefined],
    ["[::1]:1", undefined],
    ["*.example.com", undefined],
    ["wss://host", "must be a host"],
    ["", "must be a host"],
    ["a*b", "must be a host"],
    ["host:port", "is not the name"],
    ["ho st", "is not the name"],
    ["user@host", "is not the name"],
    ["::1", "brackets, such as [::1]"],
    ["2001:db8::1", "brackets"],
    ["host:99999", "a port above 65535"],
    ["[::1]:65536", "a port above 65535"],
  ])("may be allowed by %j: %j", (pattern, problem) => {
    if (problem === undefined) expect(endpointProblem(pattern)).toBeUndefined();
    else expect(endpointProblem(pattern)).toContain(problem);
  });
});

describe("cleartext", () => {
  const endpoint = "ws://home.example.com:1/x";
  const encrypted: Snapshot = { endpoint: "wss://home.example.com:1/x" };
  const plain = { url: "http://home.example.com:4320/v1/opamp" };

  test("is refused where the options' own URL is encrypted", () => {
    expect(refusal(() => check({ endpoint }))).toContain("(ws://home.example.com:1/x) is not encrypted");
    expect(() => check({ endpoint }, { own: plain })).not.toThrow();
  });

  test("is refused once an offer has led to TLS", () => {
    expect(refusal(() => check({ endpoint }, { own: plain, inForce: encrypted }))).toContain("is not encrypted");
  });

  test("is as connectionSettings.opamp.allowCleartext says", () => {
    expect(() => check({ endpoint }, { policy: { allowCleartext: true } })).not.toThrow();
    expect(refusal(() => check({ endpoint }, { own: plain, policy: { allowCleartext: false } }))).toContain(
      "is not encrypted",
    );
  });
});

test("verification is not turned off by an offer, unless that is allowed or it is off", () => {
  const text = refusal(() => check({ tls: skipping }));
  expect(text).toContain("tls.insecure_skip_verify would have the agent trust any certificate");
  expect(() => check({ tls: skipping }, { policy: { allowInsecureSkipVerify: true } })).not.toThrow();
  const own = { tls: { insecureSkipVerify: true } };
  expect(() => check({ tls: skipping }, { own })).not.toThrow();
  const verifying: Snapshot = { tls: { ...skipping, insecureSkipVerify: false } };
  expect(refusal(() => check({ tls: skipping }, { own, inForce: verifying }))).toContain("tls.insecure_skip_verify");
});

describe("a proxy in an offer", () => {
  const proxy = { url: "http://proxy.evil.com:8080", headers: {} };
  const plain = { url: "http://home.example.com:4320/v1/opamp" };

  test("is taken anywhere for a connection that is encrypted and verified", () => {
    expect(() => check({ proxy })).not.toThrow();
  });

  test("is refused where it could read what passes, unless its host is allowed", () => {
    const text = refusal(() => check({ proxy }, { own: plain }));
    expect(text).toContain("proxy.url (proxy.evil.com:8080) could read what this agent and its server say");
    expect(refusal(() => check({ proxy: { ...proxy, url: "socks5://evil.com" } }, { own: plain }))).toContain(
      "(evil.com",
    );
    const unverified = { tls: { insecureSkipVerify: true } };
    expect(refusal(() => check({ proxy }, { own: unverified }))).toContain("proxy.url");
    for (const endpoints of [["*"], ["*.evil.com"], ["proxy.evil.com:8080"]]) {
      expect(() => check({ proxy }, { own: plain, policy: { endpoints } })).not.toThrow();
    }
    expect(() => check({ proxy: { ...proxy, url: "SOCKS5://Home.Example.com" } }, { own: plain })).not.toThrow();
  });

  test("is refused where the offer, or one before it, also says whose certificates are trusted", () => {
    const tls = { ca: "PEM", includeSystemCa: false, insecureSkipVerify: false };
    expect(refusal(() => check({ proxy, tls }))).toContain("proxy.url (proxy.evil.com:8080) could read");
    expect(() => check({ proxy, tls }, { policy: { endpoints: ["proxy.evil.com"] } })).not.toThrow();
    const pool = { includeSystemCa: true, insecureSkipVerify: false };
    expect(() => check({ proxy, tls: pool })).not.toThrow();
    const pinned = { tls: { ca: "PEM" } };
    expect(refusal(() => check({ proxy, tls: pool }, { own: pinned }))).toContain("proxy.url (proxy.evil.com:8080)");
    expect(() => check({ proxy, tls: { ...pool, includeSystemCa: false } }, { own: pinned })).not.toThrow();
    const wide = { tls: { ca: "PEM", includeSystemCa: true } };
    expect(() => check({ proxy, tls: pool }, { own: wide })).not.toThrow();
  });

  test("may be the one that the options name, with other headers", () => {
    const own = { ...plain, proxy: { url: "http://user:pass@proxy.evil.com:8080" } };
    expect(() => check({ proxy }, { own })).not.toThrow();
  });
});

verifies("CONN-11", "a certificate is refused where a restart would lose it", () => {
  const snapshot: Snapshot = { certificate: { cert: "C", key: "K" } };
  expect(refusal(() => check(snapshot, { isLasting: false }))).toContain("certificate would be lost with a restart");
  expect(() => check(snapshot)).not.toThrow();
  expect(() => check({ headers: {}, certificate: null }, { isLasting: false })).not.toThrow();
});

describe("a failure while settings are proved", () => {
  const failure = (code: ConstructorParameters<typeof OpAMPError>[0], httpStatus?: number) =>
    new OpAMPError(code, "x", { httpStatus });

  test.each([
    ["ERR_OPAMP_UNAUTHORIZED", 401, true],
    ["ERR_OPAMP_UNAUTHORIZED", 403, true],
    ["ERR_OPAMP_HTTP_STATUS", 404, true],
    ["ERR_OPAMP_HTTP_STATUS", 410, true],
    ["ERR_OPAMP_HTTP_STATUS", 307, true],
    ["ERR_OPAMP_PROXY", 407, true],
    ["ERR_OPAMP_TLS", undefined, true],
    ["ERR_OPAMP_NOT_OPAMP", 200, true],
    ["ERR_OPAMP_HTTP_STATUS", 500, false],
    ["ERR_OPAMP_HTTP_STATUS", 502, false],
    ["ERR_OPAMP_HTTP_STATUS", 408, false],
    ["ERR_OPAMP_THROTTLED", 429, false],
    ["ERR_OPAMP_THROTTLED", 503, false],
    ["ERR_OPAMP_PROXY", 502, false],
    ["ERR_OPAMP_CONNECT", undefined, false],
    ["ERR_OPAMP_TIMEOUT", undefined, false],
    ["ERR_OPAMP_CLOSED", undefined, false],
    ["ERR_OPAMP_HEADERS", undefined, false],
  ] as const)("%s with the status %s ends them at once: %s", (code, status, isFinal) => {
    expect(errorCodes).toContain(code);
    expect(isFinalFailure(failure(code, status))).toBe(isFinal);
  });

  test("of any other kind is tried again", () => {
    for (const error of [undefined, "x", new Error("x")]) expect(isFinalFailure(error)).toBe(false);
  });

  test("is told with its reason and what to do, and not at any length", () => {
    expect(failureText(new OpAMPError("ERR_OPAMP_CONNECT", "refused", { hint: "look" }))).toBe("refused (look)");
    expect(failureText(new Error("x".repeat(5_000)))).toHaveLength(1_000);
  });
});

describe("the fingerprint of the options", () => {
  const of = (own: Partial<OwnSettings>, transport?: string, epoch = "") =>
    fingerprintOf({ ...OWN, ...own }, transport, epoch);
  const usual = of({});

  test.each([
    ["url", of({ url: "wss://other.example.com" })],
    ["transport", of({}, "auto")],
    ["connectionSettings.settingsEpoch", of({}, undefined, "2")],
    ["proxy", of({ proxy: "env" })],
    ["proxy", of({ proxy: { url: "http://p:1" } })],
    ["tls.insecureSkipVerify", of({ tls: { insecureSkipVerify: true } })],
    ["tls.includeSystemCa", of({ tls: { includeSystemCa: true } })],
    ["tls.serverName", of({ tls: { serverName: "other" } })],
    ["tls.ca", of({ tls: { ca: "/etc/ca.pem" } })],
    ["tls.cert, tls.key", of({ tls: { cert: "/c", key: "/k" } })],
    ["tls.minVersion", of({ tls: { minVersion: "1.3" } })],
    ["tls.maxVersion", of({ tls: { maxVersion: "1.2" } })],
    ["url, transport", of({ url: "wss://other.example.com" }, "auto")],
  ])("names what is another one: %s", (names, other) => {
    expect(changedBetween(usual, other).join(", ")).toBe(names);
    expect(changedBetween(other, other)).toEqual([]);
  });

  test("takes what it cannot read for another one", () => {
    expect(changedBetween("0123456789abcdef", usual)).toContain("url");
  });

  test.each([
    ["headers", { headers: { authorization: "t0ken" } }, {}],
    ["a password in the URL", { url: "wss://u:p@home.example.com/v1/opamp" }, {}],
    ["a password of the proxy", { proxy: { url: "http://u:1@p:1" } }, { proxy: { url: "http://u:2@p:1" } }],
    ["the content of PEM", { tls: { ca: "-----BEGIN A" } }, { tls: { ca: "-----BEGIN B" } }],
    ["how many PEM texts", { tls: { ca: "-----BEGIN A" } }, { tls: { ca: ["-----BEGIN A", "-----BEGIN B"] } }],
  ] as const)("is the same whatever %s", (_what, one, other) => {
    expect(of(one)).toBe(of(other));
  });
});
