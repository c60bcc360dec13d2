import { member, wrongOption } from "../../base/option-path.js";

/** A program to run: a text is given to the shell (`/bin/sh`), a list of texts is the program and its arguments. */
export type Command = string | readonly string[];

/**
 * Checks a command without running it.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
export function checkCommand(where: string, command: unknown): void {
  const form = 'must be a text for the shell, or a list such as ["systemctl", "reload", "my-agent"]';
  if (typeof command === "string") {
    if (command.trim() === "") throw wrongOption(where, `${form}, and not empty`);
    checkText(where, command);
    return;
  }
  if (!Array.isArray(command)) throw wrongOption(where, form);
  if (command.length === 0 || command[0] === "") throw wrongOption(where, "names no program");
  command.forEach((part: unknown, index) => {
    if (typeof part !== "string") throw wrongOption(member(where, index), "must be a text");
    checkText(member(where, index), part);
  });
}

/** The command with every `{directory}` in it replaced; for the shell, quoted. */
export function withDirectory(command: Command, directory: string): Command {
  if (typeof command !== "string") return command.map((part) => part.replaceAll("{directory}", () => directory));
  const quoted = `'${directory.replaceAll("'", () => "'\\''")}'`;
  return command.replaceAll("{directory}", () => quoted);
}

function checkText(where: string, text: string): void {
  if (text.includes("\0")) throw wrongOption(where, "has a NUL in it");
}
