import { KeyObject, randomBytes, type webcrypto } from "node:crypto";
import { isIP } from "node:net";
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
import {
  type Authority,
  certify,
  makeAuthority,
  makeKeys,
  spkiOf,
  type Validity,
  x509For,
} from "../server/signing/authority.js";

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

const USER = "testCertificates";
const YEAR_MS = 365 * DAY_MS;
const LOOPBACK = ["localhost", "127.0.0.1", "::1"];

/**
 * Makes an authority and certificates for tests, in memory and within milliseconds (ECDSA, P-256).
 *
 * Nothing in this package trusts it by itself: give `ca` to those that must. Call it again for an authority that is not trusted. Rejects with
 * ERR_OPAMP_OPTION for options that it does not have.
 */
export async function testCertificates(options: TestCertificatesOptions = {}): Promise<TestCertificates> {
  checkByRules("", options, OPTIONS);
  const { commonName = `Test authority ${randomBytes(4).toString("hex")}` } = options;
  const authority = await makeAuthority(x509For(USER), commonName, validity(options));
  const issue = async (given: IssueOptions = {}): Promise<TestCertificate> => {
    checkByRules("issue", given, ISSUE);
    return issueFrom(authority, given);
  };
  const [server, client] = await Promise.all([issue(options.server), issue({ usage: "client", ...options.client })]);
  return { ca: authority.pem, server, client, issue };
}

async function issueFrom(authority: Authority, options: IssueOptions): Promise<TestCertificate> {
  const { usage = "server", selfSigned = false } = options;
  const hosts = options.hosts ?? (usage === "client" ? [] : LOOPBACK);
  const { commonName = usage === "client" ? "test client" : (hosts[0] ?? "test server") } = options;
  const x509 = x509For(USER);
  const keys = await makeKeys();
  const subject = new x509.Name([{ CN: [commonName] }]);
  const names = hosts.map((value) => ({ type: isIP(value) === 0 ? ("dns" as const) : ("ip" as const), value }));
  const cert = await certify(x509, selfSigned ? { name: subject, keys } : authority, {
    ...validity(options),
    subject,
    spki: spkiOf(keys),
    usage,
    names: names.length === 0 ? undefined : new x509.SubjectAlternativeNameExtension(names),
  });
  return { cert, key: keyPem(keys, options.passphrase) };
}

function keyPem({ privateKey }: webcrypto.CryptoKeyPair, passphrase: string | undefined): string {
  const encryption = passphrase === undefined ? {} : { cipher: "aes-256-cbc", passphrase };
  return KeyObject.from(privateKey)
    .export({ type: "pkcs8", format: "pem", ...encryption })
    .toString();
}

function validity({ notBefore, notAfter }: Pick<IssueOptions, "notBefore" | "notAfter">): Validity {
  const now = Date.now();
  return {
    notBefore: notBefore ?? new Date(Math.min(now, notAfter?.getTime() ?? now) - DAY_MS),
    notAfter: notAfter ?? new Date(Math.max(now, notBefore?.getTime() ?? now) + YEAR_MS),
  };
}
