import { readFile } from "node:fs/promises";
import { type AgentConfig, readAgentConfig } from "../agent/file/agent-config.js";
import { messageOf, OpAMPError } from "../errors.js";

/**
 * Reads the file that `--config` names.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION` where it cannot be read, or about everything that is wrong in it
 */
export async function readAgentFile(path: string, onWarning: (text: string) => void): Promise<AgentConfig> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    const hint = "check the path given to --config";
    throw new OpAMPError("ERR_OPAMP_OPTION", `the configuration cannot be read: ${messageOf(cause)}`, { cause, hint });
  }
  return readAgentConfig(text, { onWarning, file: path });
}
