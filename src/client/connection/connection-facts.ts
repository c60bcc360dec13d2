import type { ConnectionSettings } from "../../connection-settings/laid-over.js";
import { certificateFacts } from "../../connection-settings/read-certificate.js";
import type { Snapshot } from "../../connection-settings/snapshot.js";
import { proxyHostFor } from "../../transport/proxy/proxy.js";
import { shownUrl } from "../../transport/url/endpoint.js";
import type { ConnectionFacts, ProposedConnection } from "../connection-options.js";

/** What may be said of a connection: no header, no key and no query of a URL is in it. */
export function factsOf({ endpoint, proxy, tls }: ConnectionSettings): ConnectionFacts {
  const cert = tls?.cert;
  return {
    endpoint: shownUrl(endpoint.url.href),
    proxy: proxyHostFor(endpoint.url, proxy),
    certificate: cert?.includes("-----BEGIN") === true ? certificateFacts(cert) : undefined,
  };
}

/** What an offer would come to. */
export function proposed(settings: ConnectionSettings, { headers }: Snapshot): ProposedConnection {
  return { ...factsOf(settings), headers: headers && Object.keys(headers) };
}
