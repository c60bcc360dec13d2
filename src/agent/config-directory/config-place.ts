import { join } from "node:path";
import { isObject } from "../../base/checks.js";
import { NO_TRIAL, type Trial, type TrialPhase, trialTransitions } from "../../base/trial.js";
import type { Logger } from "../../diagnostics/logger.js";
import type { Command } from "../commands/run-command.js";
import type { ReloadSignal } from "../commands/signal-process.js";
import type { OfferLimits } from "../limits/offer-limits.js";
import { ConfigLinks } from "./config-links.js";
import { ConfigVersions } from "./config-versions.js";
import { foreign, readOwnJson } from "./own-path.js";

/** Where offered files go, and what makes the program take them. */
export interface RemoteConfigSettings {
  /** Where the program reads its configuration; made where it is missing. Absolute. */
  readonly directory: string;
  /** Where versions are kept, in `opamp-config`; nothing else in it is touched. Absolute; always the same for a directory. */
  readonly state: string;
  /** What else is the agent's own: no offered file may be written there or below. Absolute. */
  readonly ownPaths: readonly string[];
  /** Names of the user's own files that are reported before any offer has them. They are only read. */
  readonly localFiles: readonly string[];
  /**
   * Checks an offer before it is put to use: exit code 0 means that it is valid. `{directory}` in it, and OPAMP_CONFIG_DIR in
   * its environment, is the directory with the offer's files.
   */
  readonly validate: Command | undefined;
  /**
   * Has the program take the configuration in use: exit code 0 means that it did. `{directory}` in it, and OPAMP_CONFIG_DIR
   * in its environment, is `directory`; OPAMP_CONFIG_HASH is the offer's hash in hexadecimal digits, empty where none is
   * in use. Run for the old configuration too, when an offer is rolled back.
   */
  readonly command: Command | undefined;
  /** A signal that tells the program to reload; sent after `command`. */
  readonly reload: ReloadSignal | undefined;
  /** For `validate` and for `command`, each, in milliseconds. */
  readonly timeoutMs: number;
  /** Permissions of the files offered; one that takes the place of one of the user's has its mode, owner and group. */
  readonly fileMode: number;
  /** What an offer may contain. `undefined`: anything. */
  readonly allow: OfferLimits | undefined;
}

/** What is logged, and how commands are ended. */
export interface ConfigHost {
  /** Progress at level info, output of commands at debug. Default: nothing is logged. */
  readonly log?: Logger | undefined;
  /** From SIGTERM to SIGKILL for a command that is ended, in milliseconds. Default 3 000. */
  readonly graceMs?: number;
}

/** What the parts of a config directory work on. */
export interface ConfigPlace {
  readonly settings: RemoteConfigSettings;
  readonly host: ConfigHost;
  readonly versions: ConfigVersions;
  readonly links: ConfigLinks;
  /** What is under way; a file in the directory of the versions says the same. */
  trial: Trial;
}

/** @param root where versions are kept */
export function placeAt(settings: RemoteConfigSettings, host: ConfigHost, root: string): ConfigPlace {
  const { directory, state, ownPaths } = settings;
  const versions = new ConfigVersions(root);
  const links = new ConfigLinks(directory, state, ownPaths, versions.currentLink);
  return { settings, host, versions, links, trial: NO_TRIAL };
}

/** What outlives a crash of the trial under way. There is none where nothing needs to be remembered. */
export const TRIAL = "trial.json";

/**
 * The trial that is written down.
 *
 * @returns undefined where it cannot be read
 * @throws OpAMPError with `foreignStore` for what is not ours
 */
export async function readTrial(root: string): Promise<Trial | undefined> {
  const path = join(root, TRIAL);
  const read = await readOwnJson(path);
  if (read === undefined) return NO_TRIAL;
  if (read === null) return undefined;
  const { phase, from, to, hash, crashes } = isObject(read) ? read : {};
  const isTrial = typeof from === "string" && typeof to === "string" && typeof hash === "string";
  if (!isPhase(phase) || !isTrial || typeof crashes !== "number") throw foreign(path, "was not written by this agent");
  return { phase, from, to, hash, crashes };
}

export function isPhase(phase: unknown): phase is TrialPhase {
  return typeof phase === "string" && Object.hasOwn(trialTransitions, phase);
}
