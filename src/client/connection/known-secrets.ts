import { isRecord } from "../../base/checks.js";
import type { ConnectionSettings } from "../../connection-settings/laid-over.js";
import { isOther, type PartSettings } from "../../connection-settings/part-settings.js";
import type { Redactor } from "../../diagnostics/redactor.js";
import { REDACTED, secretNames } from "../../diagnostics/secret-names.js";
import { parseProxyUrl } from "../../transport/proxy/proxy-url.js";
import { sourcesOf } from "../../transport/settings/headers.js";

/** What is shorter than this is a word that turns up everywhere; under the name of a secret it may be a short one. */
const SHORTEST = 8;
const SHORTEST_NAMED = 4;

const names = secretNames({});

/** The secrets in settings, as text: a peer that is sent them could repeat them in an error. The longest come first. */
export function secretsIn({ endpoint, headers, tls, proxy }: ConnectionSettings): readonly string[] {
  const statics = sourcesOf(headers).flatMap((source) => (typeof source === "function" ? [] : Object.entries(source)));
  const through = typeof proxy === "object" ? proxy : undefined;
  return secretsAmong([
    ...statics,
    ...Object.entries(through?.headers ?? {}),
    ...endpoint.url.searchParams,
    ["authorization", endpoint.authorization],
    ["password", passwordIn(through?.url)],
    ["passphrase", tls?.passphrase],
    ...keyLines(tls?.key),
  ]);
}

/** The secrets in headers that a function of the host has made, which may be anything. */
export function secretsInHeaders(headers: unknown): readonly string[] {
  const entries = isRecord(headers) ? Object.entries(headers) : [];
  return secretsAmong(entries.map(([name, value]) => [name, typeof value === "string" ? value : undefined]));
}

/** The secrets in settings for a connection other than the agent's own. */
export function secretsInPart(settings: PartSettings): readonly string[] {
  const { headers, proxy, certificate } = settings;
  return secretsAmong([
    ...Object.entries(headers),
    ...Object.entries(proxy?.headers ?? {}),
    ...(isOther(settings) ? Object.entries(settings.otherSettings) : []),
    ["password", passwordIn(proxy?.url)],
    ...keyLines(certificate?.key),
  ]);
}

/** A text without these secrets. */
export function without(text: string, secrets: readonly string[]): string {
  return secrets.reduce((clean, secret) => clean.replaceAll(secret, REDACTED), text);
}

function secretsAmong(pairs: readonly (readonly [string, string | undefined])[]): readonly string[] {
  const secrets = new Set(pairs.flatMap(([name, value = ""]) => formsOf(value, names.isSecret(name))));
  return [...secrets].sort((a, b) => b.length - a.length);
}

/** A credential without its scheme is as good, and so are the password in a Basic one and each value in a cookie. */
function formsOf(value: string, isNamed: boolean): readonly string[] {
  const [, scheme = "", bare = value] = /^([\w-]+)\s+(\S.*)$/.exec(value) ?? [];
  const pair = scheme.toLowerCase() === "basic" ? Buffer.from(bare, "base64").toString() : "";
  const [, password = ""] = /^[^:]*:(.*)$/s.exec(pair) ?? [];
  const shortest = isNamed || scheme !== "" ? SHORTEST_NAMED : SHORTEST;
  const values = [...value.matchAll(/=\s*"?([^\s"',;]+)/g)].map(([, part = ""]) => part);
  const long = values.filter(({ length }) => length >= SHORTEST);
  return [value, bare, password, encodeURIComponent(bare), ...long].filter(({ length }) => length >= shortest);
}

function passwordIn(url: string | undefined): string | undefined {
  const address = url === undefined ? undefined : parseProxyUrl(url);
  return typeof address === "object" ? address.password : undefined;
}

/** Nothing for a path, which is not secret. */
function keyLines(key: string | undefined): readonly (readonly [string, string])[] {
  if (key?.includes("-----BEGIN") !== true) return [];
  const lines = key.split(/\r?\n/).filter((line) => !line.startsWith("-----"));
  return lines.map((line) => ["", line.trim()] as const);
}

/**
 * A redactor that also hides known secrets wherever they stand: a peer that was sent one may repeat it.
 *
 * @param secrets asked for with each text
 */
export function hidingSecrets(redactor: Redactor, secrets: () => readonly string[]): Redactor {
  const text = (given: string): string => redactor.text(without(given, secrets()));
  return {
    text,
    value: (name, value) => redactor.value(name, typeof value === "string" ? without(value, secrets()) : value),
    record: (record) => redactor.record(record),
  };
}
