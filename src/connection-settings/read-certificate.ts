import { createPrivateKey, X509Certificate } from "node:crypto";
import { attempt } from "../base/checks.js";
import { CLOCK_ERROR_MS } from "../base/time.js";
import type { TLSCertificate } from "../gen/opamp/v1/opamp_pb.js";
import { decodedText, type PemBlock, pemBlocks, pemText } from "../transport/tls/pem.js";
import { checkSize, refused } from "./refusal.js";
import type { ClientCertificate } from "./snapshot.js";

const MAX_PEM_BYTES = 64 * 1024;
const FOR_CLIENTS = "1.3.6.1.5.5.7.3.2";
const FOR_ANYTHING = "2.5.29.37.0";

/** What may be said of a certificate in force: nothing in it is secret. */
export interface CertificateFacts {
  /** SHA-256 over the certificate, as openssl writes it. */
  readonly fingerprint: string;
  /** Its end. */
  readonly validUntil: Date;
}

/**
 * A client certificate from an offer. Its `ca_cert` has to be PEM, and is dropped: it must not be trusted for anything (CERT-02).
 *
 * @param wallNow milliseconds since the Unix epoch
 * @param keys the private keys that one without a key may be for, in PEM: those of this agent (CERT-07)
 * @throws OpAMPError `ERR_OPAMP_SETTINGS` that says what is wrong with it (CERT-01)
 */
export function readCertificate(
  where: string,
  { cert, privateKey, caCert }: TLSCertificate,
  wallNow: number,
  keys: readonly string[],
): ClientCertificate {
  const chain = certificates(`${where}.cert`, cert);
  const [leaf] = chain;
  if (leaf === undefined) throw refused(`${where}.cert`, "is missing");
  if (caCert.length > 0) certificates(`${where}.ca_cert`, caCert);
  const isIssued = privateKey.length === 0 && keys.length > 0;
  const key = isIssued ? keyFor(where, leaf, keys) : keyWith(where, leaf, privateKey);
  checkUse(`${where}.cert`, leaf, wallNow);
  return { cert: chain.map(String).join(""), key };
}

function keyWith(where: string, leaf: X509Certificate, privateKey: Uint8Array): string {
  const key = readKey(`${where}.private_key`, privateKey);
  if (leaf.checkPrivateKey(key.object)) return key.text;
  throw refused(`${where}.private_key`, "does not belong to the certificate", "send the key that it was made for");
}

function keyFor(where: string, leaf: X509Certificate, keys: readonly string[]): string {
  const found = keys.find((key) => attempt(() => leaf.checkPrivateKey(createPrivateKey(key)), false));
  if (found !== undefined) return found;
  const hint = "issue it for the signing request that the agent sent last, or send the key with it";
  throw refused(`${where}.cert`, "is for a key that this agent does not have", hint);
}

/** What may be said of a certificate; `undefined` where it cannot be read. */
export function certificateFacts(cert: string): CertificateFacts | undefined {
  return attempt(() => {
    const { fingerprint256: fingerprint, validTo } = new X509Certificate(cert);
    return { fingerprint, validUntil: new Date(validTo) };
  });
}

/**
 * Authorities from an offer, as PEM text.
 *
 * @throws OpAMPError `ERR_OPAMP_SETTINGS`
 */
export function readAuthorities(where: string, pem: string, maxBytes: number): string {
  return certificates(where, Buffer.from(pem), maxBytes).map(String).join("");
}

function certificates(where: string, bytes: Uint8Array, maxBytes = MAX_PEM_BYTES): readonly X509Certificate[] {
  const blocks = blocksOf(where, bytes, maxBytes).filter(({ label }) => label === "CERTIFICATE");
  if (blocks.length === 0) throw refused(where, "holds no certificate in PEM");
  return blocks.map(({ data }) => {
    const certificate = attempt(() => new X509Certificate(Buffer.from(data, "base64")));
    if (certificate === undefined) throw refused(where, "holds a certificate that cannot be read");
    return certificate;
  });
}

function readKey(where: string, bytes: Uint8Array) {
  if (bytes.length === 0) throw refused(where, "is missing", "send the key with its certificate");
  const block = blocksOf(where, bytes, MAX_PEM_BYTES).find(({ label }) => label.endsWith("PRIVATE KEY"));
  if (block === undefined) throw refused(where, "holds no private key in PEM");
  const text = pemText(block);
  if (block.label.startsWith("ENCRYPTED") || block.headers.length > 0) throw refused(where, "is encrypted");
  const object = attempt(() => createPrivateKey(text));
  if (object === undefined) throw refused(where, "cannot be read");
  return { text, object };
}

function checkUse(where: string, leaf: X509Certificate, wallNow: number): void {
  // Node calls the extended key usage so; absent, it is good for everything.
  const uses = attempt<readonly string[] | undefined>(() => leaf.keyUsage);
  if (uses !== undefined && !uses.includes(FOR_CLIENTS) && !uses.includes(FOR_ANYTHING)) {
    throw refused(where, "is not for clients", "issue it with the extended key usage clientAuth");
  }
  const hint = `send one that is valid now; this machine's clock says ${dateOf(wallNow)}, so set it where that is wrong`;
  if (Date.parse(leaf.validTo) <= wallNow) throw refused(where, `ended on ${dateOf(leaf.validTo)}`, hint);
  if (Date.parse(leaf.validFrom) - CLOCK_ERROR_MS > wallNow) {
    throw refused(where, `is not valid before ${dateOf(leaf.validFrom)}`, hint);
  }
}

function dateOf(time: string | number): string {
  return new Date(time).toISOString();
}

function blocksOf(where: string, bytes: Uint8Array, maxBytes: number): readonly PemBlock[] {
  if (bytes.length === 0) throw refused(where, "is missing");
  checkSize(where, bytes, maxBytes);
  const blocks = pemBlocks(decodedText(bytes));
  if (typeof blocks === "string") throw refused(where, `is not whole: ${blocks}`);
  return blocks;
}
