import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type OverlayRules, overlay } from "../../../../src/connection-settings/overlay.js";
import type { OpAMPOffer } from "../../../../src/connection-settings/read-offer.js";
import {
  decodeSnapshot,
  encodePlain,
  MAX_SNAPSHOT_BYTES,
  NO_SNAPSHOT,
  type Snapshot,
  samePlain,
} from "../../../../src/connection-settings/snapshot.js";
import { verifies } from "../../../conformance/verifies.js";
import { refusal } from "../offers.js";

const RULES: OverlayRules = { keepCertificate: false, zeroIsOff: false };
const tls = { includeSystemCa: false, insecureSkipVerify: false, ca: "CA 1" };
const certificate = { cert: "C1", key: "K1" };
const IN_FORCE: Snapshot = {
  endpoint: "wss://a/x",
  headers: { authorization: "old" },
  certificate,
  tls,
  proxy: { url: "http://p:1", headers: {} },
};

/** The settings after an offer. */
function settled(offer: OpAMPOffer, inForce = IN_FORCE, rules = RULES): Snapshot {
  const result = overlay(inForce, offer, rules);
  if (result.type !== "settings") throw new Error("the offer names nothing but an interval");
  return result.next;
}

describe("an offer over the settings in force", () => {
  verifies("CONN-12", "is refused where it names nothing at all", () => {
    expect(refusal(() => overlay(IN_FORCE, {}, RULES))).toContain("names nothing");
  });

  test("changes nothing else where it names an interval alone", () => {
    expect(overlay(IN_FORCE, { heartbeatSeconds: 7n }, RULES)).toEqual({ type: "interval", seconds: 7n });
  });

  test("takes an interval of 0 for none, unless that is to turn heartbeats off", () => {
    const off = { ...RULES, zeroIsOff: true };
    const offer = { headers: {} };
    expect(overlay(IN_FORCE, offer, RULES)).toMatchObject({ type: "settings", seconds: undefined });
    expect(overlay(IN_FORCE, offer, off)).toMatchObject({ type: "settings", seconds: 0n });
    expect(overlay(IN_FORCE, {}, off)).toEqual({ type: "interval", seconds: 0n });
    expect(overlay(IN_FORCE, { ...offer, heartbeatSeconds: 3n }, off)).toMatchObject({ seconds: 3n });
  });

  test("keeps the endpoint where it names another member alone", () => {
    expect(settled({ headers: { authorization: "new" } }).endpoint).toBe("wss://a/x");
    expect(settled({ headers: { a: "1" } }, NO_SNAPSHOT)).toEqual({ headers: { a: "1" }, certificate: null });
  });

  verifies(
    "TLS-01",
    "keeps TLS and the proxy where it does not name them, and replaces each whole where it does",
    () => {
      expect(settled({ headers: {} })).toMatchObject({ tls, proxy: IN_FORCE.proxy });
      const other = { includeSystemCa: false, insecureSkipVerify: false, minVersion: "1.3" as const };
      expect(settled({ tls: other }).tls).toEqual(other);
      expect(settled({ proxy: { url: "http://q:2", headers: {} } }).proxy).toEqual({ url: "http://q:2", headers: {} });
    },
  );

  verifies("CONN-15", "leaves no client certificate where it names none, unless that is to be kept", () => {
    expect(settled({ headers: {} }).certificate).toBeNull();
    expect(settled({ headers: {} }, IN_FORCE, { ...RULES, keepCertificate: true }).certificate).toEqual(certificate);
    expect(settled({ certificate: { cert: "C2", key: "K2" } }).certificate).toEqual({ cert: "C2", key: "K2" });
  });

  test("leaves the settings in force as they are", () => {
    const before = structuredClone(IN_FORCE);
    expect(Object.isFrozen(settled({ headers: { a: "1" }, tls, certificate }))).toBe(true);
    expect(IN_FORCE).toEqual(before);
  });
});

const text = fc.string({ maxLength: 5 });
const record = fc.dictionary(text, text, { maxKeys: 3 });
const optional = { requiredKeys: [] };
const snapshots: fc.Arbitrary<Snapshot> = fc.record(
  {
    endpoint: text,
    headers: record,
    certificate: fc.option(fc.record({ cert: text, key: text })),
    tls: fc.record(
      {
        ca: text,
        includeSystemCa: fc.boolean(),
        insecureSkipVerify: fc.boolean(),
        minVersion: fc.constantFrom("1.2" as const, "1.3" as const),
        cipherSuites: fc.array(text, { maxLength: 2 }),
      },
      { requiredKeys: ["includeSystemCa", "insecureSkipVerify"] },
    ),
    proxy: fc.record({ url: text, headers: record }),
  },
  optional,
);

describe("a snapshot", () => {
  test("is read back as it was kept, and the same settings are the same bytes", () => {
    fc.assert(
      fc.property(snapshots, (snapshot) => {
        const bytes = encodePlain(snapshot);
        const again = decodeSnapshot(bytes);
        expect(again).toEqual(snapshot);
        expect(encodePlain(again ?? {})).toEqual(bytes);
        expect(samePlain(snapshot, again ?? {})).toBe(true);
        const reversed = Object.fromEntries(Object.entries(snapshot).reverse());
        expect(encodePlain(reversed)).toEqual(bytes);
      }),
      { numRuns: 30 },
    );
  });

  test("is nothing at all where a part of it is cut off", () => {
    const bytes = encodePlain(IN_FORCE);
    for (let length = 0; length < bytes.length; length++)
      expect(decodeSnapshot(bytes.subarray(0, length))).toBeUndefined();
  });

  test.each([
    ["a list", []],
    ["null", null],
    ["text", "x"],
    ["an endpoint that is a number", { endpoint: 1 }],
    ["headers that are a list", { headers: ["a"] }],
    ["a header that is a number", { headers: { a: 1 } }],
    ["a certificate without its key", { certificate: { cert: "C" } }],
    ["TLS that says nothing of verification", { tls: { includeSystemCa: true } }],
    ["a version that is not known", { tls: { ...tls, minVersion: "9" } }],
    ["a proxy without a URL", { proxy: { headers: {} } }],
    ["a member that is not known", { endpoint: "wss://a", other: 1 }],
  ])("is not read from %s", (_what, json) => {
    expect(decodeSnapshot(new TextEncoder().encode(JSON.stringify(json)))).toBeUndefined();
  });

  test("is refused above its bound", () => {
    const huge: Snapshot = { headers: { a: "x".repeat(MAX_SNAPSHOT_BYTES) } };
    expect(refusal(() => encodePlain(huge))).toContain("too large as a whole");
    expect(decodeSnapshot(new Uint8Array(MAX_SNAPSHOT_BYTES + 1))).toBeUndefined();
  });
});
