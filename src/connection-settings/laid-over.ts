import { isDeepStrictEqual } from "node:util";
import { type HeaderSource, type HeaderSources, sourcesOf } from "../transport/settings/headers.js";
import type { DialSettings } from "../transport/settings/settings.js";
import type { TlsOptions } from "../transport/settings/tls-options.js";
import { type Endpoint, isSecure, parseEndpoint, portOf } from "../transport/url/endpoint.js";
import { tlsOver } from "./read-tls.js";
import { readingProxy } from "./reading-proxy.js";
import type { Snapshot } from "./snapshot.js";

/** What the options say about the connection. */
export interface OwnSettings extends Pick<DialSettings, "tls" | "proxy"> {
  readonly url: string;
  readonly headers: HeaderSources | undefined;
}

/** Where a connection goes, and with what. */
export interface ConnectionSettings extends Pick<DialSettings, "tls" | "proxy"> {
  /** The server. */
  readonly endpoint: Endpoint;
  /** The server has named it, and not the options. */
  readonly isOffered?: true | undefined;
  /** Asked before every dial and every request. */
  readonly headers: HeaderSources | undefined;
  /** The server has named headers: what a function of the options makes is sent beside them where it can be made. */
  readonly hasOfferedHeaders?: true | undefined;
}

/**
 * What is accepted over what the options say.
 *
 * Credentials of the options go to the options' own server alone, and not through an offered proxy that could read them: static headers, functions, the URL's user and password,
 * and the name in its certificate. Offered headers take the place of all that is static (CONN-13), and win over what a
 * function gives under the same name.
 *
 * @param keepHeaders whether headers of the options go to every server
 * @throws OpAMPError `ERR_OPAMP_SETTINGS` for TLS below what the options want
 */
export function laidOver(own: OwnSettings, snapshot: Snapshot, keepHeaders: boolean): ConnectionSettings {
  const home = parseEndpoint(own.url);
  const endpoint = snapshot.endpoint === undefined ? home : parseEndpoint(snapshot.endpoint);
  const { headers } = snapshot;
  const tls = tlsFor(own.tls, snapshot, home.url.hostname === endpoint.url.hostname);
  const isRead = readingProxy(snapshot, { url: endpoint.url, tls }, own) !== undefined;
  const isOwn = isSameServer(home.url, endpoint.url) && !isRead;
  const authorization = isOwn && headers === undefined ? home.authorization : undefined;
  return {
    endpoint: { ...endpoint, authorization },
    ...(snapshot.endpoint !== undefined && { isOffered: true }),
    headers: headersFor(isOwn || keepHeaders ? own.headers : undefined, headers, endpoint.url),
    ...(headers !== undefined && { hasOfferedHeaders: true }),
    tls,
    proxy: snapshot.proxy ?? own.proxy,
  };
}

/** Whether two settings lead to the same connection; functions are compared as such. */
export function sameConnection(a: ConnectionSettings, b: ConnectionSettings): boolean {
  return isDeepStrictEqual(comparable(a), comparable(b));
}

/** Whether credentials for one may go to the other: the same host and port, on either transport, and no less secure. */
export function isSameServer(home: URL, other: URL): boolean {
  const isAsSecure = isSecure(other.protocol) || !isSecure(home.protocol);
  return home.hostname === other.hostname && portOf(home) === portOf(other) && isAsSecure;
}

function headersFor(
  own: HeaderSources | undefined,
  offered: Readonly<Record<string, string>> | undefined,
  url: URL,
): HeaderSources | undefined {
  const sources = sourcesOf(own).flatMap((source): readonly HeaderSource[] => {
    if (typeof source === "function") return [(context) => source({ ...context, url: url.href })];
    return offered === undefined ? [source] : [];
  });
  // Of two that name the same header the later one counts.
  const all = offered === undefined ? sources : [...sources, offered];
  return all.length === 0 ? undefined : all;
}

function tlsFor(
  own: TlsOptions | undefined,
  { tls, certificate }: Snapshot,
  isOwnHost: boolean,
): TlsOptions | undefined {
  if (tls === undefined && certificate === undefined && (isOwnHost || own?.serverName === undefined)) return own;
  const { serverName, cert, key, passphrase, ...others } = own ?? {};
  const laid = tls === undefined ? others : tlsOver("tls", others, tls);
  const ownIdentity = { ...(cert !== undefined && { cert, key }), ...(passphrase !== undefined && { passphrase }) };
  return {
    ...laid,
    ...(isOwnHost && serverName !== undefined && { serverName }),
    ...(certificate === undefined ? ownIdentity : certificate),
  };
}

function comparable({ endpoint, headers, tls, proxy }: ConnectionSettings): unknown {
  const { url, authorization, kind } = endpoint;
  const sources = sourcesOf(headers).map((source) => (typeof source === "function" ? "function" : source));
  const statics = Object.assign({}, ...sources.filter((source) => source !== "function"));
  const functions = sources.filter((source) => source === "function").length;
  return [kind, url.href, authorization, statics, functions, withoutDefaults(tls), proxy];
}

/** Options that say what counts anyway are the same as none. */
function withoutDefaults(tls: TlsOptions | undefined): unknown {
  const { includeSystemCa = false, insecureSkipVerify = false, minVersion = "1.2", ...others } = tls ?? {};
  return { includeSystemCa, insecureSkipVerify, minVersion, ...others };
}
