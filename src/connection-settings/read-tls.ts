import type { TLSConnectionSettings } from "../gen/opamp/v1/opamp_pb.js";
import {
  DEFAULT_MIN_VERSION,
  type TlsOptions,
  type TlsVersion,
  tlsVersions,
  versionRank,
} from "../transport/settings/tls-options.js";
import { cipherSuite } from "../transport/tls/cipher-suites.js";
import { readAuthorities } from "./read-certificate.js";
import { refused } from "./refusal.js";
import { type OfferedTls, type OfferedVersion, offeredVersions } from "./snapshot.js";

/** A bundle of all usual authorities has some 250 KB. */
const MAX_CA_BYTES = 384 * 1024;
const MAX_SUITES = 64;

/**
 * TLS settings of an offer, each member checked by itself.
 *
 * @throws OpAMPError `ERR_OPAMP_SETTINGS`
 */
export function readOfferedTls(where: string, offered: TLSConnectionSettings): OfferedTls {
  const { caPemContents, includeSystemCaCertsPool, insecureSkipVerify, cipherSuites } = offered;
  const minVersion = readVersion(`${where}.min_version`, offered.minVersion);
  const maxVersion = readVersion(`${where}.max_version`, offered.maxVersion);
  if (cipherSuites.length > MAX_SUITES) throw refused(`${where}.cipher_suites`, `are more than ${MAX_SUITES}`);
  const unknown = cipherSuites.findIndex((name) => cipherSuite(name) === undefined);
  if (unknown >= 0) {
    const hint = "use IANA's names, such as TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
    throw refused(`${where}.cipher_suites`, `has a suite that is not known, number ${unknown + 1}`, hint);
  }
  return {
    ...(caPemContents !== "" && { ca: readAuthorities(`${where}.ca_pem_contents`, caPemContents, MAX_CA_BYTES) }),
    includeSystemCa: includeSystemCaCertsPool,
    insecureSkipVerify,
    ...(minVersion !== undefined && { minVersion }),
    ...(maxVersion !== undefined && { maxVersion }),
    ...(cipherSuites.length > 0 && { cipherSuites: [...cipherSuites] }),
  };
}

/**
 * Offered TLS over that of the options: what the options pin stays pinned, versions and suites only become narrower.
 *
 * @throws OpAMPError `ERR_OPAMP_SETTINGS` for what is below what the options want
 */
export function tlsOver(where: string, own: TlsOptions | undefined, offered: OfferedTls): TlsOptions {
  const { ca, minVersion, maxVersion, cipherSuites } = offered;
  const least = own?.minVersion ?? DEFAULT_MIN_VERSION;
  if (minVersion !== undefined && versionRank(minVersion) < versionRank(least)) {
    throw refused(`${where}.min_version`, `(${minVersion}) is below the least version of this agent (${least})`);
  }
  const newLeast = minVersion ?? least;
  const most = lower(own?.maxVersion, maxVersion);
  if (most !== undefined && versionRank(most) < versionRank(newLeast)) {
    throw refused(`${where}.max_version`, `(${most}) is below the least version (${newLeast})`);
  }
  const others =
    own?.cipherSuites === undefined ? undefined : cipherSuites?.find((name) => !own.cipherSuites?.includes(name));
  if (others !== undefined) throw refused(`${where}.cipher_suites`, `has ${others}, which this agent is not to use`);
  return {
    ...own,
    ...(ca !== undefined && { ca }),
    // Unset and false are the same on the wire: what the options say counts until the offer names an authority.
    includeSystemCa: offered.includeSystemCa || (ca === undefined && own?.includeSystemCa === true),
    insecureSkipVerify: offered.insecureSkipVerify,
    minVersion: newLeast,
    ...(most !== undefined && { maxVersion: most }),
    ...(cipherSuites !== undefined && { cipherSuites }),
  };
}

/** In one spelling, whichever the server used. */
function readVersion(where: string, given: string): OfferedVersion | undefined {
  if (given === "") return undefined;
  const version = tlsVersions.find((known) => known === given);
  if (version === undefined) throw refused(where, "is not a version of TLS", 'use "1.2" or "1.3"');
  return offeredVersions[versionRank(version)];
}

function lower(a: TlsVersion | undefined, b: TlsVersion | undefined): TlsVersion | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return versionRank(a) < versionRank(b) ? a : b;
}
