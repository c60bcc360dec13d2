import { Command, CommanderError } from "commander";
import { errorLines } from "../diagnostics/one-line.js";
import { agentCommand } from "./agent.js";
import { exitCodes } from "./diagnosis.js";
import { doctorCommand } from "./doctor.js";
import { packageVersion, type Terminal } from "./terminal.js";

/** Runs the command line `opamp ARGS...`. Never rejects; how it went is what the terminal is told to exit with. */
export async function runProgram(args: readonly string[], terminal: Terminal): Promise<void> {
  const program = new Command("opamp")
    .description("Tools for OpAMP agents and servers.")
    .version(packageVersion())
    .addCommand(agentCommand(terminal))
    .addCommand(doctorCommand(terminal));
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => terminal.complain(text.trimEnd()),
    });
  }
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (thrown) {
    if (thrown instanceof CommanderError) return terminal.exit(thrown.exitCode === 0 ? 0 : exitCodes.usage);
    const lines = errorLines(thrown);
    const [only = ""] = lines;
    terminal.complain(lines.length === 1 ? `error: ${only}` : `error: ${lines.length} mistakes`);
    if (lines.length > 1) for (const line of lines) terminal.complain(`  ${line}`);
    terminal.exit(exitCodes.usage);
  }
}
