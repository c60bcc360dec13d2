import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { decodePart } from "../../../src/connection-settings/part-settings.js";
import { type PartGround, readOther, readTelemetry } from "../../../src/connection-settings/read-part-offer.js";
import { encodePlain } from "../../../src/connection-settings/snapshot.js";
import {
  OtherConnectionSettingsSchema,
  TelemetryConnectionSettingsSchema,
} from "../../../src/gen/opamp/v1/opamp_pb.js";
import { verifies } from "../../conformance/verifies.js";
import { bytes, headers, NOW, refusal } from "../connection-settings/offers.js";

const GROUND: PartGround = { wallNow: NOW, isLasting: true, allowInsecureSkipVerify: false };
const URL = "https://otlp.example.com/v1/metrics";

type Telemetry = MessageInitShape<typeof TelemetryConnectionSettingsSchema>;
type Other = MessageInitShape<typeof OtherConnectionSettingsSchema>;

function telemetry(offer: Telemetry, ground = GROUND) {
  return readTelemetry(create(TelemetryConnectionSettingsSchema, offer), undefined, ground);
}

function other(offer: Other, ground = GROUND) {
  return readOther("x", create(OtherConnectionSettingsSchema, offer), undefined, ground);
}

/** What no offer for any connection may have. */
const HOSTILE: readonly [string, Omit<Telemetry & Other, "$typeName">, RegExp][] = [
  ["a line break in a header", { headers: headers(["x", "a\r\nb: c"]) }, /^headers: "x" cannot be sent/],
  ["a Host header", { headers: headers(["Host", "evil"]) }, /^headers: "Host" is not for a server to set/],
  ["a header twice", { headers: headers(["x", "1"], ["X", "2"]) }, /is there twice/],
  ["a large header", { headers: headers(["x", "a".repeat(20_000)]) }, /is too large: 20000/],
  ["a certificate that is not PEM", { certificate: { cert: bytes("cert") } }, /^certificate\.cert /],
  ["an empty certificate", { certificate: {} }, /^certificate\.cert is missing/],
  ["no verification", { tls: { insecureSkipVerify: true } }, /^tls\.insecure_skip_verify would have the agent trust/],
  ["an old version of TLS", { tls: { minVersion: "1.1" } }, /^tls\.min_version \(1\.1\) is below the least/],
  ["a version of TLS that leaves none", { tls: { maxVersion: "1.1" } }, /^tls\.max_version \(1\.1\) is below/],
  ["an authority that is not PEM", { tls: { caPemContents: "ca" } }, /^tls\.ca_pem_contents /],
  ["a suite that is none", { tls: { cipherSuites: ["X"] } }, /^tls\.cipher_suites has a suite that is not known/],
  ["a proxy without a URL", { proxy: {} }, /^proxy\.url /],
  ["a proxy of another kind", { proxy: { url: "ftp://p:1" } }, /^proxy\.url /],
  ["a long endpoint", { destinationEndpoint: `https://h/${"a".repeat(3_000)}` }, /^destination_endpoint is too large/],
];

describe.each([
  ["telemetry", (offer: Telemetry & Other) => telemetry({ destinationEndpoint: URL, ...offer })],
  ["a connection by a name", (offer: Telemetry & Other) => other(offer)],
])("an offer for %s", (_what, read) => {
  test.each(HOSTILE)("with %s is refused", (_name, offer, text) => {
    const said = refusal(() => read(offer));
    expect(said).toMatch(text);
    expect(said).not.toContain("evil");
  });

  verifies("CONN-11", "with a certificate is refused where a restart would lose it", () => {
    const ground = { ...GROUND, isLasting: false };
    const certificate = { cert: bytes("cert") };
    expect(refusal(() => telemetry({ destinationEndpoint: URL, certificate }, ground))).toMatch(
      /^certificate would be/,
    );
    expect(refusal(() => other({ certificate }, ground))).toMatch(/^certificate would be/);
  });

  test("may turn verification off where the agent lets its server do so", () => {
    const ground = { ...GROUND, allowInsecureSkipVerify: true };
    const tls = { insecureSkipVerify: true };
    expect(telemetry({ destinationEndpoint: URL, tls }, ground).tls?.insecureSkipVerify).toBe(true);
    expect(other({ tls }, ground).tls?.insecureSkipVerify).toBe(true);
  });
});

describe("the endpoint of telemetry", () => {
  verifies("OWN-06", "is an http or https URL, and stays as it is written", () => {
    for (const endpoint of [URL, "http://127.0.0.1:4318", "https://h/v1/metrics?x=1"]) {
      expect(telemetry({ destinationEndpoint: endpoint }).endpoint).toBe(endpoint);
      expect(telemetry({ destinationEndpoint: ` ${endpoint}\n` }).endpoint).toBe(endpoint);
    }
  });

  test.each([
    ["", /^destination_endpoint is missing/],
    ["wss://h/x", /is not an http or https URL/],
    ["otlp.example.com:4318", /is not an http or https URL/],
    ["https://h/\nx", /is not an http or https URL/],
    ["https://h/a b", /is not an http or https URL/],
    [" ", /^destination_endpoint is missing/],
    ["https://user:s3cret@h?k=1", /destination_endpoint \(https:\/\/h\/\) has a user or a password/],
  ])("is not %j", (endpoint, text) => {
    const said = refusal(() => telemetry({ destinationEndpoint: endpoint }));
    expect(said).toMatch(text);
    expect(said).not.toContain("s3cret");
  });
});

describe("the endpoint by a name", () => {
  test.each(["db:5432", "jdbc:postgresql://h/db", "C:\\pipe"])("is whatever the agent understands: %j", (endpoint) => {
    expect(other({ destinationEndpoint: endpoint }).endpoint).toBe(endpoint);
  });

  test("is one line", () => {
    expect(refusal(() => other({ destinationEndpoint: "a\nb" }))).toMatch(
      /^destination_endpoint is more than one line/,
    );
  });

  test.each([
    [Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`n${index}`, ""])), /are more than 256/],
    [{ x: "a".repeat(70_000) }, /^a value in other_settings is too large/],
    [{ ["a".repeat(300)]: "" }, /^a name in other_settings is too large/],
  ])("has settings within bounds", (otherSettings, text) => {
    expect(refusal(() => other({ otherSettings }))).toMatch(text);
  });

  test("has settings within a bound for all of them", () => {
    const otherSettings = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`n${n}`, "a".repeat(60_000)]));
    expect(refusal(() => other({ otherSettings }))).toMatch(/^the settings are too large as a whole/);
  });
});

describe("settings as bytes", () => {
  test("are the same settings again", () => {
    const settings = telemetry({ destinationEndpoint: URL, headers: headers(["a", "1"]), tls: { maxVersion: "1.3" } });
    expect(decodePart(encodePlain(settings))).toEqual(settings);
    const named = other({ otherSettings: { a: "b" } });
    expect(decodePart(encodePlain(named))).toEqual(named);
  });

  test.each(["", "{}", "[]", '{"endpoint":"x"}', '{"endpoint":1,"headers":{}}', '{"endpoint":"x","headers":{},"y":1}'])(
    "are none in %j",
    (text) => {
      expect(decodePart(bytes(text))).toBeUndefined();
    },
  );
});
