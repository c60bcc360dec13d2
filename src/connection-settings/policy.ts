import { isIPv6 } from "node:net";
import { hostOf, isSecure, portOf, shownUrl } from "../transport/url/endpoint.js";
import { type ConnectionSettings, isSameServer } from "./laid-over.js";
import { readingProxy } from "./reading-proxy.js";
import { refused } from "./refusal.js";
import type { Snapshot } from "./snapshot.js";

const MAX_PORT = 65_535;

/** What an agent lets its server change. */
export interface SettingsPolicy {
  /** Hosts, with or without a port; `*.example.com` for all below one; `*` for any. */
  readonly endpoints: readonly string[];
  /** `undefined`: where the options' own URL is not encrypted, and no offer has led to TLS since. */
  readonly allowCleartext: boolean | undefined;
  readonly allowInsecureSkipVerify: boolean;
}

/** What an offer is compared with. */
export interface PolicyGround {
  /** What the options say alone. */
  readonly own: ConnectionSettings;
  readonly inForce: ConnectionSettings;
  /** Whether settings outlive the process, keys included. */
  readonly isLasting: boolean;
}

/**
 * Refuses what this agent does not take from a server: an endpoint that is not allowed, less encryption, less
 * verification (D16), a proxy that is not allowed where it can read what passes, and a certificate that a restart would
 * lose (CONN-11).
 *
 * @throws OpAMPError `ERR_OPAMP_SETTINGS` with the option that would allow it
 */
export function checkPolicy(
  next: ConnectionSettings,
  snapshot: Snapshot,
  { own, inForce, isLasting }: PolicyGround,
  policy: SettingsPolicy,
): void {
  const { url } = next.endpoint;
  const shown = shownUrl(url.href);
  const isNamed = snapshot.endpoint !== undefined;
  // Some servers name the endpoint with every offer.
  const isKnown = [own, inForce].some(({ endpoint }) => isSameServer(endpoint.url, url));
  if (isNamed && !isKnown && !isAllowed(url, policy)) {
    const hint = "name its host in connectionSettings.opamp.endpoints of the agent, if the agent may go there";
    throw refused("destination_endpoint", `(${shown}) is not one that this agent may be moved to`, hint);
  }
  if (!isSecure(url.protocol) && !mayBeCleartext(own, inForce, policy)) {
    const hint = "offer wss or https; or set connectionSettings.opamp.allowCleartext on the agent";
    throw refused("destination_endpoint", `(${shown}) is not encrypted`, hint);
  }
  const skips = next.tls?.insecureSkipVerify === true;
  if (skips && inForce.tls?.insecureSkipVerify !== true) refuseUnverified(policy.allowInsecureSkipVerify);
  const reader = readingProxy(snapshot, { url, tls: next.tls }, own);
  if (reader && !isAllowed(reader, policy)) {
    const hint =
      "offer wss or https, verified by the agent's own authorities; or name its host in connectionSettings.opamp.endpoints of the agent, if it may read all";
    throw refused("proxy.url", `(${reader.host}) could read what this agent and its server say`, hint);
  }
  if (snapshot.certificate) refuseUnkept(isLasting);
}

/** An offer wants certificates not to be verified (D16). @throws OpAMPError `ERR_OPAMP_SETTINGS` unless it may */
export function refuseUnverified(isAllowed: boolean): void {
  if (isAllowed) return;
  const hint =
    "offer the authority in tls.ca_pem_contents; or set connectionSettings.opamp.allowInsecureSkipVerify on the agent";
  throw refused("tls.insecure_skip_verify", "would have the agent trust any certificate", hint);
}

/** An offer brings a certificate (CONN-11). @throws OpAMPError `ERR_OPAMP_SETTINGS` where a restart would lose it */
export function refuseUnkept(isLasting: boolean): void {
  if (isLasting) return;
  const hint = "give the agent a store that outlives it and keeps blobs, such as fileStore";
  throw refused("certificate", "would be lost with a restart, and the agent locked out", hint);
}

/** Whether the policy names a host. */
export function isAllowed(url: URL, { endpoints }: Pick<SettingsPolicy, "endpoints">): boolean {
  return endpoints.some((pattern) => matches(pattern, url));
}

/**
 * What is wrong with a pattern of {@link SettingsPolicy.endpoints}, in words.
 *
 * @returns `undefined` where nothing is
 */
export function endpointProblem(pattern: string): string | undefined {
  if (pattern === "*") return undefined;
  if (pattern.includes("/")) return "must be a host, with or without a port, and not a URL";
  const { host, port } = split(pattern);
  const bare = host.startsWith("*.") ? host.slice(2) : host;
  if (isIPv6(bare)) return "must have an IPv6 address in brackets, such as [::1]";
  if (Number(port ?? 0) > MAX_PORT) return `has a port above ${MAX_PORT}`;
  if (bare === "" || bare.includes("*")) return 'must be a host, "*." and a host, or "*"';
  const text = `wss://${bare}${port === undefined ? "" : `:${port}`}/`;
  const isHost = URL.canParse(text) && new URL(text).hostname === bare.toLowerCase();
  return isHost ? undefined : "is not the name or the address of a host";
}

function mayBeCleartext(own: ConnectionSettings, inForce: ConnectionSettings, policy: SettingsPolicy): boolean {
  if (policy.allowCleartext !== undefined) return policy.allowCleartext;
  return !isSecure(own.endpoint.url.protocol) && !isSecure(inForce.endpoint.url.protocol);
}

function matches(pattern: string, url: URL): boolean {
  if (pattern === "*") return true;
  const { host: given, port } = split(pattern.toLowerCase());
  if (port !== undefined && Number(port) !== portOf(url)) return false;
  // A dot at the end is the same name.
  const [host, name] = [given.replace(/^\[|\]$|\.$/g, ""), hostOf(url).toLowerCase().replace(/\.$/, "")];
  return host.startsWith("*.") ? name.endsWith(host.slice(1)) && name.length >= host.length : name === host;
}

/** An IPv6 address with a port is in brackets, as in a URL. */
function split(pattern: string): { host: string; port: string | undefined } {
  const [, host, port] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(pattern) ?? [];
  return host === undefined ? { host: pattern, port: undefined } : { host, port };
}
