import type { ServerToAgentFields } from "../answer.js";

/** How one answer differs from what it would be. */
export interface Twist {
  /** Added to the answer. */
  extra?: ServerToAgentFields;
  /** Sends the finished answer, in place of the link. */
  write?: (payload: Uint8Array) => void;
  /** Done in place of any answer. */
  instead?: () => void;
}
