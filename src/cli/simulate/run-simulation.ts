import type { Command } from "commander";
import { errorLine } from "../../diagnostics/one-line.js";
import type { LifecycleRequests } from "../lifecycle-requests.js";
import type { Terminal } from "../terminal.js";
import type { SimulateFlags } from "./flags.js";
import { modeOf } from "./modes.js";
import { checkPlace, printResult, progressOn, writePicture } from "./output.js";
import { simulateSockets } from "./simulate-sockets.js";
import { scenarioList, simulateVirtual } from "./simulate-virtual.js";

const EXIT = { done: 0, nothing: 1, interrupted: 130 } as const;

/**
 * Runs `opamp simulate`.
 *
 * @param requests what signals ask for; any of them ends the run early
 * @returns what the process is to exit with
 * @throws OpAMPError `ERR_OPAMP_OPTION` and what kept a run from beginning
 */
export async function runSimulation(
  flags: SimulateFlags,
  command: Command,
  terminal: Terminal,
  requests: LifecycleRequests,
): Promise<number> {
  if (flags.list === true) {
    terminal.print(scenarioList(flags.json === true));
    return EXIT.done;
  }
  const mode = modeOf(command);
  await checkPlace(flags);
  const end = new AbortController();
  const progress = progressOn(terminal);
  void requests.next().then(() => {
    end.abort();
    progress.end();
    if (mode === "sockets") terminal.complain("Ending: the agents disconnect; a second signal ends at once");
  });
  const run = mode === "virtual" ? simulateVirtual : simulateSockets;
  const result = await run(flags, terminal, end.signal, progress.onProgress).finally(progress.end);
  printResult(result, flags, terminal);
  try {
    await writePicture(result, flags);
  } catch (error) {
    // The figures are not lost for it.
    terminal.complain(`error: ${errorLine(error)}`);
    return EXIT.nothing;
  }
  if (end.signal.aborted) return EXIT.interrupted;
  const isEmpty = mode === "sockets" && result.seconds.every(({ accepted }) => accepted === 0);
  if (!isEmpty) return EXIT.done;
  terminal.complain("error: no agent ever connected (run opamp doctor to find out why)");
  return EXIT.nothing;
}
