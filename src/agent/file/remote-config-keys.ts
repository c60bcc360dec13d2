import { isAbsolute, join, relative, resolve } from "node:path";
import { limitMs } from "../../extension/reader/limit-ms.js";
import type { SectionReader } from "../../extension/reader/section-reader.js";
import { type ReloadSignal, signalNamed } from "../commands/signal-process.js";
import type { RemoteConfigSettings } from "../config-directory/config-place.js";
import { problemOfName } from "../config-directory/offered-files.js";
import { realPathOf } from "../real-path.js";
import { readAllow } from "./allow-keys.js";
import { commandOf } from "./command-keys.js";

const TIMEOUT_MS = 30_000;
/** In place of a path that is wrong. */
const NOWHERE = "/dev/null";
const FILE_MODE = 0o640;
const OCTAL = 8;
const DIRECTORY = "give the directory that the program reads its configuration from";
const MODE = 'write them in quotes, such as "0640"';

/**
 * The section `remote_config`.
 *
 * @param own what else the agent has on disk: its storage, the file that this is in, and those that it names
 */
export function readRemoteConfig(
  section: SectionReader,
  platform: NodeJS.Platform,
  { stateDirectory, files }: { stateDirectory: string; files: readonly string[] },
): RemoteConfigSettings {
  if (platform === "win32") {
    const hint = "remove it, or run the agent on another system";
    throw section.wrong(undefined, "cannot change a configuration as a whole on Windows", hint);
  }
  const given = section.needText("directory", "is missing", DIRECTORY);
  const directory = readPath(section, "directory", given, DIRECTORY);
  const state = readState(section, directory);
  for (const [key, path] of Object.entries({ directory, state_directory: state })) {
    if (realPathOf(path) !== realPathOf(stateDirectory)) continue;
    section.refuse(key, "must not be storage.directory", "give each a directory of its own");
  }
  const settings = {
    directory,
    state,
    ownPaths: [stateDirectory, ...files],
    localFiles: readNames(section),
    validate: commandOf(section, "validate_command"),
    command: commandOf(section, "command"),
    reload: readReload(section),
    timeoutMs: limitMs(section, "timeout") ?? TIMEOUT_MS,
    fileMode: readMode(section),
    allow: readAllow(section, directory),
  };
  section.done();
  return settings;
}

function readState(section: SectionReader, directory: string): string {
  const given = section.text("state_directory");
  if (given === undefined) return join(directory, ".opamp");
  const hint = "give a directory inside it or elsewhere, or remove the key";
  const state = readPath(section, "state_directory", given, hint);
  const inside = relative(realPathOf(state), realPathOf(directory));
  if (!inside.startsWith("..") && !isAbsolute(inside)) {
    section.refuse("state_directory", "must not be remote_config.directory, nor around it", hint);
  }
  return state;
}

function readPath(section: SectionReader, key: string, given: string, hint: string): string {
  if (given !== "" && !given.includes("\0")) return resolve(given);
  section.refuse(key, "must be the path of a directory", hint);
  return NOWHERE;
}

function readNames(section: SectionReader): readonly string[] {
  const names = section.textList("local_files");
  const hint = "give names of files in remote_config.directory";
  for (const [index, name] of names.entries()) {
    const problem = problemOfName(name);
    if (problem !== undefined) section.refuse(["local_files", index], problem, hint);
  }
  return names;
}

function readReload(section: SectionReader): ReloadSignal | undefined {
  const name = section.text("reload_signal");
  const pidFile = section.text("pid_file");
  if (name === undefined) {
    if (pidFile === undefined) return undefined;
    return section.refuse("pid_file", "belongs to reload_signal", "give reload_signal: SIGHUP too, or remove it");
  }
  if (pidFile === undefined || pidFile === "") {
    section.lacks("pid_file", "is missing", "give the file with the process id that reload_signal is sent to");
  }
  const signal = signalNamed(name);
  if (signal !== undefined) return { signal, pidFile: pidFile ?? "" };
  return section.refuse("reload_signal", "must be the name of a signal", "write it such as SIGHUP");
}

/** Written as in a shell, and in quotes: without them YAML takes 0640 for a decimal number and 0o640 for 416. */
function readMode(section: SectionReader): number {
  const given = section.text("file_mode");
  if (given === undefined) return FILE_MODE;
  const digits = /^(?:0o?)?([0-7]{3})$/.exec(given)?.[1];
  const mode = Number.parseInt(digits ?? "", OCTAL);
  if (digits === undefined) section.refuse("file_mode", "must be permissions such as 0640", MODE);
  else if ((mode & 0o400) === 0) section.refuse("file_mode", "must be permissions with which the owner can read", MODE);
  return mode;
}
