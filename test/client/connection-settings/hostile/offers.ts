import type { OpAMPSettingsPolicy } from "../../../../src/index.js";
import { bytes, headers, type OfferInit } from "../offers.js";

/** The endpoints that the agent of these cases lets its server name. */
export const ENDPOINTS = ["old.example.com", "*.good.example.com", "[2001:db8::1]", "pinned.example.com:4320"];

/** What a hostile server offers, and what comes of it. */
export interface HostileOffer {
  name: string;
  /** Default: nothing that is named. */
  offer: OfferInit;
  /** What the server is told. `"applied"`: it is harmless, and the agent stays where it is. */
  says: RegExp | "applied";
  policy?: OpAMPSettingsPolicy;
  tls?: { minVersion?: "1.3"; ca?: string; cipherSuites?: string[] };
}

const PEM = (label: string, body: string): Uint8Array =>
  bytes(`-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`);

const NOT_ALLOWED = /^failed: destination_endpoint \(.*\) is not one that this agent may be moved to \(/;
const NO_URL = /^failed: destination_endpoint is not a server's URL \(/;
const NOT_FOR_SERVERS = /is not for a server to set: leave it to the client|cannot be sent \(/;

/** URLs that are meant to look like one that is allowed. */
const endpoints = [
  ["another host", "wss://evil.org/v1/opamp"],
  ["an allowed host as the beginning of another", "wss://old.example.com.evil.org/"],
  ["an allowed host as the end of another", "wss://evil-old.example.com/"],
  ["the parent of allowed hosts", "wss://good.example.com/"],
  ["an allowed parent as the end of another name", "wss://evilgood.example.com/"],
  ["a dot that is percent-encoded", "wss://old.example.com%2eevil.org/"],
  ["an allowed host before a backslash", "wss://evil.org\\@old.example.com/"],
  ["an allowed host in the fragment", "wss://evil.org#old.example.com"],
  ["an allowed host in the path", "wss://evil.org/old.example.com"],
  ["an allowed host in the query", "wss://evil.org/?host=old.example.com"],
  ["another case", "WSS://EVIL.ORG/"],
  ["a number for an address", "wss://2130706433/"],
  ["an address in octal digits", "wss://0177.0.0.1/"],
  ["the metadata service of clouds", "wss://169.254.169.254/latest/meta-data"],
  ["another IPv6 address", "wss://[::1]/"],
  ["an IPv4 address as IPv6", "wss://[::ffff:169.254.169.254]/"],
  ["a letter that looks like another", "wss://оld.example.com/"],
  ["a star as a host", "wss://*/"],
  ["a star below the wrong name", "wss://*.evil.org/"],
  ["the port that is not pinned", "wss://pinned.example.com:443/"],
  ["the port that a path implies", "wss://pinned.example.com/v1/opamp"],
  ["a port of 0", "wss://pinned.example.com:0/"],
] as const;

const unusable = [
  ["another scheme", "ftp://old.example.com/"],
  ["a file", "file:///etc/passwd"],
  ["a script", "javascript:alert(1)"],
  ["a socket", "unix:///run/docker.sock"],
  ["no scheme", "//old.example.com/"],
  ["no host", "wss://"],
  ["a NUL in the host", "wss://old.example.com\u0000.evil.org/"],
  ["a space in the host", "wss://old.example.com evil.org/"],
  ["a port that is none", "wss://old.example.com:65536/"],
  ["an IPv6 address with a zone", "wss://[fe80::1%25eth0]/"],
] as const;

const names = [
  ["Host", "evil.org"],
  ["Content-Length", "0"],
  ["Transfer-Encoding", "chunked"],
  ["Connection", "close"],
  ["Upgrade", "h2c"],
  ["Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="],
  ["Sec-WebSocket-Extensions", "permessage-deflate"],
  ["Sec-Fetch-Mode", "cors"],
  ["Content-Type", "text/plain"],
  ["Content-Encoding", "gzip"],
  ["Accept-Encoding", "gzip"],
  ["Proxy-Authorization", "Basic eDp5"],
  ["Expect", "100-continue"],
  ["TE", "trailers"],
  ["Trailer", "x"],
  ["Keep-Alive", "timeout=1"],
  ["OpAMP-Instance-UID", "0"],
  [":authority", "evil.org"],
  ["x-split", "a\r\nHost: evil.org"],
  ["x-split", "a\nHost: evil.org"],
  ["x-nul", "a\u0000b"],
  ["x-wide", "\u{1f600}"],
  ["x split", "a"],
  ["x-split:", "a"],
  ["x\r\nHost", "evil.org"],
  ["", "a"],
] as const;

const many = Array.from({ length: 65 }, (_, index) => [`x-${index}`, "1"] as const);
const wide = Array.from({ length: 8 }, (_, index) => [`x-${index}`, "v".repeat(16_000)] as const);

const tls: readonly (readonly [string, NonNullable<OfferInit["tls"]>, RegExp, HostileOffer["tls"]?])[] = [
  ["no verification", { insecureSkipVerify: true }, /^failed: tls.insecure_skip_verify would have the agent trust any/],
  ["TLS 1.1", { minVersion: "1.1" }, /^failed: tls.min_version \(1.1\) is below/],
  ["TLS 1.0 by its other name", { minVersion: "TLSv1" }, /^failed: tls.min_version \(1.0\) is below/],
  ["nothing above TLS 1.1", { maxVersion: "1.1" }, /^failed: tls.max_version \(1.1\) is below/],
  ["less than the options' TLS 1.3", { minVersion: "1.2" }, /^failed: tls.min_version/, { minVersion: "1.3" }],
  ["nothing above TLS 1.2 where 1.3 is the least", { maxVersion: "1.2" }, /^failed: tls.max/, { minVersion: "1.3" }],
  ["SSL 3", { minVersion: "SSLv3" }, /^failed: tls.min_version is not a version of TLS/],
  ["no cipher at all", { cipherSuites: ["TLS_RSA_WITH_NULL_SHA256"] }, /^failed: tls.cipher_suites has a suite/],
  ["OpenSSL's words", { cipherSuites: ["ALL:eNULL:@SECLEVEL=0"] }, /^failed: tls.cipher_suites has a suite/],
  ["an authority that is none", { caPemContents: "/etc/ssl/cert.pem" }, /^failed: tls.ca_pem_contents/],
  ["authorities without end", { caPemContents: "-".repeat(400_000) }, /^failed: tls.ca_pem_contents is too large/],
];

const certificates: readonly (readonly [string, NonNullable<OfferInit["certificate"]>, RegExp])[] = [
  ["that is text", { cert: bytes("x"), privateKey: bytes("y") }, /^failed: certificate.cert holds no/],
  ["that is a path", { cert: bytes("/etc/passwd"), privateKey: bytes("/etc/shadow") }, /^failed: certificate.cert/],
  ["that cannot be read", { cert: PEM("CERTIFICATE", "AAAA"), privateKey: bytes("y") }, /cannot be read/],
  ["without end", { cert: new Uint8Array(1_000_000).fill(65) }, /^failed: certificate.cert is too large/],
  ["that is a key", { cert: PEM("PRIVATE KEY", "c2VjcmV0LWtleS1ieXRlcw==") }, /^failed: certificate.cert holds no/],
];

const proxies: readonly (readonly [string, NonNullable<OfferInit["proxy"]>, RegExp])[] = [
  ["without a URL", { url: "" }, /^failed: proxy.url is empty/],
  ["of another kind", { url: "ftp://user:pr0xy-pass@proxy" }, /^failed: proxy.url is for ftp/],
  ["that is a file", { url: "file:///etc/passwd" }, /^failed: proxy.url is for file/],
  ["with a URL without end", { url: `http://${"p".repeat(3_000)}` }, /^failed: proxy.url is too large/],
  [
    "that sets Host",
    { url: "p:1", connectHeaders: headers(["Host", "evil.org"]) },
    /^failed: proxy.connect_headers: "Host"/,
  ],
  [
    "that splits its request",
    { url: "p:1", connectHeaders: headers(["x-a", "1\r\n\r\nGET / HTTP/1.1"]) },
    /^failed: proxy.connect_headers: "x-a" cannot be sent/,
  ],
];

/** Text that no case may let out. */
export const SECRETS = ["pr0xy-pass", "c2VjcmV0LWtleS1ieXRlcw", "us3r-pass", "query-s3cret"];

export const hostileOffers: readonly HostileOffer[] = [
  ...endpoints.map(([what, destinationEndpoint]) => ({
    name: `an endpoint with ${what}`,
    offer: { destinationEndpoint },
    says: NOT_ALLOWED,
  })),
  ...unusable.map(([what, destinationEndpoint]) => ({
    name: `an endpoint with ${what}`,
    offer: { destinationEndpoint },
    says: NO_URL,
  })),
  {
    name: "an endpoint with a user and a password",
    offer: { destinationEndpoint: "wss://old.example.com:us3r-pass@evil.org/?key=query-s3cret" },
    says: /^failed: destination_endpoint \(wss:\/\/evil.org:4320\/v1\/opamp\) has a user or a password/,
  },
  {
    name: "an endpoint without end",
    offer: { destinationEndpoint: `wss://old.example.com/${"a".repeat(3_000)}` },
    says: /^failed: destination_endpoint is too large: 3022/,
  },
  ...(["ws", "http"] as const).map((scheme) => ({
    name: `an endpoint without TLS: ${scheme}`,
    offer: { destinationEndpoint: `${scheme}://old.example.com/v1/opamp` },
    says: /^failed: destination_endpoint \(.*\) is not encrypted \(/,
  })),
  ...names.map(([name, value]) => ({
    name: `a header ${JSON.stringify([name, value])}`,
    offer: { headers: headers([name, value]) },
    says: NOT_FOR_SERVERS,
  })),
  { name: "a header twice", offer: { headers: headers(["x-a", "1"], ["X-A", "2"]) }, says: /"X-A" is there twice \(/ },
  { name: "65 headers", offer: { headers: headers(...many) }, says: /^failed: headers are too many: 65/ },
  { name: "a large header", offer: { headers: headers(["x", "v".repeat(20_000)]) }, says: /"x" is too large/ },
  { name: "large headers", offer: { headers: headers(...wide) }, says: /headers as a whole is too large/ },
  ...tls.map(([what, offered, says, own]) => ({
    name: `TLS with ${what}`,
    offer: { tls: offered },
    says,
    ...(own && { tls: own }),
  })),
  ...certificates.map(([what, certificate, says]) => ({ name: `a certificate ${what}`, offer: { certificate }, says })),
  ...proxies.map(([what, proxy, says]) => ({ name: `a proxy ${what}`, offer: { proxy }, says })),
  { name: "nothing", offer: {}, says: /^failed: opamp names nothing/ },
  { name: "an interval without end", offer: { heartbeatIntervalSeconds: 2n ** 64n - 1n }, says: "applied" },
  {
    name: "what the host's own check does not like",
    offer: { destinationEndpoint: "wss://old.example.com:1/" },
    says: /^failed: not here$/,
    policy: { validate: () => Promise.reject(new Error("not here")) },
  },
];
