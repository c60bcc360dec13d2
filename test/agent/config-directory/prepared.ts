import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { ConfigDirectory } from "../../../src/agent/config-directory/config-directory.js";
import { messageOf } from "../../../src/errors.js";
import { Arrivals } from "../../transport/arrivals.js";
import { folderForTest, offer } from "./folder.js";
import { type DirectoryOptions, openDirectory } from "./open-directory.js";

/** A config directory in use, and all around it. */
export interface Prepared {
  /** Where the directory is, and what else a test needs. */
  work: string;
  directory: string;
  configs: ConfigDirectory;
  /** Log lines, with their level. */
  lines: Arrivals<string>;
  /** Applies files under a hash. @returns why they are not applied, or "applied" */
  apply(hash: string, files: Parameters<typeof offer>[1], signal?: AbortSignal): Promise<string>;
}

/** Prepares `<work>/config`. @param begin makes what is there before */
export async function prepared(
  options: Partial<DirectoryOptions> = {},
  begin: (directory: string) => void = () => undefined,
): Promise<Prepared> {
  const work = folderForTest();
  const directory = join(work, "config");
  begin(directory);
  return await reopened(work, options);
}

/** The same as {@link prepared} for a folder that is there. */
export async function reopened(work: string, options: Partial<DirectoryOptions> = {}): Promise<Prepared> {
  const directory = join(work, "config");
  const lines = new Arrivals<string>();
  const line = (level: string) => (text: string) => lines.push(`${level} ${text}`);
  const log = { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") };
  const configs = openDirectory({ directory, timeoutMs: 10_000, log, ...options }, { graceMs: 100 });
  await configs.prepare();
  onTestFinished(() => configs.close());
  return {
    work,
    directory,
    configs,
    lines,
    async apply(hash, files, signal = new AbortController().signal) {
      try {
        await configs.handler.apply(offer(hash, files), { signal, previous: undefined });
        return "applied";
      } catch (error) {
        return messageOf(error);
      }
    },
  };
}

/** The effective config with its bodies as texts. */
export async function effective(configs: ConfigDirectory): Promise<Record<string, [string, string]>> {
  const files = Object.entries(await configs.effectiveConfig());
  return Object.fromEntries(files.map(([name, { body, contentType = "" }]) => [name, [String(body), contentType]]));
}
