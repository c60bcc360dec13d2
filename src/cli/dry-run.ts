import { configDirectory } from "../agent/config-directory/config-directory.js";
import { extensionHost, type ServiceName } from "../agent/extension-host.js";
import type { AgentConfig } from "../agent/file/agent-config.js";
import { firstReport } from "../agent/first-report.js";
import { capabilityNames, has } from "../core/capabilities.js";
import type { Logger } from "../diagnostics/logger.js";
import { messageOutline } from "../diagnostics/message-outline.js";
import { createRedactor } from "../diagnostics/redactor.js";
import { fromExtensionConfig } from "../extension/config/from-extension-config.js";
import { peekState } from "../store/state-directory.js";
import { shownUrl } from "../transport/url/endpoint.js";

/** What an agent would send and do, without secrets. */
export interface DryRun {
  server: string;
  /** The names of the headers; those of an auth extension are made when they are needed. */
  headers: readonly string[];
  stateDirectory: string;
  /** Where offered configuration would go. */
  configDirectory?: string;
  capabilities: readonly string[];
  firstReport: Record<string, unknown>;
  /** The files of the effective config in that report, by name. */
  effectiveConfig: Readonly<Record<string, string>>;
}

/** Makes the first report of an agent; nothing is written, run or sent. */
export async function dryRun(config: AgentConfig, log: Logger, service: ServiceName): Promise<DryRun> {
  const { extension, remoteConfig, stateDirectory } = config;
  const directory = remoteConfig && configDirectory(remoteConfig, { log });
  const host = extensionHost(config, directory, { log, service });
  const options = { ...fromExtensionConfig(extension, host), ...host.client };
  // Without checks there is nothing to wait for.
  if (options.health !== undefined && config.health === undefined) options.health = { healthy: true };
  const redactor = createRedactor();
  const state = await peekState(stateDirectory);
  const report = await firstReport({ ...options, store: { load: () => state, save: () => undefined } });
  const files = Object.entries(report.effectiveConfig?.configMap?.configMap ?? {});
  return {
    server: redactor.text(shownUrl(extension.server.endpoint)),
    headers: Object.keys(extension.server.headers),
    stateDirectory,
    ...(remoteConfig && { configDirectory: remoteConfig.directory }),
    capabilities: capabilityNames.filter((name) => has(report.capabilities, name)),
    firstReport: messageOutline(report, redactor),
    effectiveConfig: Object.fromEntries(files.map(([name, { body }]) => [name, new TextDecoder().decode(body)])),
  };
}

/** As lines for a person. */
export function dryRunText({ firstReport: report, effectiveConfig, ...rest }: DryRun): string {
  const lines = [
    `server            ${rest.server}`,
    `headers           ${rest.headers.join(", ") || "none"}`,
    `state directory   ${rest.stateDirectory}`,
    `config directory  ${rest.configDirectory ?? "none: remote configuration is not accepted"}`,
    `capabilities      ${rest.capabilities.join(", ")}`,
    `first report      ${JSON.stringify(report, undefined, 2)}`,
  ];
  for (const [name, text] of Object.entries(effectiveConfig)) {
    lines.push(`effective config ${JSON.stringify(name)}`, text.replaceAll(/^/gm, "  ").trimEnd());
  }
  return lines.join("\n");
}
