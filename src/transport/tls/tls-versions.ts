import type { SecureVersion } from "node:tls";
import type { TlsVersion } from "../settings/tls-options.js";

/** The lowest version where nobody asks for another (TLS-03). */
export const DEFAULT_MIN_VERSION: TlsVersion = "1.2";

/** From the oldest to the newest. */
const VERSIONS = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"] as const satisfies readonly SecureVersion[];

const VERSION_NAMES: Readonly<Record<TlsVersion, (typeof VERSIONS)[number]>> = {
  "1.0": "TLSv1",
  "1.1": "TLSv1.1",
  "1.2": "TLSv1.2",
  "1.3": "TLSv1.3",
  TLSv1: "TLSv1",
  "TLSv1.0": "TLSv1",
  "TLSv1.1": "TLSv1.1",
  "TLSv1.2": "TLSv1.2",
  "TLSv1.3": "TLSv1.3",
};

/** The forms in which a version may be written. */
export const tlsVersions = Object.keys(VERSION_NAMES);

/** How new a version is: 0 for TLS 1.0 up to 3 for TLS 1.3. */
export function versionRank(version: TlsVersion): number {
  return VERSIONS.indexOf(VERSION_NAMES[version]);
}

/** A version as Node writes it. */
export function secureVersion(version: TlsVersion): SecureVersion {
  return VERSION_NAMES[version];
}
