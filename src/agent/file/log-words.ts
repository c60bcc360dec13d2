/** From the most talkative to the quietest. */
export const logLevels = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof logLevels)[number];

/** How the lines of a log look. */
export const logFormats = ["text", "json"] as const;
export type LogFormat = (typeof logFormats)[number];
