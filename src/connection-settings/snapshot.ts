import { attempt, isObject, isRecord } from "../base/checks.js";
import { type TlsVersion, tlsVersions } from "../transport/settings/tls-options.js";
import { refused } from "./refusal.js";

/** A client certificate with its chain and its private key, as PEM text. */
export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
}

/** TLS as it was offered; what is not there is as the options have it. */
export interface OfferedTls {
  readonly ca?: string;
  readonly includeSystemCa: boolean;
  readonly insecureSkipVerify: boolean;
  readonly minVersion?: TlsVersion;
  readonly maxVersion?: TlsVersion;
  readonly cipherSuites?: readonly string[];
}

/** A proxy as it was offered; its headers are for CONNECT alone (PROXY-02). */
export interface OfferedProxy {
  readonly url: string;
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
 * A snapshot as bytes: the same ones for the same settings.
 *
 * @throws OpAMPError `ERR_OPAMP_SETTINGS` where it is above its bound
 */
export function encodeSnapshot(snapshot: Snapshot): Uint8Array {
  const bytes = Buffer.from(JSON.stringify(sorted(snapshot)));
  if (bytes.length <= MAX_SNAPSHOT_BYTES) return Uint8Array.from(bytes);
  throw refused(
    "the settings",
    `are too large as a whole: ${bytes.length} bytes, and at most ${MAX_SNAPSHOT_BYTES} are kept`,
  );
}

/** The opposite of {@link encodeSnapshot}; `undefined` for anything else: half a snapshot is none. */
export function decodeSnapshot(bytes: Uint8Array): Snapshot | undefined {
  if (bytes.length > MAX_SNAPSHOT_BYTES) return undefined;
  const json: unknown = attempt(() => JSON.parse(Buffer.from(bytes).toString()));
  return isSnapshot(json) ? json : undefined;
}

/** Whether two snapshots hold the same. */
export function sameSnapshot(a: Snapshot, b: Snapshot): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string";
const isFlag: Check = (value) => typeof value === "boolean";
const isVersion: Check = (value) => tlsVersions.some((version) => version === value);
const isTexts: Check = (value) => Array.isArray(value) && value.every(isText);
const isHeaders: Check = (value) => isRecord(value) && Object.values(value).every(isText);

const TLS: Readonly<Record<keyof OfferedTls, Check>> = {
  ca: isText,
  includeSystemCa: isFlag,
  insecureSkipVerify: isFlag,
  minVersion: isVersion,
  maxVersion: isVersion,
  cipherSuites: isTexts,
};
const SNAPSHOT: Readonly<Record<keyof Snapshot, Check>> = {
  endpoint: isText,
  headers: isHeaders,
  certificate: (value) => value === null || has(value, { cert: isText, key: isText }, ["cert", "key"]),
  tls: (value) => has(value, TLS, ["includeSystemCa", "insecureSkipVerify"]),
  proxy: (value) => has(value, { url: isText, headers: isHeaders }, ["url", "headers"]),
};

function isSnapshot(json: unknown): json is Snapshot {
  return has(json, SNAPSHOT, []);
}

/** Whether a value is an object of these members and no others, with all that it needs. */
function has(value: unknown, checks: Readonly<Record<string, Check>>, needed: readonly string[]): boolean {
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
