/** What must be seen over each transport, in this order. */
export const SETTINGS_STEPS = [
  "servers started",
  "connected",
  "token rotated",
  "old token revoked",
  "moved to the second server",
  "broken offer rolled back",
  "certificate asked for",
  "certificate used",
  "restarted on the second server",
  "disconnected",
] as const;

/** The name of a step. */
export type SettingsStep = (typeof SETTINGS_STEPS)[number];
