/** What an agent needs from its server. */
export interface AgentHome {
  /** The endpoint to offer to an agent that has not been heard of. */
  readonly url: string;
  /** Makes the agent known under one more uid. */
  claim(uid: Uint8Array): void;
}
