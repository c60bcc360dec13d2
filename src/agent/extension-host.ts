import type { OpAMPClientOptions } from "../client/options.js";
import type { Logger } from "../diagnostics/logger.js";
import type { ExtensionHost } from "../extension/config/from-extension-config.js";
import type { EffectiveConfigProvider } from "../extension/effective-config/reported-files.js";
import { runCommand } from "./commands/run-command.js";
import type { ConfigDirectory } from "./config-directory/config-directory.js";
import { effectiveFiles } from "./effective-files.js";
import type { AgentConfig } from "./file/agent-config.js";
import type { CommandSettings } from "./file/command-keys.js";

/** What the program calls itself where its configuration does not say. */
export interface ServiceName {
  name: string;
  version: string;
}

/** What the extension needs to know of a program that consists of files and commands. */
export interface AgentHost extends ExtensionHost {
  effectiveConfig?: EffectiveConfigProvider;
  client: Pick<OpAMPClientOptions, "remoteConfig" | "timeouts" | "heartbeat" | "backoff">;
  /** Resolves when no restart command runs. */
  settled(): Promise<void>;
}

/** For files to be written, and for what a command leaves to end. */
const SPARE_MS = 30_000;

/** Joins what the configuration says with what does it. @param stopping ends a restart command */
export function extensionHost(
  { extension, effectiveConfig, remoteConfig, availableComponents, restart, heartbeatMs, backoff }: AgentConfig,
  directory: ConfigDirectory | undefined,
  { log, service, stopping }: { log: Logger; service: ServiceName; stopping?: AbortSignal },
): AgentHost {
  let restarting: Promise<void> = Promise.resolve();

  function runRestart({ command, timeoutMs }: CommandSettings): Promise<void> {
    restarting = runCommand(command, { timeoutMs, log, signal: stopping });
    return restarting;
  }

  const files = effectiveFiles(effectiveConfig, directory, log);
  return {
    // Do not report our version as the version of the user's program.
    service: extension.resource["service.name"] === undefined ? service : { name: service.name },
    ...(files && { effectiveConfig: files }),
    ...(availableComponents && { availableComponents }),
    ...(restart && { restart: () => runRestart(restart) }),
    client: {
      backoff,
      // Polls have a key of their own, in the extension's block.
      ...(heartbeatMs !== undefined &&
        extension.server.transport === "ws" && { heartbeat: { intervalMs: heartbeatMs } }),
      ...(directory && { remoteConfig: directory.handler }),
      // Validation, the command, and the command once more where the offer is rolled back.
      ...(remoteConfig && { timeouts: { applyMs: 3 * remoteConfig.timeoutMs + SPARE_MS } }),
    },
    settled: () => restarting.catch(() => undefined),
  };
}
