import { bytesOfHex, hexOf } from "../base/bytes.js";
import { isOptions } from "../base/option-path.js";
import { parseUuid, uidText } from "../base/uid.js";
import type { StoredConfig, StoredRemoteConfig, StoredState } from "./store.js";
import { FOREIGN_HINT, foreignError } from "./store-error.js";

const VERSION = 1;
/** Marks what this package wrote; version 0.1.0 wrote no mark. */
const FORMAT = "opamp-client";
const HEX = /^([0-9a-f]{2})*$/i;
const OFF = "off";
const LATER_HINT = "update opamp-client, or give the agent another directory for its state";
/** What a state may take: far more than one ever does, and little enough to be read in a moment. */
export const MAX_STATE_BYTES = 16 * 1024 * 1024;

/** Where the files of a config are, and which config that is. */
interface ConfigReference {
  hash: Uint8Array;
  /** The name of a file beside the state. */
  file: string;
}

type Json = Readonly<Record<string, unknown>>;

/** A state as it was read. */
export interface DecodedState {
  state: Omit<StoredState, "lastGoodConfig">;
  config: ConfigReference | undefined;
  /** Members that this version does not know; the next save writes them again. */
  rest: Readonly<Record<string, unknown>>;
  /** What is wrong with the members that are left out. */
  problems: readonly string[];
}

/**
 * The state as JSON that people can read: bytes as hex, the uid as UUID text, the files of a config elsewhere.
 *
 * @throws Error where it would be too large to be read again
 */
export function encodeState(
  { instanceUid, remoteConfig, lastGoodConfig, heartbeatMs }: StoredState,
  configFile: string | undefined,
  rest: DecodedState["rest"],
): Uint8Array {
  const json = {
    format: FORMAT,
    version: VERSION,
    instanceUid: instanceUid && uidText(instanceUid),
    remoteConfig: remoteConfig && { ...remoteConfig, hash: hexOf(remoteConfig.hash) },
    lastGoodConfig: lastGoodConfig && configJson(lastGoodConfig, configFile),
    heartbeatMs: heartbeatMs === Number.POSITIVE_INFINITY ? OFF : heartbeatMs,
    ...rest,
  };
  const bytes = Buffer.from(`${JSON.stringify(json, undefined, 2)}\n`);
  if (bytes.length > MAX_STATE_BYTES) {
    throw new RangeError(`the state would have ${bytes.length} bytes, and may have ${MAX_STATE_BYTES}`);
  }
  return bytes;
}

/**
 * The opposite of {@link encodeState}. A member with the wrong form is left out; the others do not need it.
 *
 * Ours is a JSON object with a version that carries our mark or, as version 0.1.0 wrote it, no mark and either one of our
 * members in its right form or no member at all.
 *
 * @param path what to call the file
 * @throws OpAMPError `ERR_OPAMP_STORE` with `foreignStore` for JSON that is not ours, or of a later version; TypeError for
 * what is not JSON, as a crash or a bad disk may leave it
 */
export function decodeState(text: string, path: string): DecodedState {
  const json = parsed(text);
  if (!isOptions(json) || !isOurs(json)) throw foreignError(`${path} is no state of opamp-client`, FOREIGN_HINT);
  const { format: _, version, instanceUid, remoteConfig, lastGoodConfig, heartbeatMs, ...rest } = json;
  if (version > VERSION) {
    const what = `${path} is of a later version: it has the format ${version}, and this version knows ${VERSION}`;
    throw foreignError(what, LATER_HINT);
  }
  const problems: string[] = [];
  const read = <T>(name: string, value: unknown, reader: (value: unknown) => T | undefined): T | undefined => {
    if (value === undefined) return undefined;
    const found = reader(value);
    if (found === undefined) problems.push(`its ${name} is not as it should be`);
    return found;
  };
  const state: DecodedState["state"] = {};
  const uid = read("instanceUid", instanceUid, uidOf);
  if (uid !== undefined) state.instanceUid = uid;
  const outcome = read("remoteConfig", remoteConfig, outcomeOf);
  if (outcome !== undefined) state.remoteConfig = outcome;
  const everyMs = read("heartbeatMs", heartbeatMs, heartbeatOf);
  if (everyMs !== undefined) state.heartbeatMs = everyMs;
  const config = read("lastGoodConfig", lastGoodConfig, referenceOf);
  if (canBeWritten(rest)) return { state, config, rest, problems };
  problems.push("members that this version does not know are too large or too deep to be written again");
  return { state, config, rest: {}, problems };
}

function isOurs(json: Json): json is Json & { version: number } {
  const { format, version, instanceUid, remoteConfig, lastGoodConfig, heartbeatMs } = json;
  if (typeof version !== "number" || !(version >= VERSION)) return false;
  if (format !== undefined) return format === FORMAT;
  const members = [uidOf(instanceUid), outcomeOf(remoteConfig), referenceOf(lastGoodConfig), heartbeatOf(heartbeatMs)];
  return members.some((member) => member !== undefined) || Object.keys(json).length === 1;
}

/** With room left for what this version knows. */
function canBeWritten(rest: DecodedState["rest"]): boolean {
  try {
    return encodeState({}, undefined, rest).length <= MAX_STATE_BYTES / 2;
  } catch {
    return false;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own words show a piece of the text, and that may be a secret.
    throw new TypeError("it is not JSON");
  }
}

function configJson({ hash }: StoredConfig, file: string | undefined): unknown {
  return { hash: hexOf(hash), file };
}

function uidOf(value: unknown): Uint8Array | undefined {
  return typeof value === "string" ? parseUuid(value) : undefined;
}

function outcomeOf(value: unknown): StoredRemoteConfig | undefined {
  if (!isOptions(value)) return undefined;
  const { status, error } = value;
  const hash = bytesOf(value["hash"]);
  if (hash === undefined || (status !== "applied" && status !== "failed") || typeof error !== "string")
    return undefined;
  return { hash, status, error };
}

function referenceOf(value: unknown): ConfigReference | undefined {
  if (!isOptions(value)) return undefined;
  const { file } = value;
  const hash = bytesOf(value["hash"]);
  return hash === undefined || typeof file !== "string" ? undefined : { hash, file };
}

function heartbeatOf(value: unknown): number | undefined {
  if (value === OFF) return Number.POSITIVE_INFINITY;
  return typeof value === "number" && value > 0 ? value : undefined;
}

function bytesOf(hex: unknown): Uint8Array | undefined {
  return typeof hex === "string" && HEX.test(hex) ? bytesOfHex(hex) : undefined;
}
