import type { PeerCertificate } from "node:tls";
import { isUint8Array } from "node:util/types";
import { failuresIn, type OpAMPErrorCode } from "../../errors.js";

/** Why something failed, in words for a person. */
export interface Explanation {
  code: OpAMPErrorCode;
  /** Goes into the error's message. */
  says: string;
  /** What to do about it. */
  hint: string;
}

/** When a connection failed: as it was made, before anything was answered on it, or after that. */
export type Stage = "dialling" | "unanswered" | "answered";

/** What Node, OpenSSL, undici and the HTTP parser tell about a failure, in one form. */
export interface Failure {
  /** Such as `ECONNREFUSED` or `CERT_HAS_EXPIRED`; empty where there is none. */
  code: string;
  text: string;
  /** The addresses that were tried. */
  addresses: readonly string[];
  /** The peer's certificate, where that is what failed. */
  certificate: PeerCertificate | undefined;
  /** The name that a certificate had to be for. */
  host: string | undefined;
  /** What came in place of HTTP; empty where nothing did. */
  bytes: Uint8Array;
}

/** Reads a failure of whatever kind; never throws. */
export function failureOf(cause: unknown): Failure {
  const parts = partsOf(cause);
  const text = isText(cause) ? cause : (first(parts, "message", isText) ?? "");
  return {
    code: codeOf(first(parts, "code", isText) ?? "", text),
    text: plain(text),
    addresses: [...new Set(parts.flatMap(addressOf))],
    certificate: first(parts, "cert", isCertificate),
    host: first(parts, "host", isText),
    // undici gives what it could not parse as text.
    bytes: first(parts, "rawPacket", isUint8Array) ?? Buffer.from(first(parts, "data", isText) ?? "", "latin1"),
  };
}

/**
 * Takes away what came in place of HTTP, which libraries keep with their errors: a server may have sent back what it was
 * sent, credentials included.
 */
export function forgetBytes(cause: unknown): void {
  for (const part of partsOf(cause)) {
    for (const key of ["rawPacket", "data"]) Reflect.deleteProperty(part, key);
  }
}

const OTHER_SCHEMES: Readonly<Record<string, string>> = { "ws:": "wss://", "wss:": "ws://", "https:": "http://" };

/** The scheme that differs in TLS alone, as it is written in a URL. */
export function otherScheme({ protocol }: URL): string {
  return OTHER_SCHEMES[protocol] ?? "https://";
}

/** Text from outside, fit for one line of a log. */
export function printable(text: string, maxLength: number): string {
  const line = text.replace(/[^\x20-\x7e]+/g, "?");
  return line.length > maxLength ? `${line.slice(0, maxLength)}...` : line;
}

/** Nobody nests deeper than this, and a chain of causes may be a ring. */
const MAX_PARTS = 8;

/** The failure and what it was caused by: a host with several addresses fails as an AggregateError, whose own text is empty. */
function partsOf(cause: unknown): object[] {
  const parts: object[] = [];
  const queue = [cause];
  while (queue.length > 0 && parts.length < MAX_PARTS) {
    const next = queue.shift();
    if (typeof next !== "object" || next === null) continue;
    parts.push(next);
    queue.push(...(failuresIn(next) ?? []));
    if ("cause" in next) queue.push(next.cause);
  }
  return parts;
}

function first<T>(parts: readonly object[], key: string, is: (value: unknown) => value is T): T | undefined {
  return parts.map((part): unknown => Reflect.get(part, key)).find(is);
}

/** Such a code also where only the text has it: OpenSSL's reason in that of an EPROTO, the parser's in undici's. */
function codeOf(code: string, text: string): string {
  if (code === "" && /Invalid EOF state/.test(text)) return "HPE_INVALID_EOF_STATE";
  const reason = code === "EPROTO" ? /:SSL routines:[^:]*:([^:]+)/.exec(text)?.[1] : undefined;
  return reason === undefined ? code : `ERR_SSL_${reason.toUpperCase().replaceAll(" ", "_")}`;
}

function addressOf(part: object): string[] {
  if (!("address" in part) || !isText(part.address)) return [];
  return [`${part.address}${"port" in part && typeof part.port === "number" ? `:${part.port}` : ""}`];
}

/** Neither credentials nor a query, should a URL stand in it. */
function plain(text: string): string {
  return printable(text.replace(/\/\/[^\s/@]*@/g, "//").replace(/[?#]\S*/g, ""), 200);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function isCertificate(value: unknown): value is PeerCertificate {
  return typeof value === "object" && value !== null && "valid_to" in value;
}
