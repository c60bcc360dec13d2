import { KeyObject, randomBytes, webcrypto } from "node:crypto";
import { createRequire } from "node:module";
import { isIP } from "node:net";
import type { Extension, X509Certificate } from "@peculiar/x509";
import type { Complete } from "../base/checks.js";
import {
  checkByRules,
  isFlag,
  isListOf,
  isOneOf,
  isText,
  isValidDate,
  type Rule,
  type RulesFor,
} from "../base/rules.js";
import { DAY_MS } from "../base/time.js";
import { OpAMPError } from "../errors.js";

/** A certificate and its private key, both PEM text. */
export interface TestCertificate {
  /** PEM text of the certificate. */
  readonly cert: string;
  /** PKCS#8, encrypted where a passphrase was given. */
  readonly key: string;
}

/** What {@link TestCertificates.issue} makes. */
export interface IssueOptions {
  /** The subject's common name. Default: the first host of a server, `test client` for a client. */
  commonName?: string | undefined;
  /** DNS names and IP addresses that the certificate is good for. Default: `localhost`, `127.0.0.1` and `::1`; none for a client. */
  hosts?: readonly string[] | undefined;
  /** Not valid earlier. Default: a day before now, or before `notAfter` if that comes first. */
  notBefore?: Date | undefined;
  /** Not valid later. Default: a year after now, or after `notBefore` if that comes last. */
  notAfter?: Date | undefined;
  /** Whom it may authenticate. Default `server`. */
  usage?: "server" | "client" | "both" | undefined;
  /** Signed with its own key in place of the authority's. Default false. */
  selfSigned?: boolean | undefined;
  /** Encrypts the key. Default: not encrypted. */
  passphrase?: string | undefined;
}

/** How {@link testCertificates} sets up the authority and the two certificates that it begins with. */
export interface TestCertificatesOptions {
  /** The authority's common name. Default `Test authority` and some hexadecimal digits, so that no two are taken for each other. */
  commonName?: string | undefined;
  /** Not valid earlier. Default: a day before now, or before `notAfter` if that comes first. */
  notBefore?: Date | undefined;
  /** Not valid later. Default: a year after now, or after `notBefore` if that comes last. */
  notAfter?: Date | undefined;
  /** What is special about {@link TestCertificates.server}. */
  server?: IssueOptions | undefined;
  /** What is special about {@link TestCertificates.client}. */
  client?: IssueOptions | undefined;
}

/** An authority for tests, and what it has issued. */
export interface TestCertificates {
  /** The authority's certificate: what the other side must trust. */
  readonly ca: string;
  /** For `localhost`, `127.0.0.1` and `::1`. */
  readonly server: TestCertificate;
  /** For an agent that must show one. */
  readonly client: TestCertificate;
  /** Issues another one: expired, for other hosts, self-signed, with an encrypted key. */
  issue(options?: IssueOptions): Promise<TestCertificate>;
}

const ISSUE: RulesFor<IssueOptions> = {
  commonName: isText,
  hosts: isListOf(isText),
  notBefore: isValidDate,
  notAfter: isValidDate,
  usage: isOneOf("server", "client", "both"),
  selfSigned: isFlag,
  passphrase: isText,
};
const LEAF: Rule = (where, value) => checkByRules(where, value, ISSUE);
const OPTIONS: RulesFor<TestCertificatesOptions> = {
  commonName: isText,
  notBefore: isValidDate,
  notAfter: isValidDate,
  server: LEAF,
  client: LEAF,
};

type Validity = Pick<IssueOptions, "notBefore" | "notAfter">;
type Authority = Awaited<ReturnType<typeof makeAuthority>>;

const YEAR_MS = 365 * DAY_MS;
const LOOPBACK = ["localhost", "127.0.0.1", "::1"];
const KEY_ALGORITHM = { name: "ECDSA", namedCurve: "P-256" };
const SIGNING_ALGORITHM = { name: "ECDSA", hash: "SHA-256" };

/**
 * Makes an authority and certificates for tests, in memory and within milliseconds (ECDSA, P-256).
 *
 * Nothing in this package trusts it by itself: give `ca` to those that must. Call it again for an authority that is not trusted. Rejects with
 * ERR_OPAMP_OPTION for options that it does not have.
 */
export async function testCertificates(options: TestCertificatesOptions = {}): Promise<TestCertificates> {
  checkByRules("", options, OPTIONS);
  const { commonName = `Test authority ${randomBytes(4).toString("hex")}` } = options;
  const authority = await makeAuthority(commonName, validity(options));
  const issue = async (given: IssueOptions = {}): Promise<TestCertificate> => {
    checkByRules("issue", given, ISSUE);
    return issueFrom(authority, given);
  };
  const [server, client] = await Promise.all([issue(options.server), issue({ usage: "client", ...options.client })]);
  return { ca: pemOf(authority.certificate), server, client, issue };
}

async function makeAuthority(commonName: string, valid: Complete<Validity>) {
  const x509 = library();
  const keys = await makeKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...valid,
    serialNumber: serialNumber(),
    name: [{ CN: [commonName] }],
    keys,
    signingAlgorithm: SIGNING_ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate, keys };
}

async function issueFrom(authority: Authority, options: IssueOptions): Promise<TestCertificate> {
  const { usage = "server", selfSigned = false } = options;
  const hosts = options.hosts ?? (usage === "client" ? [] : LOOPBACK);
  const { commonName = usage === "client" ? "test client" : (hosts[0] ?? "test server") } = options;
  const x509 = library();
  const keys = await makeKeys();
  const subject = [{ CN: [commonName] }];
  const signer = selfSigned ? keys : authority.keys;
  const certificate = await x509.X509CertificateGenerator.create({
    ...validity(options),
    serialNumber: serialNumber(),
    subject,
    issuer: selfSigned ? subject : authority.certificate.subjectName.toJSON(),
    publicKey: keys.publicKey,
    signingKey: signer.privateKey,
    signingAlgorithm: SIGNING_ALGORITHM,
    extensions: await leafExtensions(usage, hosts, keys, signer),
  });
  return { cert: pemOf(certificate), key: keyPem(keys, options.passphrase) };
}

async function leafExtensions(
  usage: NonNullable<IssueOptions["usage"]>,
  hosts: readonly string[],
  subject: webcrypto.CryptoKeyPair,
  signer: webcrypto.CryptoKeyPair,
): Promise<Extension[]> {
  const x509 = library();
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  const usages = { server: [serverAuth], client: [clientAuth], both: [serverAuth, clientAuth] }[usage];
  const names = hosts.map((value) => ({ type: isIP(value) === 0 ? ("dns" as const) : ("ip" as const), value }));
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension(usages),
    await x509.SubjectKeyIdentifierExtension.create(subject.publicKey),
    await x509.AuthorityKeyIdentifierExtension.create(signer.publicKey),
    // Without names there must be no extension: an empty one is not valid.
    ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
  ];
}

/**
 * An optional peer: loaded by the first certificate, after what it looks for when it is evaluated.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION` where it is not installed
 */
function library(): typeof import("@peculiar/x509") {
  try {
    createRequire(import.meta.url)("reflect-metadata");
    return createRequire(import.meta.url)("@peculiar/x509");
  } catch (cause) {
    const hint = "run `npm install --save-dev @peculiar/x509 reflect-metadata`";
    throw new OpAMPError("ERR_OPAMP_OPTION", "testCertificates needs @peculiar/x509 and reflect-metadata", {
      cause,
      hint,
    });
  }
}

function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ["sign", "verify"]);
}

function keyPem({ privateKey }: webcrypto.CryptoKeyPair, passphrase: string | undefined): string {
  const encryption = passphrase === undefined ? {} : { cipher: "aes-256-cbc", passphrase };
  return KeyObject.from(privateKey)
    .export({ type: "pkcs8", format: "pem", ...encryption })
    .toString();
}

function pemOf(certificate: X509Certificate): string {
  return `${certificate.toString("pem")}\n`;
}

/** Positive and of full length, whatever the dice say: others refuse what is not. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = 0x40 | (bytes.readUInt8(0) & 0x3f);
  return bytes.toString("hex");
}

function validity({ notBefore, notAfter }: Validity): Complete<Validity> {
  const now = Date.now();
  return {
    notBefore: notBefore ?? new Date(Math.min(now, notAfter?.getTime() ?? now) - DAY_MS),
    notAfter: notAfter ?? new Date(Math.max(now, notBefore?.getTime() ?? now) + YEAR_MS),
  };
}
