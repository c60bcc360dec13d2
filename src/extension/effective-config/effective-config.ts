import { createHash } from "node:crypto";
import { isUint8Array } from "node:util/types";
import { checkFunction, refuseUnknown } from "../../base/checks.js";
import { isOptions, kindOf, wrongOption } from "../../base/option-path.js";
import type { RedactionLists } from "../../diagnostics/secret-names.js";
import { messageOf, OpAMPError } from "../../errors.js";
import type { ConfigFiles } from "../../values/config-files.js";
import { type ConfigRedactor, createConfigRedactor } from "../redact/config-redactor.js";
import { configText } from "./config-text.js";
import {
  type FullEntry,
  type ManyConfigs,
  type ReadConfig,
  readConfigSource,
  type SingleConfig,
} from "./effective-source.js";

/** How {@link effectiveConfig} reports. */
export interface EffectiveConfigOptions {
  /** Names to show or to hide, besides those that are hidden by themselves; `false`: secrets are sent as they are. */
  redact?: RedactionLists | false;
  /** Told when the raw configuration could not be had. Default: nobody. */
  onError?: (error: OpAMPError) => void;
}

/** What the client takes as `effectiveConfig`. */
export interface EffectiveConfigProvider {
  /** @throws OpAMPError `ERR_OPAMP_HANDLER` naming the entry that could not be had */
  (): Promise<ConfigFiles>;
  /**
   * Whether the configuration is another one than this function last gave, by its hash; true before it gave any. When it
   * is, have the client fetch it: `if (await config.changed()) client.refreshEffectiveConfig()`.
   *
   * @throws OpAMPError `ERR_OPAMP_HANDLER`
   */
  changed(): Promise<boolean>;
}

/**
 * Reports the configuration in use as the Collector's extension does, for the client's `effectiveConfig`; but without the
 * secrets that {@link createConfigRedactor} knows.
 *
 * @param source a function that gives the configuration; an object with it and how to report it; or `{ files }`, where
 * there are several
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
export function effectiveConfig(
  source: ReadConfig | SingleConfig | ManyConfigs,
  options: EffectiveConfigOptions = {},
): EffectiveConfigProvider {
  checkOptions(options);
  const { redact, onError } = options;
  checkFunction("effectiveConfig.onError", onError);
  const redactor = redact === false ? undefined : createConfigRedactor(redact);
  const { list, raw } = readConfigSource(source);
  /** Hashes of what was given last, and of what it was made of: to take secrets out takes far longer than to read. */
  let given: string | undefined;
  let madeOf: string | undefined;

  /** With the secrets. */
  async function collect(): Promise<ConfigFiles> {
    const entries = await list();
    const files = await Promise.all(entries.map(namedFile));
    if (raw !== undefined) files.push(...(await rawFile(raw)));
    // fromEntries makes even "__proto__" an entry.
    return Object.fromEntries(files);
  }

  async function rawFile(entry: readonly [string, FullEntry]): Promise<NamedFile[]> {
    try {
      return [await namedFile(entry)];
    } catch (cause) {
      onError?.(new OpAMPError("ERR_OPAMP_HANDLER", `the raw config is left out: ${messageOf(cause)}`, { cause }));
      return [];
    }
  }

  async function provide(): Promise<ConfigFiles> {
    const files = await collect();
    const shown = withoutSecrets(files, redactor);
    madeOf = hashOf(files);
    given = hashOf(shown);
    return shown;
  }

  async function changed(): Promise<boolean> {
    const files = await collect();
    const hash = hashOf(files);
    if (hash === madeOf) return false;
    if (hashOf(withoutSecrets(files, redactor)) !== given) return true;
    madeOf = hash;
    return false;
  }

  return Object.assign(provide, { changed });
}

function checkOptions(options: unknown): void {
  if (!isOptions(options)) throw wrongOption("effectiveConfig", `must be given an object, not ${kindOf(options)}`);
  refuseUnknown("effectiveConfig", options, { redact: true, onError: true });
}

type NamedFile = readonly [name: string, file: { body: string | Uint8Array; contentType: string }];

async function namedFile([name, entry]: readonly [string, FullEntry]): Promise<NamedFile> {
  const what = name === "" ? "the effective config" : `the effective config ${JSON.stringify(name)}`;
  const body = configText(await read(entry, what), entry.format, what);
  return [name, { body, contentType: entry.contentType }];
}

async function read(entry: FullEntry, what: string): Promise<unknown> {
  try {
    return await entry.read();
  } catch (cause) {
    throw new OpAMPError("ERR_OPAMP_HANDLER", `${what} could not be read: ${messageOf(cause)}`, { cause });
  }
}

function withoutSecrets(files: ConfigFiles, redactor: ConfigRedactor | undefined): ConfigFiles {
  if (redactor === undefined) return files;
  const shown = Object.entries(files).map(([name, { body, ...rest }]) => {
    return [name, { ...rest, body: isUint8Array(body) ? redactor.bytes(body) : redactor.text(body) }] as const;
  });
  return Object.fromEntries(shown);
}

/** Lengths keep what belongs to one entry from being taken for a part of the next. */
function hashOf(files: ConfigFiles): string {
  const digest = createHash("sha256");
  for (const [name, { body, contentType = "" }] of Object.entries(files)) {
    for (const part of [name, contentType, body]) {
      digest.update(`${typeof part === "string" ? Buffer.byteLength(part) : part.length}:`).update(part);
    }
  }
  return digest.digest("hex");
}
