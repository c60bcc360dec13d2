import { isUint8Array } from "node:util/types";
import {
  type Complete,
  checkFunction,
  checkOptions,
  count,
  isObject,
  isRecord,
  member,
  oneOf,
  refuseUnknown,
  text,
  wrongKind,
  wrongOption,
} from "../../base/checks.js";
import type { RedactionLists } from "../../diagnostics/secret-names.js";
import { messageOf, OpAMPError } from "../../errors.js";
import type { ConfigFiles } from "../../values/config-files.js";
import { type ConfigFormat, configText } from "./config-text.js";
import { DEFAULT_MAX_BYTES, type EffectiveConfigProvider, reportedFiles } from "./reported-files.js";

/** Gives configuration as of now, perhaps later: a record or list to be written out, text, or bytes. */
export type ReadConfig = () => unknown;

/** One configuration and how to report it. */
export interface ConfigEntry {
  /** Called for each report; may be asynchronous. */
  read: ReadConfig;
  /** How an object is written. Default `"json"` where the entry's name ends in `.json`, else `"yaml"`. */
  format?: ConfigFormat | undefined;
  /** The MIME type. Default: "text/yaml" or "application/json" where the name or `format` tells, else none. */
  contentType?: string | undefined;
}

/** A configuration that is all in one. */
export interface SingleConfig extends ConfigEntry {
  /** The entry's name. Default: "", as for the Collector's extension. */
  name?: string | undefined;
  /**
   * The configuration as its author wrote it, with references such as `${env:X}` not yet resolved; reported under "raw"
   * besides the one in effect (`reports_raw_config`). Where it fails, only this entry is missing. Default: none.
   */
  raw?: ReadConfig | undefined;
}

/** Configurations by the name to report them under. */
export type NamedConfigs = Readonly<Record<string, ConfigEntry | ReadConfig>>;

/** Several configurations, or a function that finds out each time which there are. */
export interface ManyConfigs {
  /** Readers by the name of the file. */
  files: NamedConfigs | (() => NamedConfigs | Promise<NamedConfigs>);
}

/** How {@link effectiveConfig} reports. */
export interface EffectiveConfigOptions {
  /** Names to show or to hide, besides those that are hidden by themselves; `false`: secrets are sent as they are. */
  redact?: RedactionLists | false | undefined;
  /**
   * How much is reported of all configurations together, in bytes as they were before secrets were taken out; in the place
   * of one that does not fit comes a line that says so, as `text/plain`. Default 4 194 304.
   */
  maxBytes?: number | undefined;
  /** Told when a configuration is left out: the raw one cannot be read, one is too large or not text. Default: nobody. */
  onError?: ((error: OpAMPError) => void) | undefined;
}

/**
 * Reports the configuration in use as the Collector's extension does, for the client's `effectiveConfig`; but without the
 * secrets that `createConfigRedactor` knows, and always in UTF-8. What is not text is left out, as what is too large is.
 *
 * @param source a function that gives the configuration; an object with it and how to report it; or `{ files }`, where
 * there are several
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
export function effectiveConfig(
  source: ReadConfig | SingleConfig | ManyConfigs,
  options: EffectiveConfigOptions = {},
): EffectiveConfigProvider {
  checkOptions(WHERE, options, { redact: true, maxBytes: true, onError: true });
  const { redact, maxBytes, onError } = options;
  const most = count(`${WHERE}.maxBytes`, maxBytes, DEFAULT_MAX_BYTES);
  checkFunction(`${WHERE}.onError`, onError);
  const { list, raw } = readSource(source);

  function onLeftOut(reasons: ReadonlyMap<string, string>): void {
    const hint = "raise maxBytes, or give the configuration as text";
    for (const [name, why] of reasons) {
      onError?.(new OpAMPError("ERR_OPAMP_HANDLER", `${whatIs(name)} is left out: ${why}`, { hint }));
    }
  }

  async function collect(): Promise<ConfigFiles> {
    const files = await Promise.all((await list()).map(namedFile));
    try {
      if (raw !== undefined) files.push(await namedFile(raw));
    } catch (cause) {
      onError?.(new OpAMPError("ERR_OPAMP_HANDLER", `the raw config is left out: ${messageOf(cause)}`, { cause }));
    }
    // fromEntries makes even "__proto__" an entry.
    return Object.fromEntries(files);
  }

  return reportedFiles(collect, { redact: redact ?? {}, maxBytes: most, maxBytesKey: "maxBytes", onLeftOut });
}

/** Leaves out the configuration as it was written, so that a host can offer it in any case. */
export function withoutRaw(provide: () => ConfigFiles | Promise<ConfigFiles>): () => Promise<ConfigFiles> {
  return async () => {
    const { [RAW]: raw, ...files } = await provide();
    return files;
  };
}

/** An entry with all that was left out. */
interface NamedEntry extends Complete<ConfigEntry> {
  name: string;
}

interface Source {
  list: () => readonly NamedEntry[] | Promise<readonly NamedEntry[]>;
  raw?: NamedEntry;
}

const CONTENT_TYPES = { yaml: "text/yaml", json: "application/json" } as const satisfies Record<ConfigFormat, string>;
const ENTRY_KEYS = { read: true, format: true, contentType: true };
/** The entry that has the configuration as it was written. */
const RAW = "raw";
const WHERE = "effectiveConfig";

function readSource(source: ReadConfig | SingleConfig | ManyConfigs): Source {
  if (typeof source === "function") return { list: always({ "": source }) };
  const given: unknown = source;
  if (!isObject(given)) throw wrongKind(WHERE, "a function or an object", given);
  if ("files" in source) {
    refuseUnknown(WHERE, source, { files: true });
    const { files } = source;
    return { list: typeof files === "function" ? async () => namedEntries(await files()) : always(files) };
  }
  refuseUnknown(WHERE, source, { ...ENTRY_KEYS, name: true, raw: true });
  const { name = "", raw, ...entry } = source;
  const list = always({ [name]: entry });
  if (raw === undefined) return { list };
  checkFunction(`${WHERE}.raw`, raw);
  if (name === RAW) throw wrongOption(`${WHERE}.name`, `must not be ${JSON.stringify(RAW)} where there is \`raw\``);
  return { list, raw: { ...namedEntry(WHERE, name, entry), name: RAW, read: raw } };
}

function always(entries: NamedConfigs): () => readonly NamedEntry[] {
  const full = namedEntries(entries);
  return () => full;
}

function namedEntries(entries: unknown): readonly NamedEntry[] {
  if (!isRecord(entries)) throw wrongKind(WHERE, "a record of configurations", entries);
  return Object.entries(entries).map(([name, entry]) =>
    namedEntry(name === "" ? WHERE : member(WHERE, name), name, entry),
  );
}

function namedEntry(where: string, name: string, entry: unknown): NamedEntry {
  const given = typeof entry === "function" ? { read: entry } : entry;
  if (!isObject(given)) throw wrongKind(where, "a function or an object", entry);
  refuseUnknown(where, given, ENTRY_KEYS);
  const { read, format = formatOf(name), contentType } = given;
  if (typeof read !== "function") throw wrongKind(`${where}.read`, "a function", read);
  const written = oneOf(`${where}.format`, format as ConfigFormat | undefined, ["yaml", "json"]);
  const usual = format === undefined ? "" : CONTENT_TYPES[written];
  const ownType = contentType === undefined ? usual : text(`${where}.contentType`, contentType);
  return { name, read: read as ReadConfig, format: written, contentType: ownType };
}

function formatOf(name: string): ConfigFormat | undefined {
  if (name.endsWith(".json")) return "json";
  return name === "" || /\.ya?ml$/.test(name) ? "yaml" : undefined;
}

function whatIs(name: string): string {
  return name === "" ? "the effective config" : `the effective config ${JSON.stringify(name)}`;
}

async function namedFile({ name, read, format, contentType }: NamedEntry) {
  const what = whatIs(name);
  let value: unknown;
  try {
    value = await read();
  } catch (cause) {
    throw new OpAMPError("ERR_OPAMP_HANDLER", `${what} could not be read: ${messageOf(cause)}`, { cause });
  }
  const body = typeof value === "string" || isUint8Array(value) ? value : configText(value, format, what);
  return [name, { body, contentType }] as const;
}
