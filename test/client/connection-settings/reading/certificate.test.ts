import { generateKeyPairSync } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { DAY_MS } from "../../../../src/base/time.js";
import { certificateFacts } from "../../../../src/connection-settings/read-certificate.js";
import { type TestCertificate, type TestCertificates, testCertificates } from "../../../../src/testing/certificates.js";
import { verifies } from "../../../conformance/verifies.js";
import { bytes, NOW, read, refusal } from "../offers.js";

let authority: TestCertificates;
let client: TestCertificate;

beforeAll(async () => {
  authority = await testCertificates();
  client = authority.client;
});

function offered(change: { cert?: string; key?: string; ca?: string } = {}) {
  const { cert = client.cert, key = client.key, ca = "" } = change;
  return { certificate: { cert: bytes(cert), privateKey: bytes(key), caCert: bytes(ca) } };
}

describe("a client certificate in an offer", () => {
  verifies("CERT-01", "is taken with its key, with or without the authority's own", async () => {
    expect(read(offered({ ca: authority.ca })).certificate).toEqual({ cert: expect.any(String), key: client.key });
    const selfSigned = await authority.issue({ usage: "client", selfSigned: true });
    expect(read(offered(selfSigned)).certificate?.key).toBe(selfSigned.key);
  });

  verifies("CERT-01", "is refused where a part is missing, is not PEM or belongs to another one", () => {
    const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({
      type: "pkcs8",
      format: "pem",
    });
    const wrong = [
      [{ cert: "" }, "certificate.cert is missing"],
      [{ cert: "x" }, "certificate.cert holds no certificate in PEM"],
      [{ cert: client.key }, "certificate.cert holds no certificate in PEM"],
      [
        { cert: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" },
        "certificate.cert holds a certificate that cannot be read",
      ],
      [{ cert: client.cert.slice(0, 300) }, "certificate.cert is not whole"],
      [{ key: "" }, "certificate.private_key is missing"],
      [{ key: client.cert }, "certificate.private_key holds no private key in PEM"],
      [{ key: String(other) }, "certificate.private_key does not belong to the certificate"],
      [{ ca: "x" }, "certificate.ca_cert holds no certificate in PEM"],
    ] as const;
    for (const [change, text] of wrong) expect(refusal(() => read(offered(change)))).toContain(text);
  });

  test("is refused where its key is encrypted, since nobody here has the passphrase", async () => {
    const encrypted = await authority.issue({ usage: "client", passphrase: "p" });
    expect(refusal(() => read(offered(encrypted)))).toContain("certificate.private_key is encrypted");
  });

  test("is refused where it is for servers alone, has ended or has yet to begin", async () => {
    const at = (days: number) => new Date(NOW + days * DAY_MS);
    const ended = await authority.issue({ usage: "client", notAfter: new Date(NOW - 2_000) });
    const early = await authority.issue({ usage: "client", notBefore: at(1) });
    expect(refusal(() => read(offered(authority.server)))).toContain("certificate.cert is not for clients");
    expect(refusal(() => read(offered(ended)))).toContain("certificate.cert ended on");
    expect(refusal(() => read(offered(early)))).toContain("certificate.cert is not valid before");
    const clock = `this machine's clock says ${new Date(NOW).toISOString()}`;
    for (const one of [ended, early]) expect(refusal(() => read(offered(one)))).toContain(clock);
  });

  test("is taken where it begins some minutes later by a clock that is wrong", async () => {
    const early = await authority.issue({ usage: "client", notBefore: new Date(NOW + 60_000) });
    expect(read(offered(early)).certificate?.key).toBe(early.key);
  });

  verifies("CERT-02", "leaves nothing of its authority behind", () => {
    const { certificate, tls } = read(offered({ ca: authority.ca }));
    expect(tls).toBeUndefined();
    expect(JSON.stringify(certificate)).not.toContain(authority.ca.split("\n")[1]);
  });

  test("never shows its key in a refusal", () => {
    const lines = client.key.split("\n").slice(1, -2);
    const text = refusal(() => read(offered({ cert: client.key, key: client.key })));
    for (const line of lines) expect(text).not.toContain(line);
  });

  test("tells its fingerprint and its end", () => {
    const facts = certificateFacts(client.cert);
    expect(facts?.fingerprint).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    expect(facts?.validUntil.getTime()).toBeGreaterThan(NOW);
    expect(certificateFacts("x")).toBeUndefined();
  });
});
