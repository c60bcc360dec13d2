import { Command, Option } from "commander";
import { logFormats, logLevels } from "../agent/file/log-words.js";
import type { AgentFlags } from "./agent-run.js";
import { LifecycleRequests } from "./lifecycle-requests.js";
import type { Terminal } from "./terminal.js";

const MORE = `
The configuration is that of the Collector's OpAMP extension, and these sections beside it:
  storage               where the agent keeps its identity; default: directory: /var/lib/opamp-agent
  remote_config         where offered files go, what checks them, and what has the program take them
  effective_config      the program's own files, to be reported without their secrets
  health                commands or URLs that tell how the program and its components are
  available_components  what the program is built of
  restart               the command for a restart that the server asks for
  heartbeat             how often heartbeats are sent over WebSocket; default: interval: 30s
  backoff               the waits between attempts to connect; default: min: 1s, max: 30s; spread for fleets
  log                   level and format

Signals:
  SIGTERM, SIGINT  roll back what is being applied, disconnect from the server and exit; a second one exits at once
  SIGHUP           read the configuration again and start again with it; an offer that failed is tried again
  SIGUSR1          nothing; no debugger is opened

Exit codes:
  0  ended by a signal
  1  another agent uses the same directories, the config directory cannot be used, or the parent process is gone
  2  the command line or the configuration is wrong
  3  a directory for state holds what a later version wrote, or something of another program in its place
`;

/** `opamp agent`: an agent for any program, from one file. */
export function agentCommand(terminal: Terminal): Command {
  return new Command("agent")
    .description("Runs an OpAMP agent for a program: reports its status and writes remote configuration to disk.")
    .requiredOption("-c, --config <path>", "Path to the configuration file.")
    .addOption(new Option("--log-format <format>", "Log format (default: text).").choices(logFormats))
    .addOption(new Option("--log-level <level>", "Minimum log level (default: info).").choices(logLevels))
    .option(
      "--dry-run",
      "Check the configuration and what it needs, print what would be sent, without secrets, and exit.",
    )
    .addHelpText("after", MORE)
    .action(async (flags: AgentFlags) => {
      // Before the rest is loaded: until then even SIGHUP ends the process, and it may come soon.
      const requests = new LifecycleRequests();
      try {
        const { runAgent } = await import("./agent-run.js");
        terminal.exit(await runAgent(flags, terminal, requests));
      } finally {
        requests.end();
      }
    });
}
