import type { ServerToAgent } from "../../gen/opamp/v1/opamp_pb.js";

/** Whether a message names its agent, or what its server can do. An empty one may be the answer of any web server. */
export function isOfOpAMP({ instanceUid, agentIdentification, capabilities }: ServerToAgent): boolean {
  return instanceUid.length > 0 || agentIdentification !== undefined || capabilities !== 0n;
}
