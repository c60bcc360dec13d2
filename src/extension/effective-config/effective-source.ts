import { checkFunction, oneOf, refuseUnknown } from "../../base/checks.js";
import { isOptions, isRecord, kindOf, member, wrongOption } from "../../base/option-path.js";
import type { ConfigFormat } from "./config-text.js";

/** Gives configuration as of now, perhaps later: a record or list to be written out, text, or bytes. */
export type ReadConfig = () => unknown;

/** One configuration and how to report it. */
export interface ConfigEntry {
  /** Called for each report; may be asynchronous. */
  read: ReadConfig;
  /** How an object is written. Default `"json"` where the entry's name ends in `.json`, else `"yaml"`. */
  format?: ConfigFormat;
  /** The MIME type. Default: "text/yaml" or "application/json" where the name or `format` tells, else none. */
  contentType?: string;
}

/** A configuration that is all in one. */
export interface SingleConfig extends ConfigEntry {
  /** The entry's name. Default: "", as for the Collector's extension. */
  name?: string;
  /**
   * The configuration as its author wrote it, with references such as `${env:X}` not yet resolved; reported under "raw"
   * besides the one in effect (`reports_raw_config`). Where it fails, only this entry is missing. Default: none.
   */
  raw?: ReadConfig;
}

/** Configurations by the name to report them under. */
export type NamedConfigs = Readonly<Record<string, ConfigEntry | ReadConfig>>;

/** Several configurations, or a function that finds out each time which there are. */
export interface ManyConfigs {
  files: NamedConfigs | (() => NamedConfigs | Promise<NamedConfigs>);
}

/** An entry with all that was left out. */
export type FullEntry = Required<ConfigEntry>;

/** Entries by name. */
export type NamedEntries = readonly (readonly [name: string, FullEntry])[];

const CONTENT_TYPES = { yaml: "text/yaml", json: "application/json" } as const satisfies Record<ConfigFormat, string>;
const ENTRY_KEYS = { read: true, format: true, contentType: true };
const RAW = "raw";
const WHERE = "effectiveConfig";

/**
 * Checks where configuration comes from.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
export function readConfigSource(source: ReadConfig | SingleConfig | ManyConfigs): {
  list: () => NamedEntries | Promise<NamedEntries>;
  raw: readonly [name: string, FullEntry] | undefined;
} {
  if (typeof source === "function") return { list: always({ "": source }), raw: undefined };
  checkObject(source);
  if ("files" in source) {
    refuseUnknown(WHERE, source, { files: true });
    const { files } = source;
    if (typeof files !== "function") return { list: always(files), raw: undefined };
    return { list: async () => fullEntries(await files()), raw: undefined };
  }
  refuseUnknown(WHERE, source, { ...ENTRY_KEYS, name: true, raw: true });
  const { name = "", raw, ...entry } = source;
  const list = always({ [name]: entry });
  if (raw === undefined) return { list, raw };
  checkFunction(`${WHERE}.raw`, raw);
  if (name === RAW) throw wrongOption(`${WHERE}.name`, `must not be ${JSON.stringify(RAW)} where there is \`raw\``);
  return { list, raw: [RAW, { ...fullEntry(WHERE, name, entry), read: raw }] };
}

function checkObject(source: unknown): void {
  if (!isOptions(source)) throw wrongOption(WHERE, `must be a function or an object, not ${kindOf(source)}`);
}

function always(entries: NamedConfigs): () => NamedEntries {
  const full = fullEntries(entries);
  return () => full;
}

function fullEntries(entries: unknown): NamedEntries {
  if (!isRecord(entries)) throw wrongOption(WHERE, `must be a record of configurations, not ${kindOf(entries)}`);
  return Object.entries(entries).map(([name, entry]) => {
    return [name, fullEntry(name === "" ? WHERE : member(WHERE, name), name, entry)] as const;
  });
}

function fullEntry(where: string, name: string, entry: unknown): FullEntry {
  const given = typeof entry === "function" ? { read: entry } : entry;
  if (!isOptions(given)) throw wrongOption(where, `must be a function or an object, not ${kindOf(entry)}`);
  refuseUnknown(where, given, ENTRY_KEYS);
  const { read, format = formatOf(name), contentType } = given;
  if (!isRead(read)) throw wrongOption(`${where}.read`, `must be a function, not ${kindOf(read)}`);
  if (contentType !== undefined && typeof contentType !== "string") {
    throw wrongOption(`${where}.contentType`, `must be a string, not ${kindOf(contentType)}`);
  }
  const written = oneOf<string>(`${where}.format`, format === undefined ? undefined : String(format), ["yaml", "json"]);
  const asFormat = written === "json" ? "json" : "yaml";
  return { read, format: asFormat, contentType: contentType ?? (format === undefined ? "" : CONTENT_TYPES[asFormat]) };
}

function formatOf(name: string): ConfigFormat | undefined {
  if (name.endsWith(".json")) return "json";
  return name === "" || /\.ya?ml$/.test(name) ? "yaml" : undefined;
}

function isRead(value: unknown): value is ReadConfig {
  return typeof value === "function";
}
