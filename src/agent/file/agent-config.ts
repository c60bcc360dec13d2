import { resolve } from "node:path";
import type { ExtensionConfig } from "../../extension/config/extension-config.js";
import { extensionConfigOf, openConfig, type ReadOptions } from "../../extension/config/read-extension-config.js";
import { collectorComponents } from "../../extension/description/collector-components.js";
import type { SectionReader } from "../../extension/reader/section-reader.js";
import type { Components } from "../../values/components.js";
import type { RemoteConfigSettings } from "../config-directory/config-place.js";
import { type CommandSettings, commandOf, limitMs } from "./command-keys.js";
import { type EffectiveSettings, readEffectiveConfig } from "./effective-keys.js";
import { type HealthSettings, readHealth } from "./health-keys.js";
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
  log: { level: LogLevel; format: LogFormat };
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
  "log",
];
const STATE_DIRECTORY = "/var/lib/opamp-agent";
const RESTART_MS = 30_000;

/**
 * Reads the file of `opamp agent`: the configuration of the Collector's extension, and sections of its own beside it.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION` with the path of the key, its line, what is wrong and what would be right
 */
export function readAgentConfig(source: string, options: AgentConfigOptions = {}): AgentConfig {
  const { platform = process.platform, file } = options;
  const root = openConfig(source, options);
  const restart = root.section("restart");
  const extension = extensionConfigOf(root, { platform, ignore: agentSections, ownRestart: restart !== undefined });
  const stateDirectory = readStorage(root.sectionOrEmpty("storage"));
  const files = ownFilesIn(source, options.env ?? process.env);
  const own = { stateDirectory, files: file === undefined ? files : [resolve(file), ...files] };
  const config: AgentConfig = {
    extension,
    stateDirectory,
    remoteConfig: readSection(root, "remote_config", (section) => readRemoteConfig(section, platform, own)),
    effectiveConfig: readEffectiveConfig(root.sectionOrEmpty("effective_config")),
    health: readSection(root, "health", readHealth),
    availableComponents: readSection(root, "available_components", readComponents),
    restart: restart && readRestart(restart),
    log: readLog(root.sectionOrEmpty("log")),
  };
  for (const text of idleSections(config)) options.onWarning?.(text);
  return config;
}

function readSection<T>(root: SectionReader, key: string, read: (section: SectionReader) => T): T | undefined {
  const section = root.section(key);
  return section && read(section);
}

function readStorage(section: SectionReader): string {
  const directory = section.text("directory") ?? STATE_DIRECTORY;
  section.done();
  if (directory !== "") return resolve(directory);
  throw section.wrong("directory", "is empty", "give a directory, or remove the key");
}

function readRestart(section: SectionReader): CommandSettings {
  const command = commandOf(section, "command");
  const timeoutMs = limitMs(section, "timeout") ?? RESTART_MS;
  section.done();
  if (command === undefined) throw section.wrong("command", "is missing", "give the command that restarts the program");
  return { command, timeoutMs };
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

/** What is given and has no effect, since what it belongs to is off; each as a line for an operator. */
function idleSections({ extension, effectiveConfig, ...config }: AgentConfig): string[] {
  const { capabilities, reportsRawConfig } = extension;
  const files = Object.keys(effectiveConfig.files).length > 0 ? effectiveConfig.files : undefined;
  const rows: readonly [section: string, given: unknown, isOn: boolean, key: string][] = [
    ["restart", config.restart, capabilities.acceptsRestartCommand, "capabilities.accepts_restart_command"],
    ["health", config.health, capabilities.reportsHealth, "capabilities.reports_health"],
    [
      "available_components",
      config.availableComponents,
      capabilities.reportsAvailableComponents,
      "capabilities.reports_available_components",
    ],
    ["effective_config.files", files, capabilities.reportsEffectiveConfig, "capabilities.reports_effective_config"],
    ["effective_config.raw_file", effectiveConfig.rawFile, reportsRawConfig, "reports_raw_config"],
  ];
  return rows
    .filter(([, given, isOn]) => given !== undefined && !isOn)
    .map(([section, , , key]) => `${section} is given, and is of no use without ${key}: true`);
}
