import { type LogFormat, type LogLevel, logLevels } from "../agent/file/log-words.js";
import type { Logger } from "../diagnostics/logger.js";
import { oneLine } from "../diagnostics/one-line.js";

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

/**
 * Log lines for an operator: `2026-01-31T12:00:00.000Z INFO  text`, or one JSON object with `time`, `level` and `message`.
 * A line is one line, whatever is in it, and has the words of the agent's file for what the client calls otherwise.
 */
export function agentLog({ format, level, write, wallNow = Date.now }: AgentLogOptions): Logger {
  const least = logLevels.indexOf(level);

  function line(of: LogLevel): (message: string) => void {
    if (logLevels.indexOf(of) < least) return () => undefined;
    return (message) => {
      const time = new Date(wallNow()).toISOString();
      const text = oneLine(message, of === "debug" ? (same) => same : fileWords);
      const line = `${time} ${of.toUpperCase().padEnd("ERROR".length)} ${text}`;
      write(format === "json" ? JSON.stringify({ time, level: of, message: text }) : line);
    };
  }

  return { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") };
}
