import { attempt, isObject, isRecord } from "../base/checks.js";
import type { TlsVersion } from "../transport/settings/tls-options.js";
import { refused } from "./refusal.js";

/** A client certificate, as PEM text. */
export interface ClientCertificate {
  /** The certificate, and those that lead from it to its authority. */
  readonly cert: string;
  /** The private key, not encrypted. */
  readonly key: string;
}

/** A version of TLS in an offer, in one spelling. */
export type OfferedVersion = (typeof offeredVersions)[number];
export const offeredVersions = ["1.0", "1.1", "1.2", "1.3"] as const satisfies readonly TlsVersion[];

/** TLS as it was offered. What is not there was not offered. */
export interface OfferedTls {
  /** Authorities to trust, as PEM text. */
  readonly ca?: string | undefined;
  /** Whether the usual authorities are trusted too. */
  readonly includeSystemCa: boolean;
  /** Whether the peer's certificate is not verified. */
  readonly insecureSkipVerify: boolean;
  /** The lowest version, such as `"1.2"`, in this spelling whatever the server's; where there is none, 1.2 is meant. */
  readonly minVersion?: OfferedVersion | undefined;
  /** The highest version, in the same spelling; where there is none, the newest is meant. */
  readonly maxVersion?: OfferedVersion | undefined;
  /** By IANA's names. */
  readonly cipherSuites?: readonly string[] | undefined;
}

/** A proxy as it was offered. */
export interface OfferedProxy {
  /** Its URL: http, https or socks5. */
  readonly url: string;
  /** For CONNECT alone (PROXY-02); names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What was accepted from the server so far. It is laid over the options: what is not there is as the options have it. */
export interface Snapshot {
  /** As it was offered: ws, wss, http or https. */
  readonly endpoint?: string;
  /** In place of all static headers of the options; names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** `null`: none, whatever the options say (CONN-15). */
  readonly certificate?: ClientCertificate | null;
  readonly tls?: OfferedTls;
  readonly proxy?: OfferedProxy;
}

/** Nothing was accepted: the options alone. */
export const NO_SNAPSHOT: Snapshot = Object.freeze({});

/** The largest snapshot that is kept, in bytes. */
export const MAX_SNAPSHOT_BYTES = 512 * 1024;

/**
 * Settings of any kind as bytes: the same ones for the same settings.
 *
 * @throws OpAMPError `ERR_OPAMP_SETTINGS` where they are above the bound of a snapshot
 */
export function encodePlain(settings: object): Uint8Array {
  const bytes = Buffer.from(JSON.stringify(sorted(settings)));
  if (bytes.length <= MAX_SNAPSHOT_BYTES) return Uint8Array.from(bytes);
  throw refused(
    "the settings",
    `are too large as a whole: ${bytes.length} bytes, and at most ${MAX_SNAPSHOT_BYTES} are kept`,
  );
}

/** A snapshot of {@link encodePlain}; `undefined` for anything else: half a snapshot is none. */
export function decodeSnapshot(bytes: Uint8Array): Snapshot | undefined {
  const json = decodePlain(bytes);
  return isSnapshot(json) ? json : undefined;
}

/** The opposite of {@link encodePlain}, unchecked; `undefined` for what is not JSON, or above its bound. */
export function decodePlain(bytes: Uint8Array): unknown {
  if (bytes.length > MAX_SNAPSHOT_BYTES) return undefined;
  return attempt(() => JSON.parse(Buffer.from(bytes).toString()));
}

/** Whether two settings hold the same. */
export function samePlain(a: object, b: object): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

/** Whether a value has the right form. */
export type Check = (value: unknown) => boolean;

export const isText: Check = (value) => typeof value === "string";
const isFlag: Check = (value) => typeof value === "boolean";
const isVersion: Check = (value) => offeredVersions.some((version) => version === value);
const isTexts: Check = (value) => Array.isArray(value) && value.every(isText);
export const isHeaders: Check = (value) => isRecord(value) && Object.values(value).every(isText);

const TLS: Readonly<Record<keyof OfferedTls, Check>> = {
  ca: isText,
  includeSystemCa: isFlag,
  insecureSkipVerify: isFlag,
  minVersion: isVersion,
  maxVersion: isVersion,
  cipherSuites: isTexts,
};
/** What each member of settings has to be. */
export const MEMBERS = {
  endpoint: isText,
  headers: isHeaders,
  certificate: (value) => has(value, { cert: isText, key: isText }, ["cert", "key"]),
  tls: (value) => has(value, TLS, ["includeSystemCa", "insecureSkipVerify"]),
  proxy: (value) => has(value, { url: isText, headers: isHeaders }, ["url", "headers"]),
} as const satisfies Readonly<Record<keyof Snapshot, Check>>;
const SNAPSHOT: Readonly<Record<keyof Snapshot, Check>> = {
  ...MEMBERS,
  certificate: (value) => value === null || MEMBERS.certificate(value),
};

function isSnapshot(json: unknown): json is Snapshot {
  return has(json, SNAPSHOT, []);
}

/** Whether a value is an object of these members and no others, with all that it needs. */
export function has(value: unknown, checks: Readonly<Record<string, Check>>, needed: readonly string[]): boolean {
  if (!isObject(value)) return false;
  const isWhole = needed.every((name) => Object.hasOwn(value, name));
  return (
    isWhole && Object.entries(value).every(([name, member]) => Object.hasOwn(checks, name) && checks[name]?.(member))
  );
}

/** The same value with the members of every object in one order. */
function sorted(value: unknown): unknown {
  if (!isObject(value)) return value;
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(
    entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, member]) => [name, sorted(member)]),
  );
}
