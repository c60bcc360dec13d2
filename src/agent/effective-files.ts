import { type Logger, logError } from "../diagnostics/logger.js";
import { errorLine } from "../diagnostics/one-line.js";
import { codeOf, messageOf } from "../errors.js";
import {
  type EffectiveConfigProvider,
  type FoundFile,
  type FoundFiles,
  type ReportSettings,
  reportedFiles,
  tooLarge,
} from "../extension/effective-config/reported-files.js";
import type { ConfigDirectory } from "./config-directory/config-directory.js";
import { contentTypeOf } from "./config-directory/config-manifest.js";
import { type EffectiveSettings, RAW } from "./file/effective-keys.js";
import { readRegularFile, sizeOfRegularFile } from "./regular-file.js";

type Entry = [name: string, file: FoundFile];

/**
 * What an agent reports as its effective config: the program's own files, over these what was offered, without secrets.
 * A file that cannot be read is left out; that is logged once, and so is that it can be read again. In the place of one
 * that is too large or not text the reason is reported, and logged once.
 *
 * @returns `undefined` where there is nothing to report
 */
export function effectiveFiles(
  { files, rawFile, redact, maxBytes }: EffectiveSettings,
  directory: Pick<ConfigDirectory, "effectiveConfig"> | undefined,
  log: Pick<Logger, "info" | "warn">,
): EffectiveConfigProvider | undefined {
  const own = Object.entries(files);
  if (own.length === 0 && rawFile === undefined && directory === undefined) return undefined;

  /** Why files are left out, by their paths. */
  const problems = new Map<string, string>();
  let leftOut: ReadonlyMap<string, string> = new Map();
  const settings: ReportSettings = {
    redact,
    maxBytes,
    maxBytesKey: "effective_config.max_bytes",
    onLeftOut(reasons) {
      for (const [name, why] of reasons) {
        if (leftOut.get(name) !== why) log.warn(`effective_config: ${JSON.stringify(name)} is left out: ${why}`);
      }
      leftOut = reasons;
    },
  };

  async function fileAt(path: string): Promise<FoundFile> {
    const bytes = await sizeOfRegularFile(path);
    if (bytes > maxBytes) return { leftOut: tooLarge(bytes, settings) };
    return { body: await readRegularFile(path), contentType: contentTypeOf(path) };
  }

  async function entryOf(name: string, path: string): Promise<Entry[]> {
    try {
      const file = await fileAt(path);
      if (problems.delete(path)) log.info(`effective_config: ${path} can be read again`);
      return [[name, file]];
    } catch (error) {
      // The same problem has other words when it is met a moment later: one file may vanish before or after a look at it.
      const problem = codeOf(error) ?? messageOf(error);
      if (problems.get(path) !== problem) {
        log.warn(`effective_config: ${path} cannot be read and is left out: ${messageOf(error)}`);
      }
      problems.set(path, problem);
      return [];
    }
  }

  async function collect(): Promise<FoundFiles> {
    const read = await Promise.all(own.map(([name, path]) => entryOf(name, path)));
    const raw = rawFile === undefined ? [] : await entryOf(RAW, rawFile);
    const offered = Object.entries((await directory?.effectiveConfig()) ?? {});
    // fromEntries makes even "__proto__" an entry.
    return Object.fromEntries([...read.flat(), ...offered, ...raw]);
  }

  return reportedFiles(collect, settings);
}

/**
 * Looks now and then whether the effective config is another one.
 *
 * @returns what ends that
 */
export function watchEffectiveFiles(
  { changed }: EffectiveConfigProvider,
  { intervalMs, log, onChange }: { intervalMs: number; log: Logger; onChange: () => void },
): () => void {
  let looking = false;
  let problem: string | undefined;
  const timer = setInterval(() => void look(), intervalMs);
  timer.unref();

  async function look(): Promise<void> {
    if (looking) return;
    looking = true;
    try {
      const isOther = await changed();
      problem = undefined;
      if (isOther) onChange();
    } catch (error) {
      const before = problem;
      problem = errorLine(error);
      if (problem !== before) logError(log, "warn", error);
    } finally {
      looking = false;
    }
  }

  return () => clearInterval(timer);
}
