import { parseProxyUrl } from "../transport/proxy/proxy-url.js";
import type { DialSettings } from "../transport/settings/settings.js";
import { isSecure } from "../transport/url/endpoint.js";
import type { Snapshot } from "./snapshot.js";

/** Where a connection leads, and how it is verified. */
interface Way {
  readonly url: URL;
  readonly tls: DialSettings["tls"];
}

/**
 * The offered proxy, where it could read what passes: without encryption or verification, and where the server also widened
 * the authorities, one of which could sign for the proxy.
 *
 * @param own the options, whose proxy may read whatever it could read before
 * @returns its address; `undefined` where there is none that could
 */
export function readingProxy(
  snapshot: Snapshot,
  { url, tls }: Way,
  own: Pick<DialSettings, "tls" | "proxy">,
): URL | undefined {
  const isPinned = own.tls?.ca !== undefined && own.tls.includeSystemCa !== true;
  const isWidened = snapshot.tls?.ca !== undefined || (isPinned && tls?.includeSystemCa === true);
  const isVerified = isSecure(url.protocol) && tls?.insecureSkipVerify !== true && !isWidened;
  if (snapshot.proxy === undefined || isVerified) return undefined;
  const proxy = addressOf(snapshot.proxy);
  return proxy?.host === addressOf(own.proxy)?.host ? undefined : proxy;
}

function addressOf(proxy: DialSettings["proxy"]): URL | undefined {
  const address = typeof proxy === "object" ? parseProxyUrl(proxy.url) : undefined;
  return typeof address === "object" ? address.url : undefined;
}
