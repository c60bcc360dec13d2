import { isUint8Array } from "node:util/types";
import { hexOf, sha256 } from "../../base/bytes.js";
import { inTurns } from "../../base/steps.js";
import type { RedactionLists } from "../../diagnostics/secret-names.js";
import type { ConfigFiles } from "../../values/config-files.js";
import { type ConfigRedaction, configRedaction } from "../redact/config-redactor.js";

/** What the client takes as `effectiveConfig`. */
export interface EffectiveConfigProvider {
  /** @throws OpAMPError `ERR_OPAMP_HANDLER` naming the entry that could not be read */
  (): Promise<ConfigFiles>;
  /**
   * Whether the configuration is another one than this function last gave, by its hash; true before it gave any. When it
   * is, have the client fetch it: `if (await config.changed()) client.refreshEffectiveConfig()`.
   *
   * @throws OpAMPError `ERR_OPAMP_HANDLER`
   */
  changed(): Promise<boolean>;
}

/** A file as it was found, or why it is left out. */
export type FoundFile = ConfigFiles[string] | { leftOut: string };

/** Files by the names to report them under. */
export type FoundFiles = Readonly<Record<string, FoundFile>>;

/** How files are reported. */
export interface ReportSettings {
  /** `false`: as they are, secrets included. */
  redact: RedactionLists | false;
  /** Of all files together, as they were found. */
  maxBytes: number;
  /** What the user calls `maxBytes`. */
  maxBytesKey: string;
  /** Told with each report which files it leaves out, and why. */
  onLeftOut(reasons: ReadonlyMap<string, string>): void;
}

/** Where nobody says otherwise: far above any configuration, and far below the largest message. */
export const DEFAULT_MAX_BYTES = 4 * 1_024 * 1_024;

/** Why a file of such a size is left out. */
export function tooLarge(bytes: number, { maxBytes, maxBytesKey }: Pick<ReportSettings, "maxBytes" | "maxBytesKey">) {
  return `it has ${bytes} bytes, and ${maxBytesKey} allows ${maxBytes} for all files together`;
}

/**
 * Reports files without their secrets. In the place of one that is left out comes the reason, as plain text. The event loop
 * turns while secrets are taken out.
 *
 * @param collect gives the files in use, secrets included
 * @throws OpAMPError `ERR_OPAMP_OPTION` for values that are not lists of names
 */
export function reportedFiles(collect: () => Promise<FoundFiles>, settings: ReportSettings): EffectiveConfigProvider {
  const { redact, onLeftOut } = settings;
  const redaction = redact === false ? undefined : configRedaction(redact);
  /** Hashes of what was given last, and of what it was made of: to take secrets out takes far longer than to read. */
  let given: string | undefined;
  let madeOf: string | undefined;

  async function provide(): Promise<ConfigFiles> {
    const found = withinLimit(await collect(), settings);
    const shown = await withoutSecrets(found, redaction);
    onLeftOut(reasonsIn(shown));
    const files = asReported(shown);
    madeOf = hashOf(asReported(found));
    given = hashOf(files);
    return files;
  }

  async function changed(): Promise<boolean> {
    const found = withinLimit(await collect(), settings);
    const hash = hashOf(asReported(found));
    if (hash === madeOf) return false;
    if (hashOf(asReported(await withoutSecrets(found, redaction))) !== given) return true;
    madeOf = hash;
    return false;
  }

  return Object.assign(provide, { changed });
}

function reasonsIn(found: FoundFiles): ReadonlyMap<string, string> {
  return new Map(Object.entries(found).flatMap(([name, file]) => ("leftOut" in file ? [[name, file.leftOut]] : [])));
}

/** fromEntries makes even "__proto__" an entry. */
function mapped<T, R>(record: Readonly<Record<string, T>>, change: (value: T) => R): Record<string, R> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
}

function withinLimit(found: FoundFiles, settings: ReportSettings): FoundFiles {
  let left = settings.maxBytes;
  return mapped(found, (file) => {
    if ("leftOut" in file) return file;
    const bytes = Buffer.byteLength(file.body);
    if (bytes > settings.maxBytes) return { leftOut: tooLarge(bytes, settings) };
    if (bytes > left) return { leftOut: `${tooLarge(bytes, settings)}, of which ${left} are left` };
    left -= bytes;
    return file;
  });
}

async function withoutSecrets(found: FoundFiles, redaction: ConfigRedaction | undefined): Promise<FoundFiles> {
  if (redaction === undefined) return found;
  const shown: [string, FoundFile][] = [];
  // One after the other: work in turns gains nothing from more at a time.
  for (const [name, file] of Object.entries(found)) {
    if ("leftOut" in file) {
      shown.push([name, file]);
      continue;
    }
    const { body, ...rest } = file;
    const clean = await inTurns(isUint8Array(body) ? redaction.bytes(body) : redaction.text(body));
    shown.push([name, clean === undefined ? { leftOut: NO_TEXT } : { ...rest, body: clean }]);
  }
  return Object.fromEntries(shown);
}

const NO_TEXT = "it is not text in UTF-8, UTF-16, UTF-32 or Windows-1252, so its secrets cannot be found";

function asReported(found: FoundFiles): ConfigFiles {
  return mapped(found, (file) =>
    "leftOut" in file ? { body: `left out: ${file.leftOut}\n`, contentType: "text/plain" } : file,
  );
}

function hashOf(files: ConfigFiles): string {
  const parts = Object.entries(files).flatMap(([name, { body, contentType = "" }]) => [name, contentType, body]);
  return hexOf(sha256(parts));
}
