import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type ConnectionSettings,
  laidOver,
  type OwnSettings,
  sameConnection,
} from "../../../../src/connection-settings/laid-over.js";
import type { OfferedTls, Snapshot } from "../../../../src/connection-settings/snapshot.js";
import { resolveHeaders } from "../../../../src/transport/settings/headers.js";
import { verifies } from "../../../conformance/verifies.js";
import { refusal } from "../offers.js";

const OWN: OwnSettings = {
  url: "wss://user:pw@home.example.com/v1/opamp",
  headers: undefined,
  tls: undefined,
  proxy: "env",
};
const plainTls: OfferedTls = { includeSystemCa: false, insecureSkipVerify: false };

function laid(own: Partial<OwnSettings>, snapshot: Snapshot, keepHeaders = false): ConnectionSettings {
  return laidOver({ ...OWN, ...own }, snapshot, keepHeaders);
}

/** The headers of a request with these settings. */
function sent({ headers, endpoint }: ConnectionSettings): Promise<Record<string, string>> {
  return resolveHeaders(headers, endpoint.authorization);
}

describe("headers with what was accepted", () => {
  const own = { headers: [{ "X-Static": "own", "x-both": "own" }, () => ({ "x-made": "own", "X-Token": "own" })] };

  test("are those of the options while nothing was", async () => {
    expect(await sent(laid(own, {}))).toEqual({
      authorization: "Basic dXNlcjpwdw==",
      "x-static": "own",
      "x-both": "own",
      "x-made": "own",
      "x-token": "own",
    });
  });

  verifies(
    "CONN-13",
    "are the offered ones in place of all static ones, and win over those that a function makes",
    async () => {
      expect(await sent(laid(own, { headers: { "x-token": "offered" } }))).toEqual({
        "x-made": "own",
        "x-token": "offered",
      });
      expect(await sent(laid(own, { headers: {} }))).toEqual({ "x-made": "own", "x-token": "own" });
    },
  );

  test("of the options do not go through an offered proxy that could read them", async () => {
    const proxy = { url: "http://home.example.com:9999", headers: {} };
    const plain = { ...own, url: "http://home.example.com:4320/v1/opamp" };
    expect(await sent(laid(plain, { proxy }))).toEqual({});
    expect(await sent(laid(plain, { proxy, headers: { a: "1" } }))).toEqual({ a: "1" });
    expect(await sent(laid(own, { proxy, tls: { ...plainTls, ca: "PEM" } }))).toEqual({});
    expect(await sent(laid(own, { proxy, tls: { ...plainTls, insecureSkipVerify: true } }))).toEqual({});
    expect(await sent(laid(own, { proxy }))).toMatchObject({ "x-static": "own" });
    expect(await sent(laid({ ...plain, proxy: { url: "http://home.example.com:9999" } }, { proxy }))).toMatchObject({
      "x-static": "own",
    });
  });

  test("of the options do not go to another server, unless they are to", async () => {
    const away: Snapshot = { endpoint: "wss://away.example.com/x" };
    expect(await sent(laid(own, away))).toEqual({});
    expect(await sent(laid(own, { ...away, headers: { a: "1" } }))).toEqual({ a: "1" });
    expect(await sent(laid(own, away, true))).toMatchObject({ "x-static": "own", "x-made": "own" });
    expect((await sent(laid(own, away, true)))["authorization"]).toBeUndefined();
  });

  test.each([
    ["the same server by HTTP", "https://home.example.com/v1/opamp", true],
    ["another path", "wss://home.example.com/other", true],
    ["another port", "wss://home.example.com:4321/v1/opamp", false],
    ["without TLS", "ws://home.example.com:443/v1/opamp", false],
    ["a host below", "wss://a.home.example.com/v1/opamp", false],
  ])("of the options go to their own server alone: %s", async (_what, endpoint, goes) => {
    expect((await sent(laid(own, { endpoint })))["x-made"]).toBe(goes ? "own" : undefined);
  });

  test("are asked for with the server that they are for", async () => {
    const asked: unknown[] = [];
    const headers = (context: unknown) => {
      asked.push(context);
      return {};
    };
    await sent(laid({ headers }, { endpoint: "https://home.example.com/other?x=1" }));
    expect(asked).toEqual([{ refresh: false, url: "https://home.example.com/other?x=1" }]);
  });

  test("never hold an old value under a name that an offer has set", async () => {
    const names = fc.constantFrom("X-A", "x-a", "X-b", "x-B", "authorization", "Authorization");
    const record = (value: string) => fc.dictionary(names, fc.constant(value), { maxKeys: 3 });
    const sources = fc.array(
      fc.oneof(
        record("old"),
        record("old").map((made) => () => made),
      ),
      { maxLength: 3 },
    );
    const offered = record("new").map((given) =>
      Object.fromEntries(Object.entries(given).map(([name, value]) => [name.toLowerCase(), value])),
    );
    await fc.assert(
      fc.asyncProperty(sources, offered, fc.boolean(), async (headers, snapshot, keeps) => {
        const found = await sent(laid({ headers }, { headers: snapshot }, keeps));
        for (const name of Object.keys(snapshot)) expect(found[name]).toBe("new");
      }),
      { numRuns: 30 },
    );
  });
});

describe("TLS with what was accepted", () => {
  const identity = { cert: "C", key: "K", passphrase: "P" };

  test("is the options' own object while nothing about it was", () => {
    const tls = { ca: "CA" };
    expect(laid({ tls }, { headers: {} }).tls).toBe(tls);
  });

  verifies("TLS-01", "has the offered authority in place of the options' own", () => {
    const own = { tls: { ca: "OWN", includeSystemCa: true } };
    expect(laid(own, { tls: { ...plainTls, ca: "OFFERED" } }).tls).toMatchObject({
      ca: "OFFERED",
      includeSystemCa: false,
    });
    expect(laid(own, { tls: plainTls }).tls).toMatchObject({ ca: "OWN", includeSystemCa: true });
  });

  verifies("CONN-15", "shows no client certificate where an offer left none, that of the options included", () => {
    expect(laid({ tls: { ca: "CA", ...identity } }, { certificate: null }).tls).toEqual({ ca: "CA" });
    const offered = { cert: "C2", key: "K2" };
    expect(laid({ tls: identity }, { certificate: offered }).tls).toEqual(offered);
    expect(laid({ tls: identity }, { tls: plainTls }).tls).toMatchObject(identity);
  });

  test("asks for the options' server name at the options' host alone", () => {
    const own = { tls: { serverName: "inner" } };
    expect(laid(own, { tls: plainTls }).tls?.serverName).toBe("inner");
    expect(laid(own, { endpoint: "wss://away/x" }).tls?.serverName).toBeUndefined();
  });

  test("never gets a lower version than the options want", () => {
    const with13 = { tls: { minVersion: "1.3" as const } };
    expect(laid({}, { tls: { ...plainTls, minVersion: "1.3" } }).tls?.minVersion).toBe("1.3");
    expect(laid(with13, { tls: plainTls }).tls?.minVersion).toBe("1.3");
    for (const minVersion of ["1.0", "1.1"] as const) {
      expect(refusal(() => laid({}, { tls: { ...plainTls, minVersion } }))).toContain(
        "below the least version of this agent (1.2)",
      );
    }
    expect(refusal(() => laid(with13, { tls: { ...plainTls, minVersion: "1.2" } }))).toContain("(1.3)");
    expect(refusal(() => laid({}, { tls: { ...plainTls, maxVersion: "1.1" } }))).toContain("tls.max_version (1.1)");
    expect(refusal(() => laid({}, { tls: { ...plainTls, minVersion: "1.3", maxVersion: "1.2" } }))).toContain(
      "tls.max_version",
    );
    const capped = laid({ tls: { maxVersion: "1.2" } }, { tls: { ...plainTls, maxVersion: "1.3" } });
    expect(capped.tls?.maxVersion).toBe("1.2");
  });

  test("never gets a suite that the options leave out", () => {
    const [one, two] = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"];
    const own = { tls: { cipherSuites: [one] } };
    expect(laid(own, { tls: { ...plainTls, cipherSuites: [one] } }).tls?.cipherSuites).toEqual([one]);
    expect(refusal(() => laid(own, { tls: { ...plainTls, cipherSuites: [one, two] } }))).toContain(`has ${two}`);
    expect(laid({}, { tls: { ...plainTls, cipherSuites: [two] } }).tls?.cipherSuites).toEqual([two]);
  });
});

test("a proxy is the offered one, or that of the options", () => {
  const proxy = { url: "http://p:1", headers: {} };
  expect(laid({}, { proxy }).proxy).toBe(proxy);
  expect(laid({ proxy: false }, {}).proxy).toBe(false);
});

test("settings that lead to the same connection are known for that", () => {
  const own = { tls: { cert: "C", key: "K" }, headers: () => ({}) };
  const same = (a: Snapshot, b: Snapshot, from: Partial<OwnSettings> = own) =>
    sameConnection(laid(from, a), laid(from, b));
  expect(same({}, {})).toBe(true);
  expect(same({}, { endpoint: "wss://home.example.com:4320/v1/opamp" }, { url: "wss://home.example.com" })).toBe(true);
  expect(same({}, { tls: plainTls })).toBe(true);
  expect(same({}, { certificate: null }, {})).toBe(true);
  expect(same({}, { certificate: null })).toBe(false);
  expect(same({}, { headers: { a: "1" } })).toBe(false);
  expect(same({ headers: { a: "1" } }, { headers: { a: "2" } })).toBe(false);
  expect(same({}, { endpoint: "https://home.example.com/v1/opamp" })).toBe(false);
  expect(same({}, { proxy: { url: "http://p:1", headers: {} } })).toBe(false);
});
