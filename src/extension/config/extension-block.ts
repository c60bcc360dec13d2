import { uidText } from "../../base/bytes.js";
import { attempt } from "../../base/checks.js";
import { parseInstanceUid } from "../../base/instance-uid.js";
import type { SectionReader } from "../reader/section-reader.js";
import type { ElsewhereKeys } from "./elsewhere-keys.js";
import type { ExtensionConfig } from "./extension-config.js";
import { readServer } from "./server-keys.js";

const MOST_PID = 2 ** 31 - 1;
const PPID_POLL_INTERVAL_MS = 5_000;

/**
 * The extension's block, all but the resource.
 *
 * @param extensions where `auth` is looked up
 * @param canRestart whether there is a way to restart the program
 * @param elsewhere advice for keys that belong somewhere else
 */
export function readBlock(
  block: SectionReader,
  extensions: SectionReader | undefined,
  canRestart: boolean,
  elsewhere: ElsewhereKeys,
): Omit<ExtensionConfig, "resource"> {
  const server = block.sectionOrEmpty("server");
  const config = {
    instanceUid: readInstanceUid(block),
    capabilities: readCapabilities(block.sectionOrEmpty("capabilities"), canRestart, elsewhere),
    reportsRawConfig: block.flag("reports_raw_config", false),
    agentDescription: readDescription(block.sectionOrEmpty("agent_description"), elsewhere),
    ppid: block.integer("ppid", MOST_PID),
    ppidPollIntervalMs: block.durationMs("ppid_poll_interval") ?? PPID_POLL_INTERVAL_MS,
  };
  block.done(elsewhere.block);
  if (config.ppid === 0) {
    if (block.has("ppid_poll_interval")) block.note("ppid_poll_interval", "has no effect without ppid");
  } else if (config.ppidPollIntervalMs <= 0) {
    block.refuse("ppid_poll_interval", "must be above 0", "write it such as 5s");
  }
  if (config.reportsRawConfig && !config.capabilities.reportsEffectiveConfig) {
    const hint = "turn on capabilities.reports_effective_config, or take this away";
    block.refuse("reports_raw_config", "needs the effective config to be reported", hint);
  }
  return { server: readServer(server, extensions, elsewhere), ...config };
}

function readCapabilities(
  block: SectionReader,
  canRestart: boolean,
  elsewhere: ElsewhereKeys,
): ExtensionConfig["capabilities"] {
  const capabilities = {
    reportsEffectiveConfig: block.flag("reports_effective_config", true),
    reportsHealth: block.flag("reports_health", true),
    reportsAvailableComponents: block.flag("reports_available_components", true),
    acceptsRestartCommand: block.flag("accepts_restart_command", false),
    reportsHeartbeat: block.flag("reports_heartbeat", false),
  };
  block.done(elsewhere.capabilities);
  if (capabilities.acceptsRestartCommand && !canRestart) {
    const problem = "remote restart functionality is not available on the windows operating system";
    block.refuse("accepts_restart_command", problem, "give a restart handler of your own, or take this away");
  }
  return capabilities;
}

function readDescription(block: SectionReader, elsewhere: ElsewhereKeys): ExtensionConfig["agentDescription"] {
  const description = {
    nonIdentifyingAttributes: block.textMap("non_identifying_attributes"),
    includeResourceAttributes: block.flag("include_resource_attributes", false),
  };
  block.done(elsewhere.description);
  return description;
}

function readInstanceUid(block: SectionReader): string | undefined {
  const given = block.text("instance_uid") ?? "";
  if (given === "") return undefined;
  const uid = uidOf(given);
  if (uid !== undefined) return uid;
  const hint = "give a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057, a ULID, or remove it";
  return block.refuse("instance_uid", "opamp instance_uid is invalid", hint);
}

/** A uid in any form, as UUID text; `undefined` for what is not a uid. */
export function uidOf(text: string): string | undefined {
  const uid = attempt(() => parseInstanceUid(text));
  return uid && uidText(uid);
}
