import { type AgentConfig, readAgentConfig } from "../agent/file/agent-config.js";
import { OVERDUE_HINT, readNamedFile } from "../base/read-file.js";
import { hasCode, messageOf, OpAMPError } from "../errors.js";

/**
 * Reads the file that `--config` names.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION` where it cannot be read, or about everything that is wrong in it
 */
export async function readAgentFile(path: string, onWarning: (text: string) => void): Promise<AgentConfig> {
  let text: string;
  try {
    text = (await readNamedFile(path)).toString("utf8");
  } catch (cause) {
    const hint = hasCode(cause, "ETIMEDOUT") ? OVERDUE_HINT : "check the path given to --config";
    throw new OpAMPError("ERR_OPAMP_OPTION", `the configuration cannot be read: ${messageOf(cause)}`, { cause, hint });
  }
  return readAgentConfig(text, { onWarning, file: path });
}
