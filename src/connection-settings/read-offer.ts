import { attempt } from "../base/checks.js";
import type { OpAMPConnectionSettings, ProxyConnectionSettings } from "../gen/opamp/v1/opamp_pb.js";
import { parseProxyUrl } from "../transport/proxy/proxy-url.js";
import { parseEndpoint, shownUrl } from "../transport/url/endpoint.js";
import { readOfferedHeaders } from "./offered-headers.js";
import { readCertificate } from "./read-certificate.js";
import { readOfferedTls } from "./read-tls.js";
import { checkSize, refused } from "./refusal.js";
import type { ClientCertificate, OfferedProxy, OfferedTls } from "./snapshot.js";

export const MAX_URL_CHARACTERS = 2_048;

/** What an `opamp` offer names: a member that is not there was not set. */
export interface OpAMPOffer {
  readonly endpoint?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly certificate?: ClientCertificate;
  readonly tls?: OfferedTls;
  readonly proxy?: OfferedProxy;
  /** Above 0. */
  readonly heartbeatSeconds?: bigint;
}

/**
 * An `opamp` offer as plain values, copied and checked by itself: what is in it, not yet whether this agent takes it.
 *
 * @param wallNow milliseconds since the Unix epoch
 * @param keys the private keys that a certificate without one may be for, in PEM (AMB-10)
 * @throws OpAMPError `ERR_OPAMP_SETTINGS` with the member that cannot be used, and why
 */
export function readOpAMPOffer(
  offer: OpAMPConnectionSettings,
  wallNow: number,
  keys: readonly string[] = [],
): OpAMPOffer {
  const { destinationEndpoint, headers, certificate, tls, proxy, heartbeatIntervalSeconds } = offer;
  return {
    ...(destinationEndpoint !== "" && { endpoint: readEndpoint("destination_endpoint", destinationEndpoint) }),
    ...(headers !== undefined && { headers: readOfferedHeaders("headers", headers) }),
    ...(certificate !== undefined && { certificate: readCertificate("certificate", certificate, wallNow, keys) }),
    ...(tls !== undefined && { tls: readOfferedTls("tls", tls) }),
    ...(proxy !== undefined && { proxy: readProxy("proxy", proxy) }),
    ...(heartbeatIntervalSeconds > 0n && { heartbeatSeconds: heartbeatIntervalSeconds }),
  };
}

/** CONN-12. A user and a password would end up in logs along with the URL. */
function readEndpoint(where: string, given: string): string {
  checkSize(where, given, MAX_URL_CHARACTERS);
  const hint = "send a ws, wss, http or https URL with a host";
  const endpoint = attempt(() => parseEndpoint(given));
  if (endpoint === undefined) throw refused(where, "is not a server's URL", hint);
  if (endpoint.authorization !== undefined) {
    throw refused(where, `(${shownUrl(given)}) has a user or a password`, "send an Authorization header instead");
  }
  return given.trim();
}

/** @throws OpAMPError `ERR_OPAMP_SETTINGS` */
export function readProxy(where: string, { url, connectHeaders }: ProxyConnectionSettings): OfferedProxy {
  checkSize(`${where}.url`, url, MAX_URL_CHARACTERS);
  const address = parseProxyUrl(url);
  if (typeof address === "string")
    throw refused(`${where}.url`, address, "send http://, https:// or socks5://, host and port");
  const headers =
    connectHeaders === undefined ? {} : readOfferedHeaders(`${where}.connect_headers`, connectHeaders, true);
  return { url: url.trim(), headers };
}
