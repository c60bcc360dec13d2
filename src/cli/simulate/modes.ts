import type { Command } from "commander";
import { OpAMPError } from "../../errors.js";

/** The headings in the command's help below which the options of each mode stand. */
export const VIRTUAL = "Virtual time:";
export const SOCKETS = "Real connections:";

/**
 * Which of the two a command line asks for; exactly one, and no option of the other.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
export function modeOf(command: Command): "virtual" | "sockets" {
  const [isVirtual, hasUrl] = [isGiven(command, "virtual"), isGiven(command, "url")];
  if (isVirtual === hasUrl) {
    const problem = isVirtual ? "--virtual and --url exclude each other" : "nothing to simulate";
    const hint = "give --virtual for a fleet without a network, or --url with a server for one with real connections";
    throw new OpAMPError("ERR_OPAMP_OPTION", problem, { hint });
  }
  const others = isVirtual ? SOCKETS : VIRTUAL;
  const wrong = command.options.filter(
    (option) => option.helpGroupHeading === others && isGiven(command, option.attributeName()),
  );
  if (wrong.length > 0) {
    const names = wrong.map(({ long }) => long).join(", ");
    const text = `${names}: only with ${isVirtual ? "--url" : "--virtual"}`;
    throw new OpAMPError("ERR_OPAMP_OPTION", text, {
      hint: "leave it out; opamp simulate --help has the options of each mode",
    });
  }
  return isVirtual ? "virtual" : "sockets";
}

function isGiven(command: Command, name: string): boolean {
  return command.getOptionValueSource(name) === "cli";
}
