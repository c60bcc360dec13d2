import type { AgentConfig } from "./agent-config.js";

/** What is given and has no effect, since what it belongs to is off; each as a line for an operator. */
export function idleSections({ extension, effectiveConfig, ...config }: AgentConfig): string[] {
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
