import type { ExtensionConfig } from "../../extension/config/extension-config.js";
import type { SectionReader } from "../../extension/reader/section-reader.js";
import type { RemoteConfigSettings } from "../config-directory/config-place.js";
import type { EffectiveSettings } from "./effective-keys.js";

/** What keys depend on. */
interface Settings {
  readonly extension: ExtensionConfig;
  readonly remoteConfig: RemoteConfigSettings | undefined;
  readonly effectiveConfig: EffectiveSettings;
  readonly availableComponents: unknown;
}

/** A key, and the section that it is in: of the whole file, or of the extension's block. */
type Place = readonly [block: "file" | "extension", section: string | undefined, key: string];

/** What is given, and the reason for which it changes nothing where the condition holds. */
type Row = readonly [place: Place, hasNoEffect: boolean, reason: string];

/** Warns of every key that is right and changes nothing, since what it belongs to is off. */
export function noteIdleKeys(root: SectionReader, block: SectionReader, config: Settings): void {
  const { capabilities, reportsRawConfig, server } = config.extension;
  const { remoteConfig, effectiveConfig, availableComponents } = config;
  const hasFiles = Object.keys(effectiveConfig.files).length > 0;
  const isReported = remoteConfig !== undefined || hasFiles || effectiveConfig.rawFile !== undefined;
  const runsCommand = remoteConfig?.command !== undefined || remoteConfig?.validate !== undefined;
  const needs = (key: string) => `has no effect without ${key}: true`;

  const rows: readonly Row[] = [
    [
      ["file", undefined, "restart"],
      !capabilities.acceptsRestartCommand,
      needs("capabilities.accepts_restart_command"),
    ],
    [["file", undefined, "health"], !capabilities.reportsHealth, needs("capabilities.reports_health")],
    [
      ["file", undefined, "available_components"],
      !capabilities.reportsAvailableComponents,
      needs("capabilities.reports_available_components"),
    ],
    [
      ["file", "effective_config", "files"],
      !capabilities.reportsEffectiveConfig,
      needs("capabilities.reports_effective_config"),
    ],
    [["file", "effective_config", "raw_file"], !reportsRawConfig, needs("reports_raw_config")],
    [["file", "effective_config", "redact"], !isReported, "has no effect: no file is reported"],
    [["file", "remote_config", "timeout"], !runsCommand, "has no effect without command or validate_command"],
    [
      ["file", "heartbeat", "interval"],
      server.transport === "http",
      "has no effect: polling_interval counts over http",
    ],
    [
      ["file", "heartbeat", "interval"],
      server.transport === "ws" && !capabilities.reportsHeartbeat,
      needs("capabilities.reports_heartbeat"),
    ],
    [
      ["extension", "capabilities", "reports_effective_config"],
      capabilities.reportsEffectiveConfig && !isReported,
      "has no effect: name files in effective_config.files, or give remote_config",
    ],
    [
      ["extension", "capabilities", "reports_available_components"],
      capabilities.reportsAvailableComponents && availableComponents === undefined,
      "has no effect without the section available_components",
    ],
    [
      ["extension", undefined, "reports_raw_config"],
      reportsRawConfig && effectiveConfig.rawFile === undefined,
      "has no effect without effective_config.raw_file",
    ],
  ];
  for (const [[where, name, key], hasNoEffect, reason] of rows) {
    const top = where === "file" ? root : block;
    const section = name === undefined ? top : top.section(name);
    if (hasNoEffect && section?.has(key) === true) section.note(key, reason);
  }
}
