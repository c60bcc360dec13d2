/** All kinds of keys that a certificate can be asked for with; the first one is the default. */
export const keyTypes = ["ec-p256", "ed25519", "rsa-3072"] as const;

/** What kind of key a certificate is asked for with. */
export type CertificateKeyType = (typeof keyTypes)[number];
