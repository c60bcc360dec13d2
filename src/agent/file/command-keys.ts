import type { SectionReader } from "../../extension/reader/section-reader.js";
import type { Command } from "../commands/run-command.js";

/** A command, and how long it may take, in milliseconds. */
export interface CommandSettings {
  command: Command;
  timeoutMs: number;
}

const FORM = 'write a text for the shell, or a list such as ["systemctl", "reload", "my-agent"]';

/** A command: a text for the shell, or a list of a program and its arguments. */
export function commandOf(section: SectionReader, key: string): Command | undefined {
  const given = section.value(key);
  if (given === undefined || given === null) return undefined;
  const command = typeof given === "string" ? given : Array.isArray(given) ? section.textList(key) : undefined;
  if (command === undefined) return section.refuse(key, "must be a command", FORM);
  const [program = ""] = typeof command === "string" ? [command.trim()] : command;
  const first = typeof command === "string" || command.length === 0 ? key : [key, 0];
  if (program === "") return section.refuse(first, "is empty", FORM);
  if ([command].flat().some((text) => text.includes("\0"))) return section.refuse(key, "has a NUL in it", FORM);
  if (typeof command !== "string") section.need(key, { kind: "program", name: program });
  return command;
}
