import { Command, Option } from "commander";
import { LifecycleRequests } from "../lifecycle-requests.js";
import type { Terminal } from "../terminal.js";
import type { SimulateFlags } from "./flags.js";
import { SOCKETS, VIRTUAL } from "./modes.js";
import { networkOptions } from "./network-options.js";
import { attribute, percent, percentPerMinute, seconds, secondsAboveZero, seed, wholeNumber, words } from "./values.js";

const MORE = `
Placeholders in attributes: {n} the agent's number, {uid} its instance uid, {zone}, {version}.

Signals:
  SIGINT, SIGTERM  end the run early, with the figures so far; real agents disconnect. A second one ends at once

Exit codes:
  0    the run came to its end
  1    no agent ever connected, or the picture could not be written
  2    the command line is wrong
  130  the run was ended early
`;

/** `opamp simulate`: a fleet of agents, on virtual time or with real connections. */
export function simulateCommand(terminal: Terminal): Command {
  const command = new Command("simulate")
    .description(
      "Simulates a fleet of agents: on virtual time without any network, or with real connections to a server.",
    )
    .option("--list", "List the scenarios for --virtual.")
    .option("--agents <number>", "How many agents.", wholeNumber, 1_000)
    .option("--seed <number>", "What all chance follows from; another one makes other agents.", seed, 1)
    .option("--json", "Print the result as one JSON object instead of text.")
    .option("--svg <file>", "Write the picture to a file as SVG.")
    .option("--force", "Overwrite the file whatever it is.")
    .option("--ascii", "Draw with ASCII characters only.")
    .optionsGroup(VIRTUAL)
    .option("--virtual", "Simulate the fleet and its server, hours in seconds.")
    .option("--scenario <name>", "What happens to the fleet; --list shows all.", "server-restart")
    .addOption(
      shown(
        "--policy <list>",
        "How agents come back: ours, go (the Go client), mixed (half of each), earlier (ours at first); several with commas.",
        words,
        ["ours"],
        "ours",
      ),
    )
    .option("--down <seconds>", "How long the server is away.", seconds)
    .option("--capacity <number>", "How many connections a second the server takes.", wholeNumber)
    .optionsGroup(SOCKETS)
    .option("--url <url>", "The server, such as ws://127.0.0.1:4320/v1/opamp; ws, wss, http or https.")
    .option(
      "--ramp <seconds>",
      "Time from the first agent's start to the last one's; 200 a second by default.",
      seconds,
    )
    .option("--duration <seconds>", "Time from the last agent's start to the end.", secondsAboveZero, 60)
    .option("--heartbeat <seconds>", "Time between heartbeats or polls.", secondsAboveZero, 30)
    .option("--attribute <key=value>", "Attribute of each agent, with placeholders; may be repeated.", attribute)
    .option("--zones <number>", "How many availability zones the agents are in.", wholeNumber, 3)
    .addOption(
      shown(
        "--versions <list>",
        "Versions of their service, with commas between them.",
        words,
        ["1.0.0", "1.1.0"],
        "1.0.0,1.1.0",
      ),
    )
    .addOption(
      shown("--health-changes <percent>", "Agents whose health changes, in each minute.", percentPerMinute, 0, "0%"),
    )
    .addOption(
      shown(
        "--restarts <percent>",
        "Agents that restart and keep their uid, in each minute.",
        percentPerMinute,
        0,
        "0%",
      ),
    )
    .addOption(shown("--breaks <percent>", "Connections that are cut, in each minute.", percentPerMinute, 0, "0%"))
    .addOption(shown("--fail-config <percent>", "Offered configurations that fail.", percent, 0, "0%"))
    .option("--config-delay <seconds>", "How long it takes to apply one, give or take a half.", seconds, 1)
    .option("--allow-public-server", "Connect to an address that is neither loopback nor private.");
  for (const option of networkOptions(terminal)) command.addOption(option.helpGroup(SOCKETS));
  return command.addHelpText("after", MORE).action(async (flags: SimulateFlags) => {
    const requests = new LifecycleRequests();
    try {
      const { runSimulation } = await import("./run-simulation.js");
      terminal.exit(await runSimulation(flags, command, terminal, requests));
    } finally {
      requests.end();
    }
  });
}

/** An option whose default is shown as a person would write it. */
function shown<T>(flags: string, description: string, parse: (text: string) => T, usual: T, asText: string): Option {
  return new Option(flags, description).argParser(parse).default(usual, asText);
}
