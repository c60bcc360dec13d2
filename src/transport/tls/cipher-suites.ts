const GCM = ["AES_256_GCM_SHA384", "AES_128_GCM_SHA256", "ARIA_256_GCM_SHA384", "ARIA_128_GCM_SHA256"];
const CCM = ["AES_256_CCM", "AES_256_CCM_8", "AES_128_CCM", "AES_128_CCM_8"];
const CHACHA20 = "CHACHA20_POLY1305_SHA256";
const AES_CBC = ["AES_256_CBC_SHA", "AES_128_CBC_SHA", "AES_128_CBC_SHA256"];
const CBC_OF_ECDHE = [...AES_CBC, "AES_256_CBC_SHA384", "CAMELLIA_256_CBC_SHA384", "CAMELLIA_128_CBC_SHA256"];
const CAMELLIA_CBC = ["256_CBC_SHA256", "128_CBC_SHA256", "256_CBC_SHA", "128_CBC_SHA"].map(
  (rest) => `CAMELLIA_${rest}`,
);
const CBC = [...AES_CBC, "AES_256_CBC_SHA256", ...CAMELLIA_CBC];

/**
 * The ciphers of TLS 1.2 that each key exchange goes with, by their parts of the IANA name. Suites without encryption or
 * authentication are left out on purpose.
 */
const CIPHERS: Readonly<Record<string, readonly string[]>> = {
  ECDHE_ECDSA: [...GCM, ...CCM, CHACHA20, ...CBC_OF_ECDHE],
  ECDHE_RSA: [...GCM, CHACHA20, ...CBC_OF_ECDHE],
  DHE_RSA: [...GCM, ...CCM, CHACHA20, ...CBC],
  DHE_DSS: [...GCM, ...CBC],
  RSA: [...GCM, ...CCM, ...CBC],
};

/** Those of TLS 1.3, which OpenSSL calls by the same names. */
const TLS_1_3_NAMES = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "TLS_AES_128_CCM_SHA256",
  "TLS_AES_128_CCM_8_SHA256",
];

/** A suite that can be asked for (TLS-03). */
export interface CipherSuite {
  /** As OpenSSL knows it. */
  opensslName: string;
  /** Whether it belongs to TLS 1.3; otherwise it belongs to 1.2 and earlier. */
  forTls13: boolean;
}

const SUITES = new Map<string, CipherSuite>();
for (const [exchange, ciphers] of Object.entries(CIPHERS)) {
  for (const cipher of ciphers) {
    SUITES.set(`TLS_${exchange}_WITH_${cipher}`, { opensslName: opensslNameOf(exchange, cipher), forTls13: false });
  }
}
for (const name of TLS_1_3_NAMES) SUITES.set(name, { opensslName: name, forTls13: true });

/** The suite of an IANA name, such as `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`; `undefined` for a name that is not known. */
export function cipherSuite(ianaName: string): CipherSuite | undefined {
  return SUITES.get(ianaName);
}

/** The IANA name of a suite that somebody calls as OpenSSL does. */
export function ianaNameOf(opensslName: string): string | undefined {
  for (const [name, suite] of SUITES) if (suite.opensslName === opensslName) return name;
  return undefined;
}

/** OpenSSL writes sizes without a separator, and leaves away CBC, the hash of ChaCha20, plain RSA, and RSA before ARIA. */
function opensslNameOf(exchange: string, cipher: string): string {
  return `${exchange}_${cipher}`
    .replace(/_(?=128|256)/, "")
    .replace("CCM_8", "CCM8")
    .replace("_CBC", "")
    .replace("POLY1305_SHA256", "POLY1305")
    .replace("ECDHE_RSA_ARIA", "ECDHE_ARIA")
    .replace(/^RSA_/, "")
    .replaceAll("_", "-");
}
