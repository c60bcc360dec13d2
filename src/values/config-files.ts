import { isUint8Array } from "node:util/types";
import { sameBytes } from "../base/bytes.js";
import { isObject, isRecord, member, refuseUnknown, sameEntries, wrongKind } from "../base/checks.js";
import { messageOf, OpAMPError } from "../errors.js";
import type { AgentConfigFile, AgentRemoteConfig, EffectiveConfig } from "../gen/opamp/v1/opamp_pb.js";
import type { StoredConfig, StoredFile, StoredRemoteConfig, StoredState } from "../store/store.js";

/** A configuration file that the server offered. */
export interface ConfigFile {
  /** The raw bytes; nothing is assumed about them (CFG-08). */
  readonly body: Uint8Array;
  /** The MIME type that the server gave, or "". */
  readonly contentType: string;
  /**
   * The body as UTF-8 text, without a byte order mark.
   *
   * @throws {OpAMPError} ERR_OPAMP_MALFORMED naming the file if it is not UTF-8.
   */
  text(): string;
  /**
   * The body as a JSON value.
   *
   * @throws {OpAMPError} ERR_OPAMP_MALFORMED naming the file if it is not JSON.
   */
  json(): unknown;
}

/** Configuration files to report, by name. A single file may have the name "" (CFG-07). */
export type ConfigFiles = Readonly<
  Record<
    string,
    {
      /** The content: raw bytes, or text to be sent as UTF-8. */
      body: string | Uint8Array;
      /** The MIME type, such as "text/yaml". Default: none. */
      contentType?: string | undefined;
    }
  >
>;

/** An offered configuration. */
export interface RemoteConfig {
  /** The server's opaque hash of this configuration. */
  readonly hash: Uint8Array;
  /** The files by name, in a record without a prototype. A single file may have the name "" (CFG-07). */
  readonly files: Readonly<Record<string, ConfigFile>>;
  /** Whether there are no files at all. */
  readonly isEmpty: boolean;
}

const WHERE = "effectiveConfig";
const EFFECTIVE_CONFIG = "opamp.proto.v1.EffectiveConfig";
const CONFIG_MAP = "opamp.proto.v1.AgentConfigMap";
const CONFIG_FILE = "opamp.proto.v1.AgentConfigFile";
const FILE_KEYS = { body: true, contentType: true };
const FOREIGN = { content: "body", text: "body", data: "body", type: "contentType", mimetype: "contentType" };
/** As long as names are on most file systems, in characters. */
const LONGEST_NAME = 255;

/**
 * Turns files into the configuration an agent reports as in effect. Bodies are copied.
 *
 * @throws {OpAMPError} ERR_OPAMP_OPTION naming the path of what is wrong.
 */
export function toEffectiveConfig(files: ConfigFiles): EffectiveConfig {
  if (!isRecord(files)) throw wrongKind(WHERE, 'a record of files such as { "agent.yaml": { body } }', files);
  // Without a prototype even "__proto__" is an entry. Messages as `create` would make them, which costs more than all else here.
  const configMap: Record<string, AgentConfigFile> = Object.create(null);
  for (const name of Object.keys(files)) configMap[name] = toConfigFile(files[name], name);
  return { $typeName: EFFECTIVE_CONFIG, configMap: { $typeName: CONFIG_MAP, configMap } };
}

/** Whether two effective configs have the same files. */
export function sameEffectiveConfig(a: EffectiveConfig, b: EffectiveConfig): boolean {
  return sameEntries(a.configMap?.configMap ?? {}, b.configMap?.configMap ?? {}, (fileA, fileB) => {
    return fileA.contentType === fileB.contentType && sameBytes(fileA.body, fileB.body);
  });
}

/** Turns an offer into plain files. Everything is copied, so no network buffer stays alive through it. */
export function toRemoteConfig(offer: AgentRemoteConfig): RemoteConfig {
  const files = offer.config?.configMap ?? {};
  return remoteConfigOf(new Uint8Array(offer.configHash), files, (body) => new Uint8Array(body));
}

/** The config that was applied before a restart, without a copy of it. */
export function fromStoredConfig({ hash, files }: StoredConfig): RemoteConfig {
  return remoteConfigOf(hash, files, (body) => body);
}

/**
 * What is to be stored of the outcome of an offer, without a copy of the config.
 *
 * @throws TypeError where its handler has made something else of it
 */
export function toStoredOutcome(
  { status, ...offer }: Omit<StoredRemoteConfig, "status"> & { status: "applying" | StoredRemoteConfig["status"] },
  applied: RemoteConfig | undefined,
): StoredState {
  if (status === "applying") return {};
  const outcome = { remoteConfig: { status, ...offer } };
  if (status === "failed" || applied === undefined) return outcome;
  const files: Record<string, StoredFile> = Object.create(null);
  for (const [name, { body, contentType }] of Object.entries(applied.files)) {
    if (!isUint8Array(body) || typeof contentType !== "string") throw new TypeError("a file of it was changed");
    files[name] = { body, contentType };
  }
  return { ...outcome, lastGoodConfig: { hash: applied.hash, files } };
}

function remoteConfigOf(
  hash: Uint8Array,
  given: StoredConfig["files"],
  own: (body: Uint8Array) => Uint8Array,
): RemoteConfig {
  const files: Record<string, ConfigFile> = Object.create(null);
  const entries = Object.entries(given);
  for (const [name, { body, contentType }] of entries) files[name] = new NamedFile(name, own(body), contentType);
  return { hash, files, isEmpty: entries.length === 0 };
}

/** Paths are made for errors alone: this runs for each file of each report. */
function toConfigFile(file: unknown, name: string): AgentConfigFile {
  if (!isObject(file)) throw wrongKind(member(WHERE, name), "a file such as { body, contentType }", file);
  // A record's other keys are slips; an instance of a class may have fields of its own.
  if (isRecord(file))
    for (const key in file) if (!(key in FILE_KEYS)) refuseUnknown(member(WHERE, name), file, FILE_KEYS, FOREIGN);
  const { body, contentType = "" } = file;
  if (typeof contentType !== "string") throw wrongKind(`${member(WHERE, name)}.contentType`, "a string", contentType);
  if (typeof body === "string") return { $typeName: CONFIG_FILE, body: new TextEncoder().encode(body), contentType };
  if (isUint8Array(body)) return { $typeName: CONFIG_FILE, body: new Uint8Array(body), contentType };
  throw wrongKind(`${member(WHERE, name)}.body`, "a string or a Uint8Array", body);
}

class NamedFile implements ConfigFile {
  readonly #name: string;
  readonly body: Uint8Array;
  readonly contentType: string;

  constructor(name: string, body: Uint8Array, contentType: string) {
    this.#name = name;
    this.body = body;
    this.contentType = contentType;
  }

  text(): string {
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(this.body);
    } catch (thrown) {
      throw this.#isNot("UTF-8 text", thrown);
    }
  }

  json(): unknown {
    const text = this.text();
    try {
      return JSON.parse(text);
    } catch (thrown) {
      throw this.#isNot("JSON", thrown);
    }
  }

  #isNot(format: string, cause: unknown): OpAMPError {
    // The server chooses the name, and the message goes into logs and into the status.
    const name = this.#name.slice(0, LONGEST_NAME);
    const more = this.#name.length > name.length ? "..." : "";
    const message = `config file ${JSON.stringify(name)}${more} is not ${format}: ${messageOf(cause)}`;
    const hint = "correct the file on the server, or read its `body` in another way";
    return new OpAMPError("ERR_OPAMP_MALFORMED", message, { cause, hint, retryable: false });
  }
}
