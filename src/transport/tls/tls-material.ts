import { createHash, createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import tls from "node:tls";
import { codeOf, messageOf, OpAMPError } from "../../errors.js";
import type { Pem, TlsOptions } from "../settings/tls-options.js";

/** PEM text, and what errors call it: the option, and the path where there is one. */
interface Material {
  text: string;
  called: string;
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----/gs;
const FORBIDDEN = "this process may not read the file: check its owner and mode";
const FILE_HINTS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file: check the path; a relative one starts at the working directory",
  EACCES: FORBIDDEN,
  EPERM: FORBIDDEN,
  EISDIR: "that is a directory: give the path of one file",
};
const CONVERT = "give PEM, which begins with -----BEGIN; openssl converts other forms, such as DER and PKCS#12, to it";

/** A digest of all that the options name; `undefined` where something cannot be read. */
export async function digestOf({ ca, cert, key }: TlsOptions): Promise<string | undefined> {
  const given = [ca ?? [], cert ?? "", key ?? ""].flat();
  try {
    const texts = await Promise.all(given.map((one) => (isNoPem(one) ? readFile(one, "utf8") : one)));
    const hash = createHash("sha256");
    for (const text of texts) hash.update(`${text.length}:`).update(text);
    return hash.digest("base64");
  } catch {
    return undefined;
  }
}

/**
 * The authorities that an option names, checked.
 *
 * @param where the option's path, such as `tls`
 * @throws OpAMPError `ERR_OPAMP_TLS`
 */
export async function readAuthorities(where: string, { ca }: TlsOptions): Promise<readonly string[] | undefined> {
  if (ca === undefined) return undefined;
  const readOne = async (option: string, given: Pem): Promise<string> => {
    const material = await read(option, given);
    certificates(material);
    return material.text;
  };
  if (typeof ca === "string") return [await readOne(`${where}.ca`, ca)];
  return Promise.all(ca.map((given, index) => readOne(`${where}.ca[${index}]`, given)));
}

/**
 * What Node trusts by itself, and the authorities of the system where this Node can tell them (from 22.15 on), as PEM
 * text (TLS-02).
 */
export async function systemAuthorities(): Promise<readonly string[]> {
  const ask: unknown = Reflect.get(tls, "getCACertificates");
  if (typeof ask === "function") return [...new Set<string>([...ask("default"), ...ask("system")])];
  const extra = process.env["NODE_EXTRA_CA_CERTS"];
  // As with Node itself, a file that cannot be read only means that its authorities are missing.
  const added = extra === undefined || extra === "" ? "" : await readFile(extra, "utf8").catch(() => "");
  return added === "" ? tls.rootCertificates : [...tls.rootCertificates, added];
}

/**
 * The client's certificate and key, checked against each other, in a form that Node takes.
 *
 * @param where the option's path, such as `tls`
 * @throws OpAMPError `ERR_OPAMP_TLS`
 */
export async function readIdentity(where: string, { cert, key, passphrase }: TlsOptions) {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined) throw unusable(`${where}.key`, `has no certificate: give ${where}.cert too`);
  if (key === undefined) throw unusable(`${where}.cert`, `has no private key: give ${where}.key too`);
  const [certMaterial, keyMaterial] = await Promise.all([read(`${where}.cert`, cert), read(`${where}.key`, key)]);
  const [leaf] = certificates(certMaterial);
  if (leaf?.checkPrivateKey(privateKey(where, keyMaterial, passphrase)) !== true) {
    const hint = "give the key that the certificate was made for; the client's own certificate comes first in its file";
    throw unusable(keyMaterial.called, `does not belong to the certificate of ${certMaterial.called}`, hint);
  }
  return { cert: certMaterial.text, key: keyMaterial.text, passphrase };
}

async function read(where: string, given: Pem): Promise<Material> {
  if (!isNoPem(given)) return { text: given, called: where };
  // What is a key in some other form must not be shown for a path.
  const isPath = !/[\r\n]/.test(given) && given.length < 1_024 && !/^M[\w+/=-]{39,}$/.test(given);
  if (!isPath) throw unusable(where, "is neither PEM text nor the path of a file", CONVERT);
  try {
    return { text: await readFile(given, "utf8"), called: `${where} (${given})` };
  } catch (cause) {
    const code = codeOf(cause) ?? "unknown reason";
    throw unusable(where, `cannot read ${given}: ${code}`, FILE_HINTS[code], cause);
  }
}

/** All certificates of a text, at least one. */
function certificates({ text, called }: Material): readonly X509Certificate[] {
  const blocks = [...text.matchAll(BLOCK)];
  const wanted = blocks.filter(([, label]) => label === "CERTIFICATE");
  if (wanted.length === 0) throw unusable(called, `holds ${labels(blocks)} and no certificate`, CONVERT);
  return wanted.map(([block], index) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      const problem = `its certificate number ${index + 1} cannot be read: ${messageOf(cause)}`;
      throw unusable(called, problem, undefined, cause);
    }
  });
}

function privateKey(where: string, { text, called }: Material, passphrase: string | undefined): KeyObject {
  const blocks = [...text.matchAll(BLOCK)];
  if (!blocks.some(([, label]) => label?.endsWith("PRIVATE KEY"))) {
    throw unusable(called, `holds ${labels(blocks)} and no private key`, CONVERT);
  }
  const encrypted = /-----BEGIN ENCRYPTED|Proc-Type:\s*4,ENCRYPTED/.test(text);
  if (encrypted && passphrase === undefined) {
    throw unusable(called, "is encrypted", `give the passphrase that opens it, in ${where}.passphrase`);
  }
  try {
    return createPrivateKey(passphrase === undefined ? text : { key: text, passphrase });
  } catch (cause) {
    if (encrypted) throw unusable(called, `is not opened by ${where}.passphrase`, "check the passphrase", cause);
    throw unusable(called, `its private key cannot be read: ${messageOf(cause)}`, undefined, cause);
  }
}

function labels(blocks: readonly RegExpMatchArray[]): string {
  return blocks.length === 0 ? "no PEM text" : blocks.map(([, label]) => label).join(", ");
}

function unusable(where: string, problem: string, hint?: string, cause?: unknown): OpAMPError {
  return new OpAMPError("ERR_OPAMP_TLS", `${where}: ${problem}`, { cause, hint });
}

function isNoPem(given: Pem): boolean {
  return given !== "" && !given.includes("-----BEGIN");
}
