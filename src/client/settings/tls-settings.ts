import {
  checkFlag,
  isObject,
  member,
  oneOf,
  refuseUnknown,
  text,
  withoutUndefined,
  wrongKind,
  wrongOption,
} from "../../base/checks.js";
import type { TlsOptions } from "../../transport/settings/tls-options.js";
import { DEFAULT_MIN_VERSION, tlsVersions, versionRank } from "../../transport/settings/tls-options.js";
import { cipherSuite, ianaNameOf } from "../../transport/tls/cipher-suites.js";
import { foreignTlsNames } from "./foreign-names.js";

const KEYS = {
  ca: true,
  includeSystemCa: true,
  cert: true,
  key: true,
  passphrase: true,
  serverName: true,
  minVersion: true,
  maxVersion: true,
  cipherSuites: true,
  insecureSkipVerify: true,
} as const satisfies Record<keyof TlsOptions, true>;

/**
 * Checks all that can be checked without reading a file.
 *
 * @param where the option's path, such as `tls`
 * @returns a copy, which later changes do not touch
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
export function readTlsOptions(where: string, given: TlsOptions | undefined): TlsOptions | undefined {
  if (given === undefined) return undefined;
  if (!isObject(given)) throw wrongKind(where, "an object", given);
  refuseUnknown(where, given, KEYS, foreignTlsNames);
  // A member that is there and undefined is not given either.
  const options = withoutUndefined<TlsOptions>(given);
  const { ca, cert, key, passphrase, serverName, includeSystemCa, insecureSkipVerify } = options;
  if (ca !== undefined) checkAuthorities(`${where}.ca`, ca);
  for (const [name, pem] of Object.entries({ cert, key })) if (pem !== undefined) checkPem(`${where}.${name}`, pem);
  if (cert !== undefined && key === undefined)
    throw wrongOption(`${where}.key`, `is missing; it belongs to ${where}.cert`);
  if (key !== undefined && cert === undefined)
    throw wrongOption(`${where}.cert`, `is missing; it belongs to ${where}.key`);
  if (passphrase !== undefined) {
    text(`${where}.passphrase`, passphrase);
    if (key === undefined) throw wrongOption(`${where}.passphrase`, "has no key to open");
  }
  if (serverName !== undefined) checkText(`${where}.serverName`, serverName, "a host's name");
  if (includeSystemCa !== undefined) checkFlag(`${where}.includeSystemCa`, includeSystemCa);
  if (insecureSkipVerify !== undefined) checkFlag(`${where}.insecureSkipVerify`, insecureSkipVerify);
  checkVersions(where, options);
  return Array.isArray(options.ca) ? { ...options, ca: [...options.ca] } : options;
}

function checkAuthorities(where: string, given: unknown): void {
  if (!Array.isArray(given)) return checkPem(where, given);
  if (given.length === 0) throw wrongOption(where, "is empty, so no server would be trusted");
  for (const [index, pem] of given.entries()) checkPem(member(where, index), pem);
}

function checkPem(where: string, given: unknown): void {
  checkText(where, given, "PEM text or the path of a file");
}

/** The value itself is not shown: it may be a key, or next to one. */
function checkText(where: string, given: unknown, what: string): void {
  if (typeof given !== "string") throw wrongKind(where, what, given);
  if (given.trim() === "") throw wrongOption(where, `is empty; give ${what}`);
}

function checkVersions(
  where: string,
  { minVersion = DEFAULT_MIN_VERSION, maxVersion, cipherSuites }: TlsOptions,
): void {
  oneOf(`${where}.minVersion`, minVersion, tlsVersions);
  if (maxVersion !== undefined) {
    oneOf(`${where}.maxVersion`, maxVersion, tlsVersions);
    if (versionRank(maxVersion) < versionRank(minVersion)) {
      throw wrongOption(`${where}.maxVersion`, `(${maxVersion}) is below the least version (${minVersion})`);
    }
  }
  if (cipherSuites === undefined) return;
  const at = `${where}.cipherSuites`;
  if (!Array.isArray(cipherSuites)) throw wrongKind(at, "a list of names", cipherSuites);
  if (cipherSuites.length === 0) throw wrongOption(at, "is empty; leave it out for the usual suites");
  const newest = cipherSuites.map((name: unknown, index) => isForTls13(member(at, index), name));
  if (maxVersion !== undefined && versionRank(maxVersion) < versionRank("1.3") && newest.every((is) => is)) {
    throw wrongOption(at, `are all for TLS 1.3, which ${where}.maxVersion (${maxVersion}) rules out`);
  }
  if (versionRank(minVersion) === versionRank("1.3") && !newest.includes(true)) {
    throw wrongOption(at, `are all for TLS 1.2, which ${where}.minVersion (${minVersion}) rules out`);
  }
}

function isForTls13(where: string, given: unknown): boolean {
  const name = text(where, given);
  const suite = cipherSuite(name);
  if (suite !== undefined) return suite.forTls13;
  const meant = ianaNameOf(name);
  const help = meant === undefined ? "use IANA's, such as TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" : `write ${meant}`;
  throw wrongOption(where, `${JSON.stringify(name)} is not a known cipher suite; ${help}`);
}
