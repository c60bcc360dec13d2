import { configDirectory } from "../agent/config-directory/config-directory.js";
import { extensionHost, type ServiceName } from "../agent/extension-host.js";
import type { AgentConfig } from "../agent/file/agent-config.js";
import { firstReport } from "../agent/first-report.js";
import { factsOf } from "../client/connection/connection-facts.js";
import { capabilityNames, has } from "../core/capabilities.js";
import type { Logger } from "../diagnostics/logger.js";
import { messageOutline } from "../diagnostics/message-outline.js";
import { errorLine } from "../diagnostics/one-line.js";
import { createRedactor } from "../diagnostics/redactor.js";
import { fromExtensionConfig } from "../extension/config/from-extension-config.js";
import { peekState, peekStore } from "../store/peek-store.js";
import type { StoredState } from "../store/store.js";
import { proxyHostFor } from "../transport/proxy/proxy.js";
import { sourcesOf } from "../transport/settings/headers.js";
import { parseEndpoint, shownUrl } from "../transport/url/endpoint.js";
import type { Finding } from "./doctor/diagnosis.js";
import { type SettingsInForce, settingsChecks, settingsInForce } from "./doctor/settings-in-force.js";
import { fileWords } from "./surface-words.js";

/** What an agent would send and do, without secrets. */
export interface DryRun {
  server: string;
  /** Host and port, of the environment too; absent where there is none. */
  proxy?: string;
  /** Absent where the server may change nothing, and has changed nothing. */
  connection?: DryRunConnection;
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

/** What an agent connects with, where its server may change that. */
export interface DryRunConnection {
  /** In plain words, as `opamp doctor` has it. */
  source: string;
  /** Since when the server's settings count, in ISO 8601; absent while the file's count. */
  since?: string;
  /** The end of the client certificate, in ISO 8601, where its text is known here. */
  certificateUntil?: string;
  /** What else is to be said: what is on trial, what will be put aside, and why. */
  notes: readonly string[];
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
  const inForce = await settingsInForce(config);
  const store = { ...peekStore(stateDirectory), load: () => knownState(stateDirectory, inForce) };
  const report = await firstReport({ ...options, store });
  const files = Object.entries(report.effectiveConfig?.configMap?.configMap ?? {});
  const { endpoint = extension.server.endpoint, headers = extension.server.headers } = overFile(inForce);
  const proxy = proxyHostFor(parseEndpoint(endpoint).url, inForce?.settings.proxy ?? "env");
  return {
    server: redactor.text(shownUrl(endpoint)),
    ...(proxy !== undefined && { proxy: redactor.text(proxy) }),
    ...(inForce && { connection: connectionOf(inForce, redactor.text) }),
    headers: Object.keys(headers),
    stateDirectory,
    ...(remoteConfig && { configDirectory: remoteConfig.directory }),
    capabilities: capabilityNames.filter((name) => has(report.capabilities, name)),
    firstReport: messageOutline(report, redactor),
    effectiveConfig: Object.fromEntries(files.map(([name, { body }]) => [name, new TextDecoder().decode(body)])),
  };
}

/** What a run would report of an earlier one: nothing of settings that it would put aside. */
async function knownState(directory: string, inForce: SettingsInForce | undefined): Promise<StoredState | undefined> {
  // What is in force, or on trial, changes nothing in the report itself.
  const { connection: _, connectionSettings, ...state } = (await peekState(directory)) ?? {};
  return inForce === undefined || inForce.isUnused || inForce.putAside !== undefined
    ? state
    : { ...state, connectionSettings };
}

/** The settings of the server that take the place of those in the file. */
function overFile(inForce: SettingsInForce | undefined) {
  if (inForce?.sinceMs === undefined) return {};
  const { endpoint, headers } = inForce.settings;
  const named = sourcesOf(headers).filter((source) => typeof source !== "function");
  return { endpoint: endpoint.url.href, headers: Object.assign({}, ...named) as Record<string, string> };
}

function connectionOf(inForce: SettingsInForce, redact: (text: string) => string): DryRunConnection {
  const { sinceMs, settings } = inForce;
  const { certificate } = factsOf(settings);
  const [source = "", ...notes] = settingsChecks(inForce, Date.now()).map((check) => redact(findingText(check)));
  return {
    source,
    ...(sinceMs !== undefined && { since: new Date(sinceMs).toISOString() }),
    ...(certificate && { certificateUntil: certificate.validUntil.toISOString() }),
    notes,
  };
}

function findingText(check: () => Finding): string {
  try {
    const { detail, warning, hint } = check();
    return fileWords(warning === undefined ? detail : `${detail}; ${warning} (${hint})`);
  } catch (error) {
    return fileWords(errorLine(error));
  }
}

/** As lines for a person. */
export function dryRunText({ firstReport: report, effectiveConfig, connection, ...rest }: DryRun): string {
  const told = connection === undefined ? [] : [connection.source, ...connection.notes];
  const lines = [
    `server            ${rest.server}`,
    ...(rest.proxy === undefined ? [] : [`proxy             ${rest.proxy}`]),
    ...told.map((text, index) => `${(index === 0 ? "connection" : "").padEnd(18)}${text}`),
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
