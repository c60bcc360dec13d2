import { createHash, KeyObject, randomBytes, sign, webcrypto } from "node:crypto";
import { createRequire } from "node:module";
import type { Extension, Name } from "@peculiar/x509";
import { OpAMPError } from "../../errors.js";

/** A time in which a certificate is valid. */
export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** Whom a certificate may authenticate. */
export type Usage = "server" | "client" | "both";

/** What signs certificates. */
export interface Authority {
  readonly name: Name;
  readonly keys: webcrypto.CryptoKeyPair;
}

/** A certificate to be signed. */
export interface Leaf extends Validity {
  readonly subject: Name;
  /** Its public key, as DER. */
  readonly spki: Uint8Array;
  readonly usage: Usage;
  /** The subject's alternative names; none where there are none, as an empty list is not valid. */
  readonly names: Extension | undefined;
}

type X509 = typeof import("@peculiar/x509");

const KEY_ALGORITHM = { name: "ECDSA", namedCurve: "P-256" };
const SIGNING_ALGORITHM = { name: "ECDSA", hash: "SHA-256" };

/** Signs within the turn, so that a server on virtual time does the same in every run. */
const promptCrypto: webcrypto.Crypto = Object.create(webcrypto, {
  subtle: { value: Object.create(webcrypto.subtle, { sign: { value: signPromptly } }) },
});

/**
 * An optional peer: loaded by the first certificate, after what it looks for when it is evaluated.
 *
 * @param user what needs it, in the words of the caller
 * @throws OpAMPError `ERR_OPAMP_OPTION` where it is not installed
 */
export function x509For(user: string): X509 {
  try {
    createRequire(import.meta.url)("reflect-metadata");
    return createRequire(import.meta.url)("@peculiar/x509");
  } catch (cause) {
    const hint = "run `npm install --save-dev @peculiar/x509 reflect-metadata`";
    throw new OpAMPError("ERR_OPAMP_OPTION", `${user} needs @peculiar/x509 and reflect-metadata`, { cause, hint });
  }
}

export function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ["sign", "verify"]);
}

/** An authority with a key of its own, and its certificate as PEM text. */
export async function makeAuthority(
  x509: X509,
  commonName: string,
  valid: Validity,
): Promise<Authority & { readonly pem: string }> {
  const authority = { name: new x509.Name([{ CN: [commonName] }]), keys: await makeKeys() };
  const spki = spkiOf(authority.keys);
  const pem = await signed(x509, authority, { ...valid, subject: authority.name, spki }, [
    new x509.BasicConstraintsExtension(true, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    new x509.SubjectKeyIdentifierExtension(keyIdentifier(spki)),
  ]);
  return { ...authority, pem };
}

/** Signs a certificate. @returns PEM text */
export function certify(x509: X509, issuer: Authority, leaf: Leaf): Promise<string> {
  return signed(x509, issuer, leaf, extensionsOf(x509, leaf, keyIdentifier(spkiOf(issuer.keys))));
}

async function signed(
  x509: X509,
  { name: issuer, keys }: Authority,
  { notBefore, notAfter, subject, spki: publicKey }: Omit<Leaf, "usage" | "names">,
  extensions: Extension[],
): Promise<string> {
  const names = { subject, issuer, serialNumber: serialNumber() };
  const key = { publicKey, signingKey: keys.privateKey, signingAlgorithm: SIGNING_ALGORITHM };
  const content = { ...names, ...key, notBefore, notAfter, extensions };
  const certificate = await x509.X509CertificateGenerator.create(content, promptCrypto);
  return `${certificate.toString("pem")}\n`;
}

export function spkiOf({ publicKey }: webcrypto.CryptoKeyPair): Uint8Array {
  return KeyObject.from(publicKey).export({ type: "spki", format: "der" });
}

function extensionsOf(x509: X509, { usage, spki, names }: Leaf, issuer: string): Extension[] {
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  const usages = { server: [serverAuth], client: [clientAuth], both: [serverAuth, clientAuth] }[usage];
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension(usages),
    new x509.SubjectKeyIdentifierExtension(keyIdentifier(spki)),
    new x509.AuthorityKeyIdentifierExtension(issuer),
    ...(names === undefined ? [] : [names]),
  ];
}

/** Any digest of the key will do (RFC 7093). */
function keyIdentifier(spki: Uint8Array): string {
  return createHash("sha256").update(spki).digest("hex").slice(0, 40);
}

function signPromptly(_algorithm: unknown, key: webcrypto.CryptoKey, data: ArrayBuffer): Promise<ArrayBuffer> {
  const signature = sign("sha256", new Uint8Array(data), { key: KeyObject.from(key), dsaEncoding: "ieee-p1363" });
  return Promise.resolve(new Uint8Array(signature).buffer);
}

/** Positive and of full length, whatever the dice say: others refuse what is not. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = 0x40 | (bytes.readUInt8(0) & 0x3f);
  return bytes.toString("hex");
}
