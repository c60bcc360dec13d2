/** What must be seen over each transport, in this order. */
export const STEPS = [
  "server started",
  "connected",
  "first report",
  "offer",
  "APPLYING",
  "file written",
  "APPLIED, new effective config",
  "broken offer FAILED",
  "old config kept",
  "corrected offer APPLIED",
  "server killed",
  "server restarted",
  "reconnected",
  "not applied again",
  "custom message to the agent",
  "custom message to the server",
  "agent_disconnect",
] as const;

/** The name of a step. */
export type Step = (typeof STEPS)[number];
