import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { createRequire } from "node:module";
import { describe, expect, test } from "vitest";
import { keyTypes } from "../../../src/connection-settings/certificates/key-types.js";
import { newKey, signingRequest } from "../../../src/connection-settings/certificates/signing-request.js";
import {
  type CertificateSubject,
  checkSubject,
  subjectFor,
} from "../../../src/connection-settings/certificates/subject.js";
import { verifies } from "../../conformance/verifies.js";

const UID = "01890a5d-ac96-774b-bcce-b302099a8057";

/** A larger one takes a second to make; test:full makes it. */
const RSA = generateKeyPairSync("rsa", { modulusLength: 2_048 })
  .privateKey.export({ type: "pkcs8", format: "pem" })
  .toString();

/** A request as others read it. */
async function parsed(pem: string) {
  const load = createRequire(import.meta.url);
  load("reflect-metadata");
  const { Pkcs10CertificateRequest, SubjectAlternativeNameExtension }: typeof import("@peculiar/x509") =
    load("@peculiar/x509");
  const request = new Pkcs10CertificateRequest(pem);
  const names = request.extensions
    .filter((extension) => extension instanceof SubjectAlternativeNameExtension)
    .flatMap((extension) => extension.names.toJSON());
  return {
    isSigned: await request.verify(),
    subject: request.subject,
    names: names.map(({ type, value }) => `${type} ${value}`),
    publicKey: createPublicKey({ key: Buffer.from(request.publicKey.rawData), type: "spki", format: "der" }),
  };
}

function refusal(given: unknown): string {
  try {
    checkSubject("subject", given);
  } catch (cause) {
    return cause instanceof Error ? cause.message : "";
  }
  return "";
}

describe("a signing request", () => {
  verifies("CERT-05", "is PEM, signed by its own key, and names the agent twice, without the key", async () => {
    const key = await newKey("ec-p256");
    const pem = signingRequest("ec-p256", key, subjectFor("subject", undefined, UID));
    const { isSigned, subject, names, publicKey } = await parsed(pem);
    expect([isSigned, subject, names]).toEqual([true, `CN=${UID}`, [`url urn:uuid:${UID}`]]);
    expect(publicKey.equals(createPublicKey(key))).toBe(true);
    for (const line of key.split("\n").slice(1, -2)) expect(pem).not.toContain(line);
  });

  test.each(keyTypes)("can have a key of the kind %s", async (type) => {
    const key = type === "rsa-3072" ? RSA : await newKey(type);
    const { isSigned, publicKey } = await parsed(signingRequest(type, key, { commonName: "a" }));
    const { asymmetricKeyType, asymmetricKeyDetails } = publicKey;
    expect([
      isSigned,
      asymmetricKeyType,
      asymmetricKeyDetails?.namedCurve ?? asymmetricKeyDetails?.modulusLength,
    ]).toEqual([
      true,
      ...{ "ec-p256": ["ec", "prime256v1"], ed25519: ["ed25519", undefined], "rsa-3072": ["rsa", 2_048] }[type],
    ]);
  });

  test("has every member of a subject, in any script, and all alternative names", async () => {
    const whole: CertificateSubject = {
      country: "DE",
      state: "Bayern",
      locality: "M\u00fcnchen",
      organization: "Stadtwerke",
      organizationalUnit: "\u76e3\u8996",
      commonName: "a",
      dnsNames: ["a.example.com", "*.example.com"],
      uris: ["spiffe://example.com/agent/1"],
    };
    const pem = signingRequest("ec-p256", await newKey("ec-p256"), subjectFor("subject", whole, UID));
    const { isSigned, subject, names } = await parsed(pem);
    expect([isSigned, subject]).toEqual([true, "C=DE, ST=Bayern, L=M\u00fcnchen, O=Stadtwerke, OU=\u76e3\u8996, CN=a"]);
    expect(names).toEqual(["dns a.example.com", "dns *.example.com", "url spiffe://example.com/agent/1"]);
  });

  test("has no extension where there are no alternative names, and lengths of every size", async () => {
    const without = { commonName: "a", uris: [] };
    expect((await parsed(signingRequest("ed25519", await newKey("ed25519"), without))).names).toEqual([]);
    for (const count of [1, 3, 10, 200]) {
      const dnsNames = Array.from({ length: count }, (_, index) => `${"n".repeat(50)}${index}.example.com`);
      const pem = signingRequest("ed25519", await newKey("ed25519"), { commonName: "a", dnsNames });
      expect((await parsed(pem)).names).toHaveLength(count);
    }
  });
});

describe("the subject of a certificate", () => {
  test("can follow from the instance uid, with the defaults for what is left out", () => {
    const subject = subjectFor("subject", (uid) => ({ organization: uid.slice(0, 8), uris: [] }), UID);
    expect(subject).toEqual({ organization: "01890a5d", commonName: UID, uris: [] });
  });

  test.each([
    ["x", "subject: must be an object, not string"],
    [{ cn: "x" }, "subject.cn: is not an option"],
    [{ commonName: 5 }, "subject.commonName: must be a string, not number"],
    [{ commonName: " " }, "subject.commonName: is empty"],
    [{ commonName: "x".repeat(65) }, "subject.commonName: must have at most 64 characters"],
    [{ commonName: "a\nb" }, "subject.commonName: has control characters"],
    [{ country: "Germany" }, "subject.country: must be two capital letters"],
    [{ dnsNames: "a.example.com" }, "subject.dnsNames: must be a list"],
    [{ dnsNames: ["a b"] }, "subject.dnsNames[0]: must be the name of a host"],
    [{ uris: ["x"] }, "subject.uris[0]: must be a URI"],
    [{ uris: ["https://m\u00fcnchen.de/"] }, "subject.uris[0]: must be a URI"],
  ])("is refused where it is %o", (given, text) => {
    expect(refusal(given)).toContain(text);
  });

  test("is refused where a function gives something wrong", () => {
    const call = () => subjectFor("subject", () => ({ country: "Germany" }), UID);
    expect(call).toThrow("subject().country: must be two capital letters");
  });
});
