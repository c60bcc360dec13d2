import { uidText } from "../../base/bytes.js";
import { attempt } from "../../base/checks.js";
import { parseInstanceUid } from "../../base/instance-uid.js";
import type { SectionReader } from "../reader/section-reader.js";
import type { ExtensionConfig } from "./extension-config.js";
import { readServer } from "./server-keys.js";

const MOST_PID = 2 ** 31 - 1;
const PPID_POLL_INTERVAL_MS = 5_000;

/**
 * The extension's block, all but the resource.
 *
 * @param extensions where `auth` is looked up
 * @param canRestart whether there is a way to restart the program
 */
export function readBlock(
  block: SectionReader,
  extensions: SectionReader | undefined,
  canRestart: boolean,
): Omit<ExtensionConfig, "resource"> {
  const server = block.sectionOrEmpty("server");
  const config = {
    instanceUid: readInstanceUid(block),
    capabilities: readCapabilities(block.sectionOrEmpty("capabilities"), canRestart),
    reportsRawConfig: block.flag("reports_raw_config", false),
    agentDescription: readDescription(block.sectionOrEmpty("agent_description")),
    ppid: block.integer("ppid", MOST_PID),
    ppidPollIntervalMs: block.durationMs("ppid_poll_interval") ?? PPID_POLL_INTERVAL_MS,
  };
  block.done();
  if (config.ppid !== 0 && config.ppidPollIntervalMs <= 0) {
    throw block.wrong("ppid_poll_interval", "must be above 0", "write it such as 5s");
  }
  if (config.reportsRawConfig && !config.capabilities.reportsEffectiveConfig) {
    const hint = "turn on capabilities.reports_effective_config, or take this away";
    throw block.wrong("reports_raw_config", "needs the effective config to be reported", hint);
  }
  return { server: readServer(server, extensions), ...config };
}

function readCapabilities(block: SectionReader, canRestart: boolean): ExtensionConfig["capabilities"] {
  const capabilities = {
    reportsEffectiveConfig: block.flag("reports_effective_config", true),
    reportsHealth: block.flag("reports_health", true),
    reportsAvailableComponents: block.flag("reports_available_components", true),
    acceptsRestartCommand: block.flag("accepts_restart_command", false),
    reportsHeartbeat: block.flag("reports_heartbeat", false),
  };
  block.done();
  if (capabilities.acceptsRestartCommand && !canRestart) {
    const problem = "remote restart functionality is not available on the windows operating system";
    throw block.wrong("accepts_restart_command", problem, "give a restart handler of your own, or take this away");
  }
  return capabilities;
}

function readDescription(block: SectionReader): ExtensionConfig["agentDescription"] {
  const description = {
    nonIdentifyingAttributes: block.textMap("non_identifying_attributes"),
    includeResourceAttributes: block.flag("include_resource_attributes", false),
  };
  block.done();
  return description;
}

function readInstanceUid(block: SectionReader): string | undefined {
  const given = block.text("instance_uid") ?? "";
  if (given === "") return undefined;
  const uid = uidOf(given);
  if (uid !== undefined) return uid;
  const hint = "give a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057, a ULID, or remove it";
  throw block.wrong("instance_uid", "opamp instance_uid is invalid", hint);
}

/** A uid in any form, as UUID text; `undefined` for what is not a uid. */
export function uidOf(text: string): string | undefined {
  const uid = attempt(() => parseInstanceUid(text));
  return uid && uidText(uid);
}
