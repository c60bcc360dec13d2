import { Command, Option } from "commander";
import { logFormats, logLevels } from "../agent/file/log-words.js";
import type { AgentFlags } from "./agent-run.js";
import { LifecycleRequests } from "./lifecycle-requests.js";
import type { Terminal } from "./terminal.js";

const MORE = `
The file has the configuration of the Collector's OpAMP extension, and these sections of its own:
  storage               where the agent keeps its identity; default: directory: /var/lib/opamp-agent
  connection_settings   what of the agent's own connection the server may change; default: nothing
  remote_config         where remote configuration is written, how it is validated and how the program reloads it
  effective_config      the program's own files to report, without their secrets
  health                commands or URLs that check the program and its components
  available_components  the components that the program consists of
  restart               the command to run when the server asks for a restart
  heartbeat             the interval of heartbeats over WebSocket; default: interval: 30s
  backoff               the waits between connection attempts; default: min: 1s, max: 30s; spread for fleets
  log                   level and format

Signals:
  SIGTERM, SIGINT  roll back what is being applied, disconnect from the server and exit; a second one exits at once
  SIGHUP           read the file again and restart with it; an offer that failed is tried again
  SIGUSR1          ignored; no debugger is opened

Exit codes:
  0  stopped by a signal
  1  a directory is in use or cannot be used, the package is incomplete, or the parent process is gone
  2  invalid command line or configuration
  3  a state directory belongs to a later version or to another program
`;

const CONFIG = "-c, --config <path>";

/** `opamp agent`: an agent for any program, from one file. */
export function agentCommand(terminal: Terminal): Command {
  return new Command("agent")
    .description("Runs an OpAMP agent for a program: reports its status and writes remote configuration to disk.")
    .option(CONFIG, "Path to the configuration file; required.")
    .addOption(new Option("--log-format <format>", "Log format (default: text).").choices(logFormats))
    .addOption(new Option("--log-level <level>", "Minimum log level (default: info).").choices(logLevels))
    .option(
      "--dry-run",
      "Check the configuration and everything it needs, print what would be sent (without secrets), and exit.",
    )
    .addHelpText("after", MORE)
    .action(async ({ config, ...others }: Partial<AgentFlags>, command: Command) => {
      // Not by commander, which would complain of this before it looks at a misspelt one.
      if (config === undefined) return command.error(`error: required option '${CONFIG}' not specified`);
      // Before the rest is loaded: until then even SIGHUP ends the process, and it may come soon.
      const requests = new LifecycleRequests();
      try {
        const { runAgent } = await import("./agent-run.js");
        terminal.exit(await runAgent({ ...others, config }, terminal, requests));
      } finally {
        requests.end();
      }
    });
}
