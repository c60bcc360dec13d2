import { resolve } from "node:path";
import type { ExtensionConfig } from "../../extension/config/extension-config.js";
import { extensionConfigOf, openConfig, type ReadOptions } from "../../extension/config/read-extension-config.js";
import { collectorComponents } from "../../extension/description/collector-components.js";
import { limitMs } from "../../extension/reader/limit-ms.js";
import type { Need } from "../../extension/reader/reading.js";
import type { SectionReader } from "../../extension/reader/section-reader.js";
import type { Components } from "../../values/components.js";
import type { RemoteConfigSettings } from "../config-directory/config-place.js";
import { type CommandSettings, commandOf } from "./command-keys.js";
import { type EffectiveSettings, readEffectiveConfig } from "./effective-keys.js";
import { type HealthSettings, readHealth } from "./health-keys.js";
import { noteIdleKeys } from "./idle-keys.js";
import { type LogFormat, type LogLevel, logFormats, logLevels } from "./log-words.js";
import { ownFilesIn } from "./own-files.js";
import { readRemoteConfig } from "./remote-config-keys.js";

/** The configuration of `opamp agent`, checked, with its defaults in place. */
export interface AgentConfig {
  extension: ExtensionConfig;
  /** Where the agent keeps what it must not forget. Absolute. */
  stateDirectory: string;
  remoteConfig: RemoteConfigSettings | undefined;
  effectiveConfig: EffectiveSettings;
  health: HealthSettings | undefined;
  availableComponents: Components | undefined;
  /** What a restart command runs; without it the agent itself starts again. */
  restart: CommandSettings | undefined;
  /** From one message to the heartbeat after it, in milliseconds; `undefined` where the file has nothing about it. */
  heartbeatMs: number | undefined;
  /** Waits between connection attempts, in milliseconds. */
  backoff: { minMs: number; maxMs: number; spreadMs?: number };
  log: { level: LogLevel; format: LogFormat };
  /** What a run needs besides this file, such as certificates and programs. */
  needs: readonly Need[];
}

/** How the file is read. */
export interface AgentConfigOptions extends Pick<ReadOptions, "env" | "onWarning" | "platform"> {
  /** The path of the file: no offer may replace it. */
  file?: string;
}

/** The sections that are the command's own, besides the extension's. */
export const agentSections: readonly string[] = [
  "storage",
  "remote_config",
  "effective_config",
  "health",
  "available_components",
  "restart",
  "heartbeat",
  "backoff",
  "log",
];
const STATE_DIRECTORY = "/var/lib/opamp-agent";
const RESTART_MS = 30_000;
/** Half the client's longest wait: an agent is to be back soon after its server, and there is one on each machine. */
const BACKOFF = { minMs: 1_000, maxMs: 30_000 };

/**
 * Reads the file of `opamp agent`: the configuration of the Collector's extension, and sections of its own beside it.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION` about everything that is wrong, in the order of the text: for each mistake the path of
 * the key, its line, what is wrong and what would be right
 */
export function readAgentConfig(source: string, options: AgentConfigOptions = {}): AgentConfig {
  const root = openConfig(source, options);
  return root.whole(() => readSections(root, source, options));
}

function readSections(root: SectionReader, source: string, options: AgentConfigOptions): AgentConfig | undefined {
  const { platform = process.platform, file } = options;
  const restart = readSection(root, "restart", readRestart);
  const read = { platform, ignore: agentSections, ownRestart: root.has("restart") };
  const extension = root.part(() => extensionConfigOf(root, read, "agent"));
  const stateDirectory = readStorage(root.sectionOrEmpty("storage"));
  const files = ownFilesIn(source, options.env ?? process.env);
  const own = { stateDirectory, files: file === undefined ? files : [resolve(file), ...files] };
  const sections = {
    stateDirectory,
    remoteConfig: readSection(root, "remote_config", (section) => readRemoteConfig(section, platform, own)),
    effectiveConfig: readEffectiveConfig(root.sectionOrEmpty("effective_config")),
    health: readSection(root, "health", readHealth),
    availableComponents: readSection(root, "available_components", readComponents),
    restart,
    heartbeatMs: readSection(root, "heartbeat", readHeartbeat),
    backoff: readBackoff(root.sectionOrEmpty("backoff")),
    log: readLog(root.sectionOrEmpty("log")),
    needs: root.needs,
  };
  if (extension === undefined) return undefined;
  const config = { extension: extension.config, ...sections };
  noteIdleKeys(root, extension.block, config);
  return config;
}

function readSection<T>(root: SectionReader, key: string, read: (section: SectionReader) => T): T | undefined {
  const section = root.section(key);
  return section && root.part(() => read(section));
}

function readStorage(section: SectionReader): string {
  const directory = section.text("directory") ?? STATE_DIRECTORY;
  section.done({ dir: "write directory", path: "write directory" });
  if (directory === "") section.refuse("directory", "is empty", "give a directory, or remove the key");
  return resolve(directory);
}

function readRestart(section: SectionReader): CommandSettings | undefined {
  const command = commandOf(section, "command");
  const timeoutMs = limitMs(section, "timeout") ?? RESTART_MS;
  section.done({ cmd: "write command" });
  if (command === undefined)
    return section.lacks("command", "is missing", "give the command that restarts the program");
  return { command, timeoutMs };
}

function readHeartbeat(section: SectionReader): number | undefined {
  const intervalMs = limitMs(section, "interval");
  section.done();
  return intervalMs;
}

function readBackoff(section: SectionReader): AgentConfig["backoff"] {
  const [least, most, spreadMs] = [limitMs(section, "min"), limitMs(section, "max"), limitMs(section, "spread")];
  section.done();
  const minMs = least ?? Math.min(BACKOFF.minMs, most ?? BACKOFF.minMs);
  const maxMs = most ?? Math.max(BACKOFF.maxMs, minMs);
  if (minMs > maxMs) section.refuse("max", "must not be below backoff.min", "raise max, or lower min");
  return spreadMs === undefined ? { minMs, maxMs } : { minMs, maxMs, spreadMs };
}

function readComponents(section: SectionReader): Components {
  const groups = ["receivers", "processors", "exporters", "extensions", "connectors"] as const;
  const types = groups.map((group) => [group, readTypes(section, group)] as const);
  section.done();
  return collectorComponents(Object.fromEntries(types));
}

function readTypes(section: SectionReader, group: string): Readonly<Record<string, string>> | readonly string[] {
  return Array.isArray(section.value(group)) ? section.textList(group) : section.textMap(group);
}

function readLog(section: SectionReader): AgentConfig["log"] {
  const others = logLevels.filter((level) => level !== "info");
  const log = { level: section.oneOf("level", ["info", ...others]), format: section.oneOf("format", logFormats) };
  section.done();
  return log;
}
