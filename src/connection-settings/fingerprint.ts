import { hexOf, sha256 } from "../base/bytes.js";
import type { OwnSettings } from "./laid-over.js";

/** What puts aside what was accepted when it changes, as the options call it: where the agent connects, how it verifies. */
const NAMES = [
  "url",
  "transport",
  "proxy",
  "tls.ca",
  "tls.cert",
  "tls.key",
  "tls.serverName",
  "tls.includeSystemCa",
  "tls.insecureSkipVerify",
  "tls.minVersion",
  "tls.maxVersion",
  "connectionSettings.settingsEpoch",
] as const;
/** In hexadecimal digits: enough for two values to differ in them. */
const DIGITS = 8;

/**
 * Identifies the options that put aside what was accepted when they change: the operator wins.
 *
 * Contents of files, functions, PEM text, tokens and header values change by themselves, and do not count.
 *
 * @param transport as in the options: a name, the host's own, or `undefined` for the one that the URL asks for
 * @param epoch the host's own word for it
 */
export function fingerprintOf({ url, tls, proxy }: OwnSettings, transport: unknown, epoch: string): string {
  const values: Readonly<Record<(typeof NAMES)[number], string>> = {
    url: withoutCredentials(url),
    transport: String((typeof transport === "string" ? transport : transport && "custom") ?? ""),
    proxy: typeof proxy === "object" ? withoutCredentials(proxy.url) : String(proxy),
    "tls.ca": pathsOf(tls?.ca),
    "tls.cert": pathsOf(tls?.cert),
    "tls.key": pathsOf(tls?.key),
    "tls.serverName": tls?.serverName ?? "",
    "tls.includeSystemCa": String(tls?.includeSystemCa === true),
    "tls.insecureSkipVerify": String(tls?.insecureSkipVerify === true),
    "tls.minVersion": tls?.minVersion ?? "",
    "tls.maxVersion": tls?.maxVersion ?? "",
    "connectionSettings.settingsEpoch": epoch,
  };
  return NAMES.map((name) => hexOf(sha256([values[name]])).slice(0, DIGITS)).join(".");
}

/** What has changed between two fingerprints, as the options call it; empty where nothing has. */
export function changedBetween(before: string, now: string): readonly string[] {
  const [earlier, later] = [before.split("."), now.split(".")];
  return NAMES.filter((_, index) => earlier[index] !== later[index]);
}

function pathsOf(pems: string | readonly string[] | undefined): string {
  return [...new Set([pems ?? []].flat().map(pathOf))].join("\n");
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
