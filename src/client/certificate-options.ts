import type { CertificateKeyType } from "../connection-settings/certificates/key-types.js";
import type { CertificateSubject, SubjectOf } from "../connection-settings/certificates/subject.js";

/**
 * How an agent gets client certificates from its server by signing requests. The key is made here, is kept in the store,
 * and never travels. Requests leave only over verified TLS, for servers that declare `acceptsConnectionSettingsRequest`.
 */
export interface CertificateOptions {
  /**
   * Whether the agent asks by itself: for the first certificate, for the next one before the end, and with another instance
   * uid. Default false: only `requestCertificate()` asks.
   */
  request?: boolean | undefined;
  /** The kind of key. A key of another kind is made with the next request. Default `"ec-p256"`. */
  keyType?: CertificateKeyType | undefined;
  /** The subject of the certificate; a function is asked for each request. Default: the instance uid, as CN and as a `urn:uuid:` URI. */
  subject?: CertificateSubject | SubjectOf | undefined;
  /**
   * How long before the end of a certificate the next one is asked for, in milliseconds; up to a tenth of it earlier, and
   * not before half of the validity. Default: when a third of the validity is left.
   */
  renewBefore?: number | undefined;
  /**
   * What follows once the certificate that the server gave has ended, and the next attempt to connect fails: `"keep"` goes on
   * trying with it; `"bootstrap"` puts aside what the server offered, and connects as the options say. Default `"keep"`.
   */
  expired?: "keep" | "bootstrap" | undefined;
  /**
   * How long a certificate may take before the server is asked once more, with the same key; and after a refusal, how long
   * until it is asked with another key. In milliseconds. Default 86 400 000 (a day).
   */
  askAgainMs?: number | undefined;
}

/** How far a request for a certificate is that has not been put to use yet. */
export interface CertificateRequestState {
  /**
   * `"waiting"`: no server has answered it, as it waits for one that takes it over verified TLS; `"requested"`: the server
   * has it, and the certificate may come at any time; `"refused"`: the server has refused it.
   */
  readonly state: "waiting" | "requested" | "refused";
  /** Since when it is so. */
  readonly since: Date;
}

/** How certificates are asked for: the options, checked. */
export interface CertificateRules {
  readonly request: boolean;
  readonly keyType: NonNullable<CertificateOptions["keyType"]>;
  readonly subject: CertificateOptions["subject"];
  readonly renewBeforeMs: number | undefined;
  readonly expired: NonNullable<CertificateOptions["expired"]>;
  readonly askAgainMs: number;
}
