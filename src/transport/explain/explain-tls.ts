import { type Explanation, type Failure, otherScheme, printable } from "./explain.js";

/** What a failure of TLS means. */
interface Row {
  codes: readonly string[] | RegExp;
  says: string | ((failure: Failure, url: URL) => string);
  hint: string | ((url: URL) => string);
}

const OURS_REFUSED = "the server refuses the client certificate";
const NO_OVERLAP = "the two sides share no TLS version or cipher";
const WIDEN = "check tls.minVersion, tls.maxVersion and tls.cipherSuites against what the server offers";

const ROWS: readonly Row[] = [
  {
    codes: [
      "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
      "SELF_SIGNED_CERT_IN_CHAIN",
      "UNABLE_TO_GET_ISSUER_CERT",
      "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
      "CERT_UNTRUSTED",
      "INVALID_CA",
    ],
    says: "the server's certificate is from an authority that is not trusted here",
    hint: "give that authority's certificate as tls.ca (or NODE_EXTRA_CA_CERTS), and let the server send its intermediates",
  },
  {
    codes: ["DEPTH_ZERO_SELF_SIGNED_CERT"],
    says: "the server's certificate is self-signed and not trusted here",
    hint: "give that certificate as tls.ca, or the server one from an authority",
  },
  {
    codes: ["CERT_HAS_EXPIRED"],
    says: ({ certificate }) => `the server's certificate${isPast(certificate?.valid_to)} has expired`,
    hint: "renew the server's certificate; if it is good, set this machine's clock",
  },
  {
    codes: ["CERT_NOT_YET_VALID"],
    says: ({ certificate }) => `the server's certificate is not yet valid${isAhead(certificate?.valid_from)}`,
    hint: "set this machine's clock, or the server's where its certificate was made",
  },
  {
    codes: ["CERT_REVOKED"],
    says: "the server's certificate has been revoked",
    hint: "give the server a new certificate",
  },
  {
    codes: ["ERR_TLS_CERT_ALTNAME_INVALID", "HOSTNAME_MISMATCH", "IP_ADDRESS_MISMATCH"],
    says: (failure, { hostname }) =>
      `the server's certificate is ${namesOf(failure)}not for ${askedFor(failure, hostname)}`,
    hint: "use a name that the certificate has, in the URL or as tls.serverName, or give the server one for this name",
  },
  {
    codes: [
      "INVALID_PURPOSE",
      "CERT_REJECTED",
      "CERT_CHAIN_TOO_LONG",
      "PATH_LENGTH_EXCEEDED",
      "CERT_SIGNATURE_FAILURE",
    ],
    says: "the server's certificate or one in its chain is not fit for this",
    hint: "look at the server's certificate chain, for instance with: openssl s_client -showcerts",
  },
  {
    codes: /(EE|CA)_(KEY_TOO_SMALL|MD_TOO_WEAK)$|DH_KEY_TOO_SMALL$/,
    says: "the server's key or signature is too weak",
    hint: "give the server a certificate with a key of at least 2048 bits (RSA) and a SHA-2 signature",
  },
  {
    codes: /ALERT_CERTIFICATE_REQUIRED$/,
    says: "the server demands a client certificate",
    hint: "give tls.cert and tls.key",
  },
  {
    codes: /ALERT_BAD_CERTIFICATE$/,
    says: "the server finds no usable client certificate",
    hint: "give tls.cert and tls.key; if they are given, check that they belong together and are complete",
  },
  {
    codes: /ALERT_UNKNOWN_CA$/,
    says: `${OURS_REFUSED}: it does not trust its authority`,
    hint: "use a certificate (tls.cert) from an authority that the server trusts, with its intermediates in the same file",
  },
  {
    codes: /ALERT_CERTIFICATE_EXPIRED$/,
    says: `${OURS_REFUSED}: it has expired`,
    hint: "renew the certificate given as tls.cert; if it is good, set the server's clock",
  },
  {
    codes: /ALERT_CERTIFICATE_REVOKED$/,
    says: `${OURS_REFUSED}: it has been revoked`,
    hint: "use a new certificate and key (tls.cert, tls.key)",
  },
  {
    codes: /ALERT_(CERTIFICATE_UNKNOWN|UNSUPPORTED_CERTIFICATE|ACCESS_DENIED|DECRYPT_ERROR)$/,
    says: OURS_REFUSED,
    hint: "check that tls.cert is meant for clients and belongs to tls.key; the server's log has its reason",
  },
  {
    codes: /ALERT_HANDSHAKE_FAILURE$/,
    says: "the server broke off the TLS handshake",
    hint: `it demands a client certificate (tls.cert, tls.key), or ${NO_OVERLAP}: ${WIDEN}`,
  },
  {
    codes:
      /ALERT_(PROTOCOL_VERSION|INSUFFICIENT_SECURITY)$|UNSUPPORTED_PROTOCOL$|NO_(PROTOCOLS_AVAILABLE|CIPHERS_AVAILABLE|SHARED_CIPHER)$|VERSION_TOO_LOW$/,
    says: NO_OVERLAP,
    hint: WIDEN,
  },
  {
    codes: /UNRECOGNIZED_NAME$/,
    says: (_failure, { hostname }) => `the server does not know the name ${hostname}`,
    hint: "check the host in the URL, or set tls.serverName to a name that the server knows",
  },
  {
    codes: /WRONG_VERSION_NUMBER$|PACKET_LENGTH_TOO_LONG$|SSL_HTTP_REQUEST$|UNKNOWN_PROTOCOL$/,
    says: "what listens there does not speak TLS",
    hint: (url) => `the server does not speak TLS: use ${otherScheme(url)}, or check the port`,
  },
  {
    codes: ["ERR_TLS_HANDSHAKE_TIMEOUT"],
    says: "the TLS handshake took too long",
    hint: "check that the port speaks TLS, and that nothing in between holds the handshake up",
  },
  {
    codes: /^ERR_SSL_|^EPROTO$/,
    says: "the TLS handshake failed",
    hint: "check the certificates on both sides and the tls options; the server's log may have its side of it",
  },
];

/** Node says so of a handshake that ended too early; its code is that of any reset. */
const CUT_HANDSHAKE = /disconnected before secure TLS connection/;

const CUT: Row = {
  codes: [],
  says: "the server hung up in the TLS handshake",
  hint: (url) =>
    `it may not speak TLS (then use ${otherScheme(url)}), demand a client certificate (tls.cert, tls.key) or not know the host name`,
};

/** Trust, certificates on both sides, versions, and a side that does not speak TLS. */
export function explainTls(failure: Failure, url: URL): Explanation | undefined {
  const row = CUT_HANDSHAKE.test(failure.text)
    ? CUT
    : ROWS.find(({ codes }) => (codes instanceof RegExp ? codes.test(failure.code) : codes.includes(failure.code)));
  if (row === undefined) return undefined;
  const says = typeof row.says === "string" ? row.says : row.says(failure, url);
  const hint = typeof row.hint === "string" ? row.hint : row.hint(url);
  return { code: "ERR_OPAMP_TLS", says: `${says} (${failure.code})`, hint };
}

/** The date, unless it is another certificate of the chain that has expired. */
function isPast(validTo: string | undefined): string {
  const atMs = Date.parse(validTo ?? "");
  return atMs <= Date.now() ? `, valid until ${new Date(atMs).toISOString()},` : "";
}

function isAhead(validFrom: string | undefined): string {
  const atMs = Date.parse(validFrom ?? "");
  return atMs > Date.now() ? `: only from ${new Date(atMs).toISOString()} on` : "";
}

/** A certificate may carry hundreds. */
const MAX_NAMES = 5;

function namesOf({ certificate }: Failure): string {
  const alternatives = certificate?.subjectaltname?.split(", ").map((name) => name.replace(/^(DNS|IP Address):/, ""));
  const names = alternatives ?? [certificate?.subject?.CN ?? []].flat();
  if (names.length === 0) return "";
  const shown = names.slice(0, MAX_NAMES).map((name) => printable(name, 80));
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : "";
  return `for ${shown.join(", ")}${more}, `;
}

/** The name that was asked for is not always the URL's: see `tls.serverName`. */
function askedFor({ host }: Failure, hostname: string): string {
  return printable((host ?? hostname).replace(/\.$/, ""), 80);
}
