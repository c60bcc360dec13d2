import { hexOf, sha256 } from "../base/bytes.js";
import type { ProxyOptions } from "../transport/settings/settings.js";
import type { TlsOptions } from "../transport/settings/tls-options.js";
import type { OwnSettings } from "./laid-over.js";

/**
 * Identifies the options that put aside what was accepted when they change: the operator wins.
 *
 * That is where the agent connects and how it verifies. Contents of files, functions, PEM text, tokens and header values
 * change by themselves, and do not count.
 *
 * @param transport as in the options: a name, the host's own, or `undefined` for the one that the URL asks for
 * @param epoch the host's own word for it
 */
export function fingerprintOf({ url, tls, proxy }: OwnSettings, transport: unknown, epoch: string): string {
  const way = typeof transport === "string" ? transport : transport && "custom";
  const parts = [withoutCredentials(url), String(way ?? ""), epoch, proxyPart(proxy), ...tlsParts(tls)];
  return hexOf(sha256(parts)).slice(0, 32);
}

function proxyPart(proxy: ProxyOptions | "env" | false): string {
  return typeof proxy === "object" ? withoutCredentials(proxy.url) : String(proxy);
}

function tlsParts(tls: TlsOptions | undefined): readonly string[] {
  const { ca, cert, key, serverName, includeSystemCa, insecureSkipVerify, minVersion, maxVersion } = tls ?? {};
  const flags = [serverName, includeSystemCa === true, insecureSkipVerify === true, minVersion, maxVersion].map(
    (part) => String(part ?? ""),
  );
  const paths = [ca ?? [], cert ?? [], key ?? []].map((pems) => [...new Set([pems].flat().map(pathOf))].join("\n"));
  return [...flags, ...paths];
}

/** PEM text counts only by being there, however many there are: a rotation adds one. */
function pathOf(pem: string): string {
  return pem.includes("-----BEGIN") ? "PEM" : pem;
}

/** A password may be a token that changes. */
function withoutCredentials(text: string): string {
  if (!URL.canParse(text)) return "";
  const url = new URL(text);
  url.username = "";
  url.password = "";
  url.search = "";
  return url.href;
}
