import { createHash, createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import tls from "node:tls";
import { attempt } from "../../base/checks.js";
import { OVERDUE_HINT, readNamedFile } from "../../base/read-file.js";
import { codeOf, messageOf, OpAMPError } from "../../errors.js";
import type { Pem, TlsOptions } from "../settings/tls-options.js";
import { decodedText, type PemBlock, pemBlocks, pemText } from "./pem.js";

/** PEM text, and what errors call it: the option, and the path where there is one. */
interface Material {
  text: string;
  called: string;
}

/** Also with what OpenSSL trusts it for behind it, and under its old name. */
const CERTIFICATE = /^(?:TRUSTED |X509 )?CERTIFICATE$/;
const FORBIDDEN = "this process may not read the file: check its owner and mode";
const FILE_HINTS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file: check the path; a relative one starts at the working directory",
  EACCES: FORBIDDEN,
  EPERM: FORBIDDEN,
  ETIMEDOUT: OVERDUE_HINT,
  EISDIR: "that is a directory: give the path of one file",
};
const REASSEMBLE = "it was cut short or damaged on its way: put it together again from its parts";
const CONVERT = "give PEM, which begins with -----BEGIN; openssl converts other forms, such as DER and PKCS#12, to it";

/** A digest of all that the options name; `undefined` where something cannot be read. */
export async function digestOf({ ca, cert, key }: TlsOptions): Promise<string | undefined> {
  const given = [ca ?? [], cert ?? "", key ?? ""].flat();
  try {
    const texts = await Promise.all(
      given.map(async (one) => (isNoPem(one) ? (await readNamedFile(one)).toString("utf8") : one)),
    );
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
    return certificates(await read(option, given)).join("");
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
  const added = extra === undefined || extra === "" ? "" : await readNamedFile(extra).then(String, () => "");
  const read = attempt(() => certificates({ text: added, called: "NODE_EXTRA_CA_CERTS" }).map(String));
  return [...tls.rootCertificates, ...(read ?? [])];
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
  // One after the other, so that the same one of two bad files is named each time.
  const certMaterial = await read(`${where}.cert`, cert);
  const keyMaterial = await read(`${where}.key`, key);
  const chain = certificates(certMaterial);
  const ownKey = privateKey(where, keyMaterial, passphrase);
  if (chain[0]?.checkPrivateKey(ownKey.key) !== true) {
    const hint = "give the key that the certificate was made for; the client's own certificate comes first in its file";
    throw unusable(keyMaterial.called, `does not belong to the certificate of ${certMaterial.called}`, hint);
  }
  return { cert: chain.join(""), key: ownKey.text, passphrase };
}

async function read(where: string, given: Pem): Promise<Material> {
  if (!isNoPem(given)) return { text: given, called: where };
  // What is a key in some other form must not be shown for a path.
  const isPath = !/[\r\n]/.test(given) && given.length < 1_024 && !/^M[\w+/=-]{39,}$/.test(given);
  if (!isPath) throw unusable(where, "is neither PEM text nor the path of a file", CONVERT);
  try {
    return { text: decodedText(await readNamedFile(given)), called: `${where} (${given})` };
  } catch (cause) {
    const code = codeOf(cause) ?? "unknown reason";
    throw unusable(where, `cannot read ${given}: ${code}`, FILE_HINTS[code], cause);
  }
}

/** All certificates of a text, at least one; as text each is a block of its own. */
function certificates(material: Material): readonly X509Certificate[] {
  const { called } = material;
  const blocks = blocksOf(material);
  const wanted = blocks.filter(({ label }) => CERTIFICATE.test(label));
  if (wanted.length === 0)
    throw unusable(called, `holds ${labels(blocks)} and no certificate`, hintFor(blocks, "certificate"));
  return wanted.map(({ data }, index) => {
    try {
      return new X509Certificate(Buffer.from(data, "base64"));
    } catch (cause) {
      const problem = `its certificate number ${index + 1} cannot be read: ${messageOf(cause)}`;
      throw unusable(called, problem, undefined, cause);
    }
  });
}

function privateKey(
  where: string,
  material: Material,
  passphrase: string | undefined,
): { key: KeyObject; text: string } {
  const { called } = material;
  const blocks = blocksOf(material);
  const wanted = blocks.find(({ label }) => label.endsWith("PRIVATE KEY"));
  if (wanted === undefined)
    throw unusable(called, `holds ${labels(blocks)} and no private key`, hintFor(blocks, "key"));
  const text = pemText(wanted);
  const encrypted = /-----BEGIN ENCRYPTED|Proc-Type:\s*4,ENCRYPTED/.test(text);
  if (encrypted && passphrase === undefined) {
    throw unusable(called, "is encrypted", `give the passphrase that opens it, in ${where}.passphrase`);
  }
  try {
    return { key: createPrivateKey(passphrase === undefined ? text : { key: text, passphrase }), text };
  } catch (cause) {
    if (encrypted) throw unusable(called, `is not opened by ${where}.passphrase`, "check the passphrase", cause);
    throw unusable(called, `its private key cannot be read: ${messageOf(cause)}`, undefined, cause);
  }
}

function blocksOf({ text, called }: Material): readonly PemBlock[] {
  const blocks = pemBlocks(text);
  if (typeof blocks === "string") throw unusable(called, blocks, REASSEMBLE);
  return blocks;
}

function labels(blocks: readonly PemBlock[]): string {
  return blocks.length === 0 ? "no PEM text" : blocks.map(({ label }) => label).join(", ");
}

/** What is PEM already needs no conversion. */
function hintFor(blocks: readonly PemBlock[], wanted: "certificate" | "key"): string {
  if (blocks.length === 0) return CONVERT;
  const isKey = blocks.some(({ label }) => label.endsWith("PRIVATE KEY"));
  const isCertificate = blocks.some(({ label }) => CERTIFICATE.test(label));
  const found = isKey ? "a key" : isCertificate ? "a certificate" : "PEM of another kind";
  return `that is ${found}: give the file with the ${wanted}`;
}

function unusable(where: string, problem: string, hint?: string, cause?: unknown): OpAMPError {
  return new OpAMPError("ERR_OPAMP_TLS", `${where}: ${problem}`, { cause, hint });
}

function isNoPem(given: Pem): boolean {
  return given !== "" && !given.includes("-----BEGIN");
}
