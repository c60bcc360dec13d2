import { type LogFormat, type LogLevel, logLevels } from "../agent/file/log-words.js";
import type { LogFields, Logger } from "../diagnostics/logger.js";
import { oneLine } from "../diagnostics/one-line.js";
import { createRedactor } from "../diagnostics/redactor.js";
import { fileWords } from "./surface-words.js";

/** Where lines go, and what they look like. */
export interface AgentLogOptions {
  format: LogFormat;
  /** Less important lines are left out. */
  level: LogLevel;
  write(line: string): void;
  /** Milliseconds since the Unix epoch. Default: the system's. */
  wallNow?: () => number;
}

/** Of a hash, in text. */
const SHOWN_DIGITS = 8;
/** The names of the fields, as lines have them. */
const FIELDS = {
  code: "code",
  instanceUid: "instance_uid",
  hash: "hash",
  endpoint: "endpoint",
} as const satisfies Record<keyof LogFields, string>;

/**
 * Log lines for an operator: `2026-01-31T12:00:00.000Z INFO  text`, or one JSON object with `time`, `level` and `message`.
 * Fields are members of that, or follow the text as `name=value` where it does not have the value. A line is one line,
 * whatever is in it, has the words of the agent's file for what the client calls otherwise, and shows no secrets.
 */
export function agentLog({ format, level, write, wallNow = Date.now }: AgentLogOptions): Logger {
  const { text: withoutSecrets } = createRedactor();
  const least = logLevels.indexOf(level);

  function entry(of: LogLevel, message: string, fields: LogFields = {}): void {
    if (logLevels.indexOf(of) < least) return;
    const time = new Date(wallNow()).toISOString();
    const text = oneLine(of === "debug" ? message : fileWords(message), withoutSecrets);
    const given = Object.entries(FIELDS).flatMap(([key, name]) => {
      const value = fields[key as keyof LogFields];
      return value === undefined || value === "" ? [] : [[name, value] as const];
    });
    if (format === "json")
      return write(JSON.stringify({ time, level: of, message: text, ...Object.fromEntries(given) }));
    const short = given.map(([name, value]) => [name, name === "hash" ? value.slice(0, SHOWN_DIGITS) : value] as const);
    const more = short.filter(([, value]) => !text.includes(value)).map(([name, value]) => ` ${name}=${value}`);
    write(`${time} ${of.toUpperCase().padEnd("ERROR".length)} ${text}${more.join("")}`);
  }

  return {
    debug: (message) => entry("debug", message),
    info: (message) => entry("info", message),
    warn: (message) => entry("warn", message),
    error: (message) => entry("error", message),
    entry,
  };
}
