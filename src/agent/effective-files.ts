import { readFile } from "node:fs/promises";
import type { Logger } from "../client/options.js";
import { messageOf, OpAMPError } from "../errors.js";
import { type EffectiveConfigProvider, effectiveConfig } from "../extension/effective-config.js";
import type { ConfigEntry } from "../extension/effective-source.js";
import type { EffectiveSettings } from "./agent-config.js";
import type { ConfigDirectory } from "./config-directory.js";
import { contentTypeOf } from "./config-plan.js";

type Entry = readonly [name: string, entry: ConfigEntry];

/** The name that the extension gives to the configuration as it was written. */
const RAW = "raw";

/**
 * What an agent reports as its effective config: the program's own files, over these what was offered, without secrets.
 * A file that cannot be read is left out and logged.
 *
 * @returns `undefined` where there is nothing to report
 */
export function effectiveFiles(
  { files, rawFile, redact }: EffectiveSettings,
  directory: Pick<ConfigDirectory, "effectiveConfig"> | undefined,
  log: Pick<Logger, "warn">,
): EffectiveConfigProvider | undefined {
  const own = Object.entries(files);
  if (own.length === 0 && rawFile === undefined && directory === undefined) return undefined;

  async function entryOf(name: string, path: string): Promise<Entry[]> {
    try {
      const body = await readFile(path);
      return [[name, { read: () => body, contentType: contentTypeOf(path) }]];
    } catch (error) {
      log.warn(`effective_config: ${path} cannot be read and is left out: ${messageOf(error)}`);
      return [];
    }
  }

  async function offered(): Promise<Entry[]> {
    const inUse = (await directory?.effectiveConfig()) ?? {};
    return Object.entries(inUse).map(([name, { body, contentType = "" }]) => [name, { read: () => body, contentType }]);
  }

  async function all(): Promise<Record<string, ConfigEntry>> {
    const read = await Promise.all(own.map(([name, path]) => entryOf(name, path)));
    const raw = rawFile === undefined ? [] : await entryOf(RAW, rawFile);
    return Object.fromEntries([...read.flat(), ...(await offered()), ...raw]);
  }

  return effectiveConfig({ files: all }, { redact });
}

/**
 * Looks now and then whether the effective config is another one.
 *
 * @returns what ends that
 */
export function watchEffectiveFiles(
  { changed }: EffectiveConfigProvider,
  { intervalMs, log, onChange }: { intervalMs: number; log: Pick<Logger, "warn">; onChange: () => void },
): () => void {
  let looking = false;
  const timer = setInterval(() => void look(), intervalMs);
  timer.unref();

  async function look(): Promise<void> {
    if (looking) return;
    looking = true;
    try {
      if (await changed()) onChange();
    } catch (error) {
      log.warn(error instanceof OpAMPError ? `${error.message} (${error.hint})` : messageOf(error));
    } finally {
      looking = false;
    }
  }

  return () => clearInterval(timer);
}
