import { createHash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { bytesOfHex, hexOf, parseUuid, uidText } from "../base/bytes.js";
import { attempt, isObject } from "../base/checks.js";
import type { StoredConfig, StoredFile, StoredRemoteConfig, StoredState } from "./store.js";
import { FOREIGN_HINT, foreignError, laterError } from "./store-error.js";
import { readHash, readMembers, readObject, STATE_READERS } from "./stored-state.js";

const VERSION = 1;
/** Marks what this package wrote; version 0.1.0 wrote no mark. */
const FORMAT = "opamp-client";
const HEX = /^([0-9a-f]{2})*$/i;
const BYTES: ReadonlySet<string> = new Set(["hash", "digest"]);
const OFF = "off";
/** What a state may take: far more than one ever does, and little enough to be read in a moment. */
export const MAX_STATE_BYTES = 16 * 1024 * 1024;
const NEWLINE = 0x0a;
/** How much is hashed before others have their turn. */
const SLICE_BYTES = 4 * 1024 * 1024;
/** Begins every state that is written. */
export const STATE_START = `{\n  "format": ${JSON.stringify(FORMAT)},\n`;
/** Begins every file of a config. */
export const CONFIG_START = '{"files":[';
const CONFIG_NAME = /^config-[0-9a-f]{64}$/;

/** Where the files of a config are, and which config that is. */
interface ConfigReference {
  hash: Uint8Array;
  /** The name of a file beside the state. */
  file: string;
}

type Json = Readonly<Record<string, unknown>>;

/** The members of a state as they are in JSON. */
type JsonState = Omit<StoredState, "lastGoodConfig"> & { lastGoodConfig?: ConfigReference };

/** A state as it was read. */
export interface DecodedState {
  state: Omit<StoredState, "lastGoodConfig">;
  config: ConfigReference | undefined;
  /** Members that this version does not know; the next save writes them again. */
  rest: Json;
  /** What is wrong with the members that are left out. */
  problems: readonly string[];
}

/** Each takes a member of the JSON for the value that it stands for. */
const JSON_READERS = {
  instanceUid: (json: unknown, where: string) =>
    STATE_READERS.instanceUid(typeof json === "string" ? parseUuid(json) : json, where),
  remoteConfig: (json: unknown, where: string) => STATE_READERS.remoteConfig(withHash(json), where),
  lastGoodConfig: readReference,
  heartbeatMs: (json: unknown, where: string) =>
    STATE_READERS.heartbeatMs(json === OFF ? Number.POSITIVE_INFINITY : json, where),
  connectionSettings: (json: unknown, where: string) => STATE_READERS.connectionSettings(withHash(json), where),
  connection: STATE_READERS.connection,
  otherConnections: STATE_READERS.otherConnections,
};
const KNOWN: ReadonlySet<string> = new Set(["format", "version", ...Object.keys(JSON_READERS)]);

/**
 * The state as JSON that people can read: bytes as hex, the uid as UUID text, the files of a config elsewhere.
 *
 * @throws Error where it would be too large to be read again
 */
export function encodeState(
  {
    instanceUid,
    remoteConfig,
    lastGoodConfig,
    heartbeatMs,
    connectionSettings,
    connection,
    otherConnections,
  }: StoredState,
  configFile: string | undefined,
  rest: DecodedState["rest"],
): Uint8Array {
  const json = {
    format: FORMAT,
    version: VERSION,
    instanceUid: instanceUid && uidText(instanceUid),
    remoteConfig: remoteConfig && inHex(remoteConfig),
    lastGoodConfig: lastGoodConfig && configFile && { hash: hexOf(lastGoodConfig.hash), file: configFile },
    heartbeatMs: heartbeatMs === Number.POSITIVE_INFINITY ? OFF : heartbeatMs,
    connectionSettings: connectionSettings && inHex(connectionSettings),
    connection,
    otherConnections,
    ...rest,
  };
  const bytes = Buffer.from(`${JSON.stringify(json, undefined, 2)}\n`);
  if (bytes.length > MAX_STATE_BYTES) {
    throw new RangeError(`the state would have ${bytes.length} bytes, and may have ${MAX_STATE_BYTES}`);
  }
  return bytes;
}

/**
 * The JSON of a state of ours: an object with a version that carries our mark or, as version 0.1.0 wrote it, no mark and
 * either one of our members in its right form or no member at all.
 *
 * @param path what to call the file
 * @throws OpAMPError `ERR_OPAMP_STORE` with `foreignStore` for JSON that is not ours, or of a later version; TypeError for
 * what is not JSON, as a crash or a bad disk may leave it
 */
export function parseState(text: string, path: string): Json {
  const json = attempt<unknown>(() => JSON.parse(text));
  // The parser's own words show a piece of the text, and that may be a secret.
  if (json === undefined) throw new TypeError("it is not JSON");
  if (!isObject(json) || !isOurs(json)) throw foreignError(`${path} is not a state of opamp-client`, FOREIGN_HINT);
  if (json.version > VERSION) throw laterError(path, json.version, VERSION);
  return json;
}

/** The opposite of {@link encodeState}: {@link parseState}, and of its members those that have the right form. */
export function decodeState(text: string, path: string): DecodedState {
  const json = parseState(text, path);
  const problems: string[] = [];
  const { lastGoodConfig: config, ...state } = readMembers<Required<JsonState>>(json, JSON_READERS, (name) => {
    problems.push(`its ${name} is not as it should be`);
  });
  const rest = Object.fromEntries(Object.entries(json).filter(([name]) => !KNOWN.has(name)));
  if (canBeWritten(rest)) return { state, config, rest, problems };
  problems.push("members that this version does not know are too large or too deep to be written again");
  return { state, config, rest: {}, problems };
}

function isOurs(json: Json): json is Json & { version: number } {
  const { format, version } = json;
  if (typeof version !== "number" || !(version >= VERSION)) return false;
  if (format !== undefined) return format === FORMAT;
  // An earlier version could be assigned a uid that is none; the state is ours all the same.
  if (typeof json["instanceUid"] === "string" && parseUuid(json["instanceUid"]) !== undefined) return true;
  const members = readMembers<Required<JsonState>>(json, JSON_READERS, () => undefined);
  return Object.keys(members).length > 0 || Object.keys(json).length === 1;
}

/** With room left for what this version knows. */
function canBeWritten(rest: DecodedState["rest"]): boolean {
  return attempt(() => encodeState({}, undefined, rest).length <= MAX_STATE_BYTES / 2, false);
}

function readReference(json: unknown, where: string): ConfigReference {
  const { hash, file } = readObject(withHash(json), where);
  if (typeof file !== "string") throw new TypeError(`${where}.file is not text`);
  return { hash: readHash(hash, where), file };
}

function inHex({ hash, digest, ...outcome }: StoredRemoteConfig) {
  return { hash: hexOf(hash), ...outcome, digest: digest && hexOf(digest) };
}

/** Hash and digest in hex as the bytes that they stand for; all else as it is. */
function withHash(json: unknown): unknown {
  if (!isObject(json)) return json;
  const bytes = Object.entries(json).flatMap(([name, value]) =>
    BYTES.has(name) && typeof value === "string" && HEX.test(value) ? [[name, bytesOfHex(value)] as const] : [],
  );
  return { ...json, ...Object.fromEntries(bytes) };
}

/** What the first line says of a file. */
interface Entry {
  name: string;
  contentType: string;
  bytes: number;
}

/** Whether a file of a store holds a config. */
export function isConfigFile(name: string): boolean {
  return CONFIG_NAME.test(name);
}

/** A config as a file: a line of JSON that lists the files, and their bodies as they are. */
export function encodeConfig(files: StoredConfig["files"]): readonly Uint8Array[] {
  const entries = Object.entries(files);
  const list = entries.map(([name, { body, contentType }]): Entry => ({ name, contentType, bytes: body.length }));
  return [Buffer.from(`${JSON.stringify({ files: list })}\n`), ...entries.map(([, { body }]) => body)];
}

/** The name that such a file has, which says all about what is in it. */
export async function configFileName(chunks: Iterable<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  let hashed = 0;
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += SLICE_BYTES) {
      const slice = chunk.subarray(at, at + SLICE_BYTES);
      hash.update(slice);
      hashed += slice.length;
      if (hashed < SLICE_BYTES) continue;
      hashed = 0;
      await nextTurn();
    }
  }
  return `config-${hash.digest("hex")}`;
}

/**
 * The opposite of {@link encodeConfig}. The bodies are parts of the bytes given.
 *
 * @throws Error where these are no such file
 */
export function decodeConfig(bytes: Uint8Array): Readonly<Record<string, StoredFile>> {
  let at = bytes.indexOf(NEWLINE) + 1;
  const { files: list }: { files: readonly Entry[] } = JSON.parse(Buffer.from(bytes.subarray(0, at)).toString());
  const files: Record<string, StoredFile> = Object.create(null);
  for (const { name, contentType, bytes: length } of list) {
    files[name] = { body: new Uint8Array(bytes.buffer, bytes.byteOffset + at, length), contentType };
    at += length;
  }
  if (at !== bytes.length) throw new RangeError("it is longer or shorter than its first line says");
  return files;
}
