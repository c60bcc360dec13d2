import { isAbsolute, join, relative, resolve } from "node:path";
import { checkFunctions, durations, refuseUnknown } from "../../base/checks.js";
import { isOptions, kindOf, member, wrongOption } from "../../base/option-path.js";
import type { Logger } from "../../diagnostics/logger.js";
import { OpAMPError } from "../../errors.js";
import { type Command, checkCommand } from "../commands/command.js";
import { checkReloadSignal, type ReloadSignal } from "../commands/signal-process.js";
import { problemOfName } from "./offered-files.js";

/** How a {@link configDirectory} is set up. */
export interface ConfigDirectoryOptions {
  /** Where the program reads its configuration; made where it is missing. */
  directory: string;
  /**
   * Where the versions are kept, in `opamp-config`; nothing else in it is touched. Default: `.opamp` inside `directory`;
   * elsewhere if the program minds hidden directories.
   * Always the same for the same `directory`.
   */
  state?: string | undefined;
  /**
   * Names of the user's own files that belong to the effective config before any offer names them. They are only read.
   * Default: none, as there may be anything in the directory.
   */
  localFiles?: readonly string[] | undefined;
  /**
   * Checks an offer before it is put to use: exit code 0 means that it is valid. `{directory}` in it, and OPAMP_CONFIG_DIR in
   * its environment, is the directory with the offer's files.
   */
  validate?: Command | undefined;
  /**
   * Has the program take the configuration in use: exit code 0 means that it did. `{directory}` in it, and OPAMP_CONFIG_DIR
   * in its environment, is `directory`; OPAMP_CONFIG_HASH is the offer's hash in hexadecimal digits, empty where none is
   * in use. Called for the old configuration too, when an offer is taken back.
   */
  command?: Command | undefined;
  /** A signal that has the program take the configuration; sent after `command`. */
  reload?: ReloadSignal | undefined;
  /** For `validate` and for `command`, each, in milliseconds. Default 30 000. */
  timeoutMs?: number | undefined;
  /**
   * Permissions of the files offered, such as 0o640. A file that takes the place of one of the user's has its mode, owner
   * and group; others have the group of `directory`, as far as the agent may give it. Default 0o640.
   */
  fileMode?: number | undefined;
  /** Progress at level info, output of commands at debug. Default: nothing is logged. */
  log?: Logger | undefined;
}

/** What the agent runs on. */
export interface ConfigHost {
  /** Default: that of this process. */
  platform?: NodeJS.Platform;
  /** From SIGTERM to SIGKILL for a command that is ended, in milliseconds. Default 3 000. */
  graceMs?: number;
  /**
   * Keeps others from using the same versions, which are in the directory that it is called with, or throws. Default: the
   * caller sees to that.
   */
  lock?: (state: string) => Promise<ConfigLock>;
}

/** A directory that nobody else uses. */
export interface ConfigLock {
  /** Whether others can still see that it is taken; not where somebody removed the directory. */
  isVisible(): Promise<boolean>;
  release(): Promise<void>;
}

/** The options, checked, with the defaults in place. */
export interface ConfigSettings {
  readonly directory: string;
  readonly state: string;
  readonly localFiles: readonly string[];
  readonly validate: Command | undefined;
  readonly command: Command | undefined;
  readonly reload: ReloadSignal | undefined;
  readonly timeoutMs: number;
  readonly graceMs: number;
  readonly fileMode: number;
  readonly log: Logger | undefined;
}

const KEYS = {
  directory: true,
  state: true,
  localFiles: true,
  validate: true,
  command: true,
  reload: true,
  timeoutMs: true,
  fileMode: true,
  log: true,
} as const satisfies Record<keyof ConfigDirectoryOptions, true>;

const TIMES = { timeoutMs: 30_000 };
const GRACE_MS = 3_000;
const FILE_MODE = 0o640;
const STATE = ".opamp";

/** @throws OpAMPError `ERR_OPAMP_OPTION` */
export function readConfigOptions(options: ConfigDirectoryOptions, host: ConfigHost): ConfigSettings {
  if (!isOptions(options)) throw wrongOption("configDirectory", `must be an object, not ${kindOf(options)}`);
  refuseUnknown("configDirectory", options, KEYS);
  if ((host.platform ?? process.platform) === "win32") {
    throw new OpAMPError("ERR_OPAMP_OPTION", "configDirectory: cannot change a configuration as a whole on Windows", {
      hint: "give `remoteConfig` a handler of your own, whose `apply` writes the files and restarts the program",
    });
  }
  const directory = path("directory", options.directory);
  const state = options.state === undefined ? join(directory, STATE) : path("state", options.state);
  const inside = relative(state, directory);
  if (!inside.startsWith("..") && !isAbsolute(inside)) {
    throw wrongOption("configDirectory.state", "must not be `directory`, nor a directory around it");
  }
  const { validate, command, reload, timeoutMs, fileMode = FILE_MODE, log } = options;
  if (validate !== undefined) checkCommand("configDirectory.validate", validate);
  if (command !== undefined) checkCommand("configDirectory.command", command);
  if (reload !== undefined) checkReloadSignal("configDirectory.reload", reload);
  if (!Number.isInteger(fileMode) || fileMode < 0o400 || fileMode > 0o777 || (fileMode & 0o400) === 0) {
    throw wrongOption("configDirectory.fileMode", "must be permissions with which the owner can read, such as 0o640");
  }
  checkFunctions("configDirectory.log", log, ["debug", "info", "warn", "error"]);
  return {
    directory,
    state,
    localFiles: readNames(options.localFiles),
    validate,
    command,
    reload,
    timeoutMs: durations("configDirectory", timeoutMs === undefined ? undefined : { timeoutMs }, TIMES).timeoutMs,
    graceMs: host.graceMs ?? GRACE_MS,
    fileMode,
    log,
  };
}

function readNames(given: unknown): readonly string[] {
  if (given === undefined) return [];
  const where = "configDirectory.localFiles";
  if (!Array.isArray(given)) throw wrongOption(where, `must be a list of names, not ${kindOf(given)}`);
  return given.map((name: unknown, index) => {
    if (typeof name !== "string") throw wrongOption(member(where, index), `must be a name, not ${kindOf(name)}`);
    const problem = problemOfName(name);
    if (problem !== undefined) throw wrongOption(member(where, index), problem);
    return name;
  });
}

function path(key: string, given: unknown): string {
  if (given === undefined) throw wrongOption(`configDirectory.${key}`, "is missing; give the path of a directory");
  if (typeof given !== "string" || given === "" || given.includes("\0")) {
    throw wrongOption(`configDirectory.${key}`, "must be the path of a directory");
  }
  return resolve(given);
}
