import { codeOf, failuresIn, isError, messageOf, OpAMPError } from "../../errors.js";
import { portOf } from "../url/endpoint.js";
import type { ResolvedProxy } from "./proxy.js";

const CREDENTIALS = "the proxy requires credentials: put user and password into the proxy's URL";
const WRONG_CREDENTIALS = "the proxy does not accept the user and password of its URL";
const WRONG_HEADER = "the proxy does not accept the Proxy-Authorization header that it is given";
/** For a proxy of the environment, to which NO_PROXY applies; see `hintFor`. */
const FORBIDDEN = "the proxy does not allow this host and port: ask those who run it, or exempt the host with NO_PROXY";
const FORBIDDEN_BY_OPTION = FORBIDDEN.replace(/exempt .*/, "leave out the `proxy` option for this host");
const BEYOND = "the proxy cannot reach the server: check the server's host and port as the proxy sees them";
const OTHER_FAMILY = "give the server by a name, or by an address of the other family";
const NO_TLS = "the proxy does not speak TLS: write its URL with http://";
const UNTRUSTED = "the proxy's certificate is not trusted: give its authority in `proxy.tls.ca`";
const NO_PROXY_THERE = "what answers there is not a proxy that can tunnel: check the proxy's host and port";

/** What a person can do when the proxy itself is not reached. */
const UNREACHABLE: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there: check that the proxy is up, and its port",
  ENOTFOUND: "the proxy's name does not resolve: check its spelling and the DNS",
  EAI_AGAIN: "the proxy's name does not resolve for now: check the DNS",
  EPROTO: NO_TLS,
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
  ERR_TLS_CERT_ALTNAME_INVALID: "the proxy's certificate is for another name: write that one in its URL",
  CERT_HAS_EXPIRED: "the proxy's certificate has expired: it has to be renewed there",
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
};

/** What a person can do about the reply of a SOCKS proxy, by the name of its code (RFC 1928, 6). */
const SOCKS_REPLIES: Readonly<Record<string, readonly [words: string, hint?: string]>> = {
  Failure: ["general failure"],
  NotAllowed: ["not allowed", FORBIDDEN],
  NetworkUnreachable: ["network unreachable", BEYOND],
  HostUnreachable: ["host unreachable", BEYOND],
  ConnectionRefused: ["connection refused", BEYOND],
  TTLExpired: ["TTL expired", BEYOND],
  CommandNotSupported: ["command not supported", NO_PROXY_THERE],
  AddressNotSupported: ["address type not supported", OTHER_FAMILY],
};

/** What a person can do about the status of an answer to CONNECT. */
const STATUSES: Readonly<Record<number, string>> = {
  401: CREDENTIALS,
  403: FORBIDDEN,
  404: NO_PROXY_THERE,
  405: NO_PROXY_THERE,
  407: CREDENTIALS,
  501: NO_PROXY_THERE,
  502: BEYOND,
  503: BEYOND,
  504: BEYOND,
};

/** As Node and OpenSSL name a certificate that is not trusted, and a side that speaks no TLS. */
const OF_TLS = /^(ERR_TLS_|ERR_SSL_|CERT_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_)/;
/** As the SOCKS library says it. */
const NO_METHOD = /no accepted|unknown authentication/;
const NO_LOGIN = /Authentication failed/;

/** Whether another attempt at the proxy would end the same way: its TLS is wrong, or the login is. */
export function isRefusedByProxy({ code, cause }: OpAMPError): boolean {
  if (code !== "ERR_OPAMP_PROXY") return false;
  const text = messageOf(cause);
  return OF_TLS.test(codeOf(cause) ?? "") || NO_METHOD.test(text) || NO_LOGIN.test(text);
}

/** There is no connection to the proxy, or no TLS on it. */
export function proxyUnreachable(proxy: ResolvedProxy, cause: unknown): OpAMPError {
  const code = codeOf(cause) ?? "";
  // Node reports a host with several addresses as an AggregateError, whose own message is empty.
  const first: unknown = failuresIn(cause)?.[0] ?? cause;
  return failure(`no connection to ${called(proxy)}: ${messageOf(first) || code}`, cause, UNREACHABLE[code]);
}

/** The proxy made no connection in the time for that. */
export function proxyOverdue(proxy: ResolvedProxy): OpAMPError {
  const hint =
    "the proxy is down, a firewall drops what is sent to it, or it waits for the server: check both hosts and ports";
  return failure(`${called(proxy)} made no connection within timeouts.connectMs`, undefined, hint);
}

/** The proxy answered CONNECT, but not with a tunnel. */
export function connectRefused(proxy: ResolvedProxy, target: string, status: number): OpAMPError {
  const hadCredentials = proxy.headers["proxy-authorization"] !== undefined;
  const wrong = proxy.username === "" && proxy.password === "" ? WRONG_HEADER : WRONG_CREDENTIALS;
  const hint = hadCredentials && STATUSES[status] === CREDENTIALS ? wrong : STATUSES[status];
  const text = `${called(proxy)} answered ${status} to CONNECT ${target}`;
  return new OpAMPError("ERR_OPAMP_PROXY", text, { httpStatus: status, hint: hintFor(proxy, hint) });
}

/** The proxy gave no answer to CONNECT that can be read. */
export function connectFailed(proxy: ResolvedProxy, target: string, cause: unknown): OpAMPError {
  const wrongScheme = proxy.secure ? "" : "; where the proxy expects TLS, write https://";
  // undici's, whose codes are not all there.
  if (isError(cause) && cause.name === "HTTPParserError") {
    const hint = `what answers there does not speak HTTP${wrongScheme}`;
    return failure(`${called(proxy)} did not answer CONNECT ${target} in HTTP`, cause, hint);
  }
  const text = `${called(proxy)} broke off on CONNECT ${target}: ${messageOf(cause)}`;
  return failure(text, cause, `${NO_PROXY_THERE}${wrongScheme}`);
}

/**
 * The proxy made no connection over SOCKS.
 *
 * @param text what the SOCKS library says; its error itself holds the password
 */
export function socksFailed(proxy: ResolvedProxy, target: string, text: string): OpAMPError {
  const about = `${called(proxy)} made no connection to ${target}`;
  const cause = new Error(text);
  if (NO_METHOD.test(text)) {
    const hint = proxy.username === "" && proxy.password === "" ? CREDENTIALS : WRONG_CREDENTIALS;
    return failure(`${about}: it accepts none of the authentication methods`, cause, hint);
  }
  if (NO_LOGIN.test(text)) return failure(`${about}: login refused`, cause, WRONG_CREDENTIALS);
  if (/invalid socks version/.test(text)) {
    const hint = "what answers there does not speak SOCKS 5; where it is an HTTP proxy, write http://";
    return failure(`${about}: its answer is not SOCKS 5`, cause, hint);
  }
  const reply = /rejected connection - (\w+)$/.exec(text)?.[1] ?? "";
  const [words, hint] = SOCKS_REPLIES[reply] ?? [text];
  return failure(`${about}: ${words}`, cause, hintFor(proxy, hint));
}

function hintFor({ ofEnvironment }: ResolvedProxy, hint: string | undefined): string | undefined {
  return hint === FORBIDDEN && !ofEnvironment ? FORBIDDEN_BY_OPTION : hint;
}

function called({ url }: ResolvedProxy): string {
  return `the proxy ${url.hostname}:${portOf(url)}`;
}

function failure(text: string, cause: unknown, hint: string | undefined): OpAMPError {
  return new OpAMPError("ERR_OPAMP_PROXY", text, { cause, hint });
}
