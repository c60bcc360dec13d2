import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from "node:crypto";
import { promisify } from "node:util";
import {
  bitString,
  context,
  contextText,
  nothing,
  objectIdentifier,
  octetString,
  printableString,
  sequence,
  setOf,
  smallInteger,
  utf8String,
} from "./der.js";
import type { CertificateKeyType } from "./key-types.js";
import type { CertificateSubject } from "./subject.js";

interface KeyKind {
  make(): Promise<KeyObject>;
  /** As the signature names it. */
  algorithm: Uint8Array;
  hash: "sha256" | null;
}

const KINDS: Readonly<Record<CertificateKeyType, KeyKind>> = {
  "ec-p256": {
    make: async () => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey,
    algorithm: sequence(objectIdentifier("1.2.840.10045.4.3.2")),
    hash: "sha256",
  },
  ed25519: {
    make: async () => generateKeyPairSync("ed25519").privateKey,
    algorithm: sequence(objectIdentifier("1.3.101.112")),
    hash: null,
  },
  "rsa-3072": {
    // Takes long: not in the way of everything else.
    make: async () => (await promisify(generateKeyPair)("rsa", { modulusLength: 3_072 })).privateKey,
    algorithm: sequence(objectIdentifier("1.2.840.113549.1.1.11"), nothing()),
    hash: "sha256",
  },
};

const SUBJECT_MEMBERS = [
  ["country", "2.5.4.6", printableString],
  ["state", "2.5.4.8", utf8String],
  ["locality", "2.5.4.7", utf8String],
  ["organization", "2.5.4.10", utf8String],
  ["organizationalUnit", "2.5.4.11", utf8String],
  ["commonName", "2.5.4.3", utf8String],
] as const;
const EXTENSION_REQUEST = objectIdentifier("1.2.840.113549.1.9.14");
const ALTERNATIVE_NAMES = objectIdentifier("2.5.29.17");
const DNS_NAME = 2;
const URI = 6;

/** A new private key, as PKCS#8 in PEM. */
export async function newKey(type: CertificateKeyType): Promise<string> {
  const key = await KINDS[type].make();
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

/**
 * Asks for a certificate: a PKCS#10 request in PEM (RFC 2986), signed by the key that it is for. The key is not in it.
 *
 * @param key as {@link newKey} gives it
 */
export function signingRequest(type: CertificateKeyType, key: string, subject: CertificateSubject): string {
  const { algorithm, hash } = KINDS[type];
  const own = createPrivateKey(key);
  const publicKey = createPublicKey(own).export({ type: "spki", format: "der" });
  const info = sequence(smallInteger(0), nameOf(subject), publicKey, attributesOf(subject));
  const request = sequence(info, algorithm, bitString(sign(hash, info, own)));
  const lines =
    Buffer.from(request)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE REQUEST-----", ...lines, "-----END CERTIFICATE REQUEST-----", ""].join("\n");
}

function nameOf(subject: CertificateSubject): Uint8Array {
  const members = SUBJECT_MEMBERS.flatMap(([name, id, string]) => {
    const value = subject[name];
    return value === undefined ? [] : [setOf(sequence(objectIdentifier(id), string(value)))];
  });
  return sequence(...members);
}

function attributesOf({ dnsNames = [], uris = [] }: CertificateSubject): Uint8Array {
  const names = [...dnsNames.map((name) => contextText(DNS_NAME, name)), ...uris.map((uri) => contextText(URI, uri))];
  // An extension without names is not valid.
  if (names.length === 0) return context(0);
  const extension = sequence(ALTERNATIVE_NAMES, octetString(sequence(...names)));
  return context(0, sequence(EXTENSION_REQUEST, setOf(sequence(extension))));
}
