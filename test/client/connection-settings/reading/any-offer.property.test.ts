import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";
import { OfferReader, type SettingsOffer } from "../../../../src/client/connection/offer-plan.js";
import { readTakenSettings } from "../../../../src/client/settings/taken-settings.js";
import { type ConnectionSettings, isSameServer } from "../../../../src/connection-settings/laid-over.js";
import { NO_SNAPSHOT, type Snapshot } from "../../../../src/connection-settings/snapshot.js";
import { ConnectionSettingsOffersSchema } from "../../../../src/gen/opamp/v1/opamp_pb.js";
import { OpAMPError } from "../../../../src/index.js";
import { resolveHeaders } from "../../../../src/transport/settings/headers.js";
import { NOW } from "../offers.js";

const URL_OF_OPTIONS = "wss://home.example.com/v1/opamp";
const SECRET = "v4lue-of-a-header";

const endpoint = fc.oneof(
  fc.constantFrom(
    "",
    URL_OF_OPTIONS,
    "wss://home.example.com:1/x",
    "https://sub.home.example.com/x",
    "https://home.example.com.evil.com/",
    "ws://home.example.com/x",
    "http://home.example.com/x",
    "wss://home.example.com@evil.com/",
    "wss://evil.com#home.example.com",
    "wss://evil.com\\@home.example.com/",
    "WSS://HOME.EXAMPLE.COM/x",
    "wss:home.example.com",
    "//home.example.com/x",
  ),
  fc.string(),
  fc.webUrl(),
);
const name = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.constantFrom("Host", "content-length", "X-A", "authorization", "te", "sec-x", "proxy-x"),
);
const headers = fc.record({
  headers: fc.array(
    fc.record({ key: name, value: fc.oneof(fc.string(), fc.constant(SECRET), fc.constant(`${SECRET}\r\nx: y`)) }),
    { maxLength: 4 },
  ),
});
const pem = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc
    .constantFrom("", "-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----")
    .map((text) => new TextEncoder().encode(text)),
);
const version = fc.constantFrom("", "1.0", "1.1", "1.2", "1.3", "TLSv1.3", "SSLv3");
const opamp = fc.record(
  {
    destinationEndpoint: endpoint,
    headers,
    certificate: fc.record({ cert: pem, privateKey: pem, caCert: pem }),
    heartbeatIntervalSeconds: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    tls: fc.record({
      caPemContents: fc.string(),
      includeSystemCaCertsPool: fc.boolean(),
      insecureSkipVerify: fc.boolean(),
      minVersion: version,
      maxVersion: version,
      cipherSuites: fc.array(fc.constantFrom("TLS_AES_128_GCM_SHA256", "TLS_NULL_WITH_NULL_NULL"), { maxLength: 2 }),
    }),
    proxy: fc.record({
      url: fc.oneof(fc.string(), fc.constantFrom("p:1", "http://u:p@p:1", "socks5://p")),
      connectHeaders: headers,
    }),
  },
  { requiredKeys: [] },
);

/** One that is taken, whatever else comes. */
const TAKEN = { destinationEndpoint: "wss://home.example.com:1/x" };

const rules = readTakenSettings({
  url: URL_OF_OPTIONS,
  description: { identifying: { "service.name": "x" } },
  connectionSettings: { opamp: true },
})?.opamp;
if (rules === undefined) throw new Error("the server may change nothing");
const own = { url: URL_OF_OPTIONS, headers: { "x-home": "home" }, tls: { ca: "CA" }, proxy: "env" as const };
const reader = new OfferReader(own, rules, { isLasting: true });

/** What no offer may come to. */
async function check({ endpoint: { url }, tls, headers: sources }: ConnectionSettings): Promise<void> {
  expect(url.hostname).toBe("home.example.com");
  expect(["wss:", "https:"]).toContain(url.protocol);
  expect(url.username + url.password).toBe("");
  expect(tls?.insecureSkipVerify ?? false).toBe(false);
  expect(["1.2", "1.3"]).toContain(tls?.minVersion ?? "1.2");
  const sent = await resolveHeaders(sources, undefined);
  for (const header of Object.keys(sent)) expect(header).not.toMatch(/^(host|content-.*|te|sec-.*|proxy-.*)$/);
  if (sent["x-home"] === "home") expect(isSameServer(new URL(URL_OF_OPTIONS), url)).toBe(true);
}

test("an offer with anything in it is refused in words, or comes to settings that keep to the policy", async () => {
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(opamp, { minLength: 1, maxLength: 4 }), async (offers) => {
      let inForce: Snapshot = NO_SNAPSHOT;
      for (const init of offers) {
        const offer = create(ConnectionSettingsOffersSchema, { opamp: init });
        const offered: SettingsOffer = { kind: "connectionSettings", hash: new Uint8Array(), offer };
        try {
          const { move } = reader.plan(offered, inForce, NOW);
          if (move === undefined) continue;
          taken += 1;
          await check(move.settings);
          inForce = move.snapshot;
        } catch (cause) {
          if (!(cause instanceof OpAMPError)) throw cause;
          expect(cause.code).toBe("ERR_OPAMP_SETTINGS");
          expect(`${cause.message} ${cause.hint}`).not.toContain(SECRET);
          expect(cause.message.length).toBeLessThan(4_000);
        }
      }
    }),
    { numRuns: Number(process.env["WALKS"] ?? 50), examples: [[[TAKEN]]] },
  );
  expect(taken).toBeGreaterThan(0);
});
