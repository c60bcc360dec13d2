import { withoutUndefined, wrongOption } from "../../base/checks.js";
import type { Handlers, OpAMPClientOptions } from "../../client/options.js";
import { type AttributeSource, type Attributes, attributesOf } from "../../values/attributes.js";
import type { Components } from "../../values/components.js";
import { describeService, type ServiceDescription } from "../description/describe-service.js";
import { withoutRaw } from "../effective-config/effective-config.js";
import { restartBySignal } from "../restart-by-signal.js";
import type { ExtensionConfig } from "./extension-config.js";
import { type ReadOptions, readExtensionConfig } from "./read-extension-config.js";

/** What the program has to say that its configuration cannot. */
export interface ExtensionHost extends Pick<ReadOptions, "env" | "ignore" | "onWarning"> {
  /** What the program calls itself, where no resource attribute does: `service.name` and `service.version`. */
  service?: NonNullable<ServiceDescription["service"]> | undefined;
  /** Attributes of the program's own resource, over those of `service.telemetry.resource` in the same file. */
  resource?: AttributeSource | undefined;
  /** What is detected of host and process. Default: {@link hostAttributes}; add `processAttributes()` where it is wanted. */
  detected?: AttributeSource | undefined;
  /** The configuration in use; without it there is nothing for `reports_effective_config` to report. */
  effectiveConfig?: NonNullable<Handlers["effectiveConfig"]> | undefined;
  /** What the program is built of; without it there is nothing for `reports_available_components` to report. */
  availableComponents?: Components | undefined;
  /** What a restart command does, with `accepts_restart_command`. Default: {@link restartBySignal}. */
  restart?: NonNullable<Handlers["restart"]> | undefined;
}

/**
 * The options of a client that behaves as the Collector's OpAMP extension does with this configuration. Spread them to
 * add what the extension has no words for: `{ ...fromExtensionConfig(yaml, host), store, remoteConfig }`.
 *
 * @param config YAML text or an object: a whole Collector file, its `extensions`, or the bare block; or what
 * `readExtensionConfig` returned, which is not read again
 * @throws OpAMPError `ERR_OPAMP_OPTION` naming the key, what is wrong with it and what would be right
 */
export function fromExtensionConfig(config: string | object, host: ExtensionHost = {}): OpAMPClientOptions {
  return optionsFrom(readForHost(config, host), host);
}

/** The configuration as the host wants it read; one that `readExtensionConfig` returned is not read again. */
export function readForHost(config: string | object, host: ExtensionHost): ExtensionConfig {
  if (isExtensionConfig(config)) return config;
  const { env, ignore, onWarning, restart } = host;
  const options = withoutUndefined<ReadOptions>({ env, ignore, onWarning, ownRestart: restart !== undefined });
  return readExtensionConfig(config, options);
}

/** Files spell these keys `agent_description` and `ppid_poll_interval`. */
function isExtensionConfig(config: string | object): config is ExtensionConfig {
  return typeof config === "object" && "agentDescription" in config && "ppidPollIntervalMs" in config;
}

/** The client's options from a configuration that has been read. */
export function optionsFrom(config: ExtensionConfig, host: ExtensionHost): OpAMPClientOptions {
  const { server, capabilities, agentDescription, connectionSettings } = config;
  const { service, detected, effectiveConfig, availableComponents, restart = restartBySignal() } = host;
  const resource = { ...config.resource, ...attributesOf(host.resource ?? {}, "resource") };
  const instanceUid = config.instanceUid ?? ownInstanceId(resource);
  if (service?.name === undefined && resource["service.name"] === undefined) {
    const problem = "is missing; give what the program is called, or service.name in service.telemetry.resource";
    throw wrongOption("service.name", problem);
  }
  return {
    url: server.endpoint,
    headers: server.auth === undefined ? [server.headers] : [server.headers, server.auth],
    description: describeService({
      resource,
      nonIdentifying: agentDescription.nonIdentifyingAttributes,
      includeResourceAttributes: agentDescription.includeResourceAttributes,
      ...(service && { service }),
      ...(detected && { host: detected }),
    }),
    withhold: capabilities.reportsHeartbeat ? [] : ["reportsHeartbeat"],
    ...(server.tls && { tls: server.tls }),
    ...(connectionSettings && { connectionSettings }),
    ...(server.pollingIntervalMs !== undefined && { heartbeat: { intervalMs: server.pollingIntervalMs } }),
    ...(instanceUid !== undefined && { instanceUid }),
    ...(capabilities.reportsHealth && { health: { healthy: false } }),
    ...(capabilities.reportsEffectiveConfig &&
      effectiveConfig && { effectiveConfig: config.reportsRawConfig ? effectiveConfig : withoutRaw(effectiveConfig) }),
    ...(capabilities.reportsAvailableComponents && availableComponents && { availableComponents }),
    ...(capabilities.acceptsRestartCommand && { restart }),
  };
}

/** As there, a resource that names the instance names the agent. */
function ownInstanceId({ "service.instance.id": id }: Attributes): string | undefined {
  return typeof id === "string" && id !== "" ? id : undefined;
}
