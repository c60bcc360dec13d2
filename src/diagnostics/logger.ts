import { OpAMPError } from "../errors.js";
import { errorLine } from "./one-line.js";

/** How important a line is. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** What a log line is about, for a log that has fields. */
export interface LogFields {
  /** Of an error, one of the codes of `OpAMPError`; or of a warning. */
  readonly code?: string | undefined;
  /** Which agent it is. */
  readonly instanceUid?: string | undefined;
  /** Of an offer, in hexadecimal digits. */
  readonly hash?: string | undefined;
  /** Of the connection in force: the server's URL, without query. */
  readonly endpoint?: string | undefined;
}

/** Where log lines go; a `console`, a pino or a winston logger fits. */
export interface Logger {
  /** For those who look into the protocol. */
  debug(message: string): void;
  /** What an operator may want to know. */
  info(message: string): void;
  /** What an operator should look at. */
  warn(message: string): void;
  /** What needs somebody to act. */
  error(message: string): void;
  /** Called instead of the others where it is there, with what the line is about as fields. Default: fields are left out. */
  entry?(level: LogLevel, message: string, fields: LogFields): void;
}

/** Writes a line with its fields where the logger takes them. @returns what the logger returned */
export function writeEntry(logger: Logger, level: LogLevel, message: string, fields: LogFields): unknown {
  return logger.entry === undefined ? logger[level](message) : logger.entry(level, message, fields);
}

/** A logger that adds fields to each line. */
export function withFields(logger: Logger, fields: () => LogFields): Logger {
  const entry = (level: LogLevel, message: string, more: LogFields = {}): void =>
    void writeEntry(logger, level, message, { ...fields(), ...more });
  return {
    debug: (message) => entry("debug", message),
    info: (message) => entry("info", message),
    warn: (message) => entry("warn", message),
    error: (message) => entry("error", message),
    entry,
  };
}

/** Writes what went wrong, what to do about it, and its code. @param before begins the line */
export function logError(logger: Logger, level: LogLevel, error: unknown, before = ""): void {
  const code = error instanceof OpAMPError ? error.code : undefined;
  writeEntry(logger, level, `${before}${errorLine(error)}${codeText(code)}`, { code });
}

/** The end of a line about an error. */
export function codeText(code: string | undefined): string {
  return code === undefined ? "" : ` (${code})`;
}
