import { messageOf, type OpAMPError } from "../../errors.js";
import type { SectionReader } from "../../extension/reader/section-reader.js";
import { type ConfigDirectoryOptions, readConfigOptions } from "../config-directory/config-options.js";
import { commandOf, limitMs } from "./command-keys.js";

const OCTAL = 8;

/** How the options are called in the file. */
const KEYS = {
  directory: "directory",
  state: "state_directory",
  localFiles: "local_files",
  validate: "validate_command",
  command: "command",
  reload: "reload_signal",
  timeoutMs: "timeout",
  fileMode: "file_mode",
} as const satisfies Record<keyof Omit<ConfigDirectoryOptions, "log">, string>;

/** The section `remote_config`: where offered files go, and what makes the program take them. */
export function readRemoteConfig(section: SectionReader): Omit<ConfigDirectoryOptions, "log"> {
  const hint = "give the directory that the program reads its configuration from";
  const directory = section.needText("directory", "is missing", hint);
  const state = section.text("state_directory");
  const localFiles = section.textList("local_files");
  const validate = commandOf(section, "validate_command");
  const command = commandOf(section, "command");
  const reload = readReload(section);
  const timeoutMs = limitMs(section, "timeout");
  const fileMode = readMode(section);
  section.done();
  const options = { directory, state, localFiles, validate, command, reload, timeoutMs, fileMode };
  try {
    readConfigOptions(options, {});
  } catch (cause) {
    throw inWordsOfFile(section, cause);
  }
  return options;
}

/** The same error with the path of the key. */
function inWordsOfFile(section: SectionReader, cause: unknown): OpAMPError {
  const [, option, item, problem = messageOf(cause)] =
    /^configDirectory(?:\.(\w+))?(?:\[(\d+)\])?[\w.]*: (.*)$/s.exec(messageOf(cause)) ?? [];
  if (option === undefined) throw section.wrong(undefined, problem, "take it away, or run the agent on another system");
  const hint = "correct the key named in the message";
  const key = Object.entries(KEYS).find(([name]) => name === option)?.[1];
  return section.wrong(key, item === undefined ? problem : `item ${Number(item) + 1} ${problem}`, hint);
}

function readReload(section: SectionReader): ConfigDirectoryOptions["reload"] {
  const signal = section.text("reload_signal");
  const pidFile = section.text("pid_file");
  if (signal === undefined) {
    if (pidFile === undefined) return undefined;
    throw section.wrong("pid_file", "belongs to reload_signal", "give reload_signal: SIGHUP too, or take it away");
  }
  if (pidFile !== undefined && pidFile !== "") return { signal, pidFile };
  throw section.wrong("pid_file", "is missing", "give the file with the process id that reload_signal is sent to");
}

/** Written as in a shell, and in quotes: without them YAML takes 0640 for a decimal number and 0o640 for 416. */
function readMode(section: SectionReader): number | undefined {
  const given = section.text("file_mode");
  if (given === undefined) return undefined;
  const digits = /^(?:0o?)?([0-7]{3})$/.exec(given)?.[1];
  if (digits !== undefined) return Number.parseInt(digits, OCTAL);
  throw section.wrong("file_mode", "is no permissions", 'write them in quotes, such as "0640"');
}
