import { parseProxyUrl } from "./proxy/proxy-url.js";
import type { DialSettings } from "./settings/settings.js";
import type { TlsOptions } from "./settings/tls-options.js";
import { hostOf, isLoopback, isSecure } from "./url/endpoint.js";

/** Something about the connection that others could use to read or change what is sent. */
export interface Insecurity {
  code: "insecure-skip-verify" | "cleartext";
  message: string;
  hint: string;
}

/** What is not safe about connecting to a URL with these options; nothing in most cases. */
export function insecurities(
  url: URL,
  tls: TlsOptions | undefined,
  proxy: DialSettings["proxy"],
): readonly Insecurity[] {
  const found: Insecurity[] = [];
  const given = typeof proxy === "object" ? proxy : undefined;
  const address = given === undefined ? undefined : parseProxyUrl(given.url);
  const via = typeof address === "object" ? address : undefined;
  if (isSecure(url.protocol)) {
    if (tls?.insecureSkipVerify === true) found.push(skipsVerify("tls", url.host));
  } else if (!isLoopback(hostOf(url)) || (via !== undefined && !isLoopback(hostOf(via.url)))) {
    const secure = url.protocol === "ws:" ? "wss" : "https";
    found.push({
      code: "cleartext",
      message: `what goes to and from ${url.host} is not encrypted`,
      hint: `enable TLS on the server and use ${secure}://; anyone on the network path can read and change configuration and credentials`,
    });
  }
  if (via?.secure === true && (given?.tls ?? tls)?.insecureSkipVerify === true) {
    found.push(skipsVerify(given?.tls === undefined ? "tls" : "proxy.tls", `the proxy ${via.url.host}`));
  }
  return found;
}

function skipsVerify(where: string, peer: string): Insecurity {
  return {
    code: "insecure-skip-verify",
    message: `the certificate of ${peer} is not verified, since ${where}.insecureSkipVerify is on`,
    hint: `trust the authority of the certificate with ${where}.ca instead; anyone on the network path can pose as the server`,
  };
}
