import { Command, CommanderError } from "commander";
import { errorLines, redactedAfterKey } from "../diagnostics/one-line.js";
import { createRedactor } from "../diagnostics/redactor.js";
import { agentCommand } from "./agent.js";
import { exitCodes } from "./doctor/diagnosis.js";
import { doctorCommand } from "./doctor/doctor.js";
import { simulateCommand } from "./simulate/simulate.js";
import { packageVersion, type Terminal } from "./terminal.js";

/** What may be shown of an unknown option: its name, and nothing that may be a value. */
const OPTION_NAME = /^(?:--[a-z][a-z-]*(?==|$)|-[a-zA-Z])/;

/** commander's messages repeat words of the command line, where a secret may stand in the wrong place. */
function withoutEchoes(message: string): string {
  return message
    .replace(/ argument '.*' is invalid\./s, " has an invalid value.")
    .replace(/ unknown command '.*'/s, " unknown command")
    .replace(/ unknown option '(.*)'/s, (_all, given: string) => {
      const [name] = OPTION_NAME.exec(given) ?? [];
      return name === undefined ? " unknown option" : ` unknown option '${name}'`;
    });
}

/** Runs the command line `opamp ARGS...`. Never rejects; how it went is what the terminal is told to exit with. */
export async function runProgram(args: readonly string[], terminal: Terminal): Promise<void> {
  const { text: withoutSecrets } = createRedactor();
  const program = new Command("opamp")
    .description("Tools for OpAMP agents and servers.")
    .version(packageVersion(), "-v, --version", "Print the version.")
    .helpCommand("help [command]", "Print the help of a command.")
    .addCommand(agentCommand(terminal))
    .addCommand(doctorCommand(terminal))
    .addCommand(simulateCommand(terminal));
  for (const command of [program, ...program.commands]) {
    command
      .helpOption("-h, --help", "Print this help.")
      .exitOverride()
      .configureOutput({
        writeOut: (text) => terminal.print(text.trimEnd()),
        writeErr: (text) => terminal.complain(text.trimEnd()),
        outputError: (text, write) => write(withoutSecrets(withoutEchoes(text))),
      });
  }
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (thrown) {
    if (thrown instanceof CommanderError) return terminal.exit(thrown.exitCode === 0 ? 0 : exitCodes.usage);
    const lines = errorLines(thrown).map((line) => redactedAfterKey(line, withoutSecrets));
    const [only = ""] = lines;
    terminal.complain(lines.length === 1 ? `error: ${only}` : `error: ${lines.length} mistakes`);
    if (lines.length > 1) for (const line of lines) terminal.complain(`  ${line}`);
    terminal.exit(exitCodes.usage);
  }
}
