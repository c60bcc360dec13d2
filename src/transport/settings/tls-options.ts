import type { SecureVersion } from "node:tls";

/** PEM text (recognised by its `-----BEGIN`), or the path of a file that is read again before every dial. */
export type Pem = string;

/** The forms in which a version may be written. */
export const tlsVersions = ["1.0", "1.1", "1.2", "1.3", "TLSv1", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"] as const;

/** A version of TLS, written as either Go or Node users know it. */
export type TlsVersion = (typeof tlsVersions)[number];

/** TLS towards a server or a proxy. Everything has a default that is safe. */
export interface TlsOptions {
  /**
   * Authorities to trust, in place of the default ones; an intermediate one counts without its root. Default: those that
   * Node trusts, `NODE_EXTRA_CA_CERTS` included.
   */
  ca?: Pem | readonly Pem[] | undefined;
  /**
   * Trust Node's and the system's authorities besides `ca`. Node tells those of the system from 22.15 on; before, they
   * are Node's own and `NODE_EXTRA_CA_CERTS`. Default false (TLS-02).
   */
  includeSystemCa?: boolean | undefined;
  /** The client's certificate, with its chain. Needs `key`. */
  cert?: Pem | undefined;
  /** The private key of `cert`. */
  key?: Pem | undefined;
  /** Opens an encrypted `key`. */
  passphrase?: string | undefined;
  /** The name that is asked for and that the certificate must carry. Default: the URL's host. */
  serverName?: string | undefined;
  /** Default `"1.2"` (TLS-03). */
  minVersion?: TlsVersion | undefined;
  /** Default: the newest. */
  maxVersion?: TlsVersion | undefined;
  /**
   * IANA names, such as `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`, for all versions together: suites of one version of TLS
   * alone leave only that version. Default: Node's.
   */
  cipherSuites?: readonly string[] | undefined;
  /** Accepts any certificate: anybody in between can read and change everything. Default false. */
  insecureSkipVerify?: boolean | undefined;
}

/** The lowest version where nobody asks for another (TLS-03). */
export const DEFAULT_MIN_VERSION: TlsVersion = "1.2";

/** How new a version is: 0 for TLS 1.0 up to 3 for TLS 1.3. */
export function versionRank(version: TlsVersion): number {
  return Number(version.split(".")[1] ?? 0);
}

/** A version as Node writes it. */
export function secureVersion(version: TlsVersion): SecureVersion {
  const minor = versionRank(version);
  return minor === 0 ? "TLSv1" : (`TLSv1.${minor}` as SecureVersion);
}
