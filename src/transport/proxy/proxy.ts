import { OpAMPError } from "../../errors.js";
import type { HeaderRecord } from "../settings/headers.js";
import type { DialSettings } from "../settings/settings.js";
import type { TlsOptions } from "../settings/tls-options.js";
import { hostOf, isLoopback, isSecure, portOf } from "../url/endpoint.js";
import { isExempt } from "./no-proxy.js";
import { type ProxyAddress, parseProxyUrl } from "./proxy-url.js";

type ProxySettings = Pick<DialSettings, "proxy" | "tls">;

/** The proxy that stands between the client and one URL. */
export interface ResolvedProxy extends ProxyAddress {
  /** For the proxy alone, names in lower case, `proxy-authorization` included (PROXY-02). Empty for SOCKS. */
  headers: HeaderRecord;
  /** Whether a variable of the environment names it, and not an option. */
  ofEnvironment: boolean;
  /** For TLS towards the proxy, where it is `secure`. */
  tls: TlsOptions | undefined;
}

const WRITE = "write http://, https:// or socks5://, user and password percent-encoded if there are any, host and port";

/**
 * Which proxy a URL's connections go through, if any: one that is given applies to all hosts, one of the environment not
 * to loopback addresses and not to what NO_PROXY names.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION`, or for the environment `ERR_OPAMP_PROXY`, for a value that is not a proxy URL
 */
export async function proxyFor(url: URL, { proxy, tls }: ProxySettings): Promise<ResolvedProxy | undefined> {
  if (proxy === false) return undefined;
  if (proxy !== "env") {
    const address = parseProxyUrl(proxy.url);
    if (typeof address === "string") throw new OpAMPError("ERR_OPAMP_OPTION", `proxy.url: ${address}`, { hint: WRITE });
    return { ...resolve(address, proxy.headers ?? {}, proxy.tls ?? towardsProxy(tls)), ofEnvironment: false };
  }
  const variable = environmentFor(url);
  if (variable === undefined) return undefined;
  const address = parseProxyUrl(variable.value);
  if (typeof address === "string") {
    throw new OpAMPError("ERR_OPAMP_PROXY", `${variable.name}: ${address}`, { hint: WRITE });
  }
  return { ...resolve(address, {}, towardsProxy(tls)), ofEnvironment: true };
}

/** The proxy that has to be asked in absolute form, which takes no tunnel: only plain HTTP through an HTTP proxy. */
export async function plainProxyFor(url: URL, settings: ProxySettings): Promise<ResolvedProxy | undefined> {
  if (url.protocol !== "http:" || settings.proxy === false) return undefined;
  const proxy = await proxyFor(url, settings);
  return proxy?.kind === "http" ? proxy : undefined;
}

function resolve(
  address: ProxyAddress,
  given: HeaderRecord,
  tls: TlsOptions | undefined,
): Omit<ResolvedProxy, "ofEnvironment"> {
  if (address.kind === "socks") return { ...address, headers: {}, tls };
  const { username, password } = address;
  const headers: Record<string, string> = {};
  if (username !== "" || password !== "") {
    headers["proxy-authorization"] = `Basic ${Buffer.from(`${username}:${password}`, "utf8").toString("base64")}`;
  }
  for (const [name, value] of Object.entries(given)) headers[name.toLowerCase()] = value;
  return { ...address, headers, tls };
}

/** The client's own options as they go for its proxy (PROXY-02), which has a name of its own. */
function towardsProxy(tls: TlsOptions | undefined): TlsOptions | undefined {
  // The same object where it can be: what is read for one is kept for the next dial.
  if (tls?.serverName === undefined) return tls;
  const { serverName: _ofServer, ...others } = tls;
  return others;
}

/** Whether it is plain without asking anybody that a URL's connections go through no proxy. */
export function isDirect(url: URL, proxy: DialSettings["proxy"]): boolean {
  return proxy === false || (proxy === "env" && environmentFor(url) === undefined);
}

/** Host and port of the proxy that a URL's connections go through; `undefined` for none, and for what is not a proxy URL. */
export function proxyHostFor(url: URL, proxy: DialSettings["proxy"]): string | undefined {
  const text = proxy === "env" ? environmentFor(url)?.value : proxy !== false ? proxy.url : undefined;
  const address = text === undefined ? undefined : parseProxyUrl(text);
  return typeof address === "object" ? address.url.host : undefined;
}

/** The variable that names a proxy for this URL, unless NO_PROXY names its host. */
function environmentFor(url: URL): { name: string; value: string } | undefined {
  const host = hostOf(url);
  if (isLoopback(host)) return undefined;
  const variable = variableOf(isSecure(url.protocol) ? "https_proxy" : "http_proxy") ?? variableOf("all_proxy");
  if (variable === undefined || isExempt(variableOf("no_proxy")?.value ?? "", host, portOf(url))) return undefined;
  return variable;
}

/** The one in lower case wins, unless it is empty. */
function variableOf(lowerCase: string): { name: string; value: string } | undefined {
  for (const name of [lowerCase, lowerCase.toUpperCase()]) {
    const value = process.env[name];
    if (value !== undefined && value !== "") return { name, value };
  }
  return undefined;
}
