/** One key of a section that `opamp agent` has besides the extension's, as the documents list it. */
export interface AgentKey {
  /** From the top of the file; `<name>` stands for a name of the user's. */
  key: string;
  type: string;
  /** What counts when it is left out. */
  default: string;
  meaning: string;
}

const COMMAND = "text for the shell, or list";
const DURATION = "duration";

const ofRemoteConfig: readonly AgentKey[] = [
  {
    key: "remote_config.directory",
    type: "path",
    default: "none; required",
    meaning: "where the program reads its configuration; made where it is missing",
  },
  {
    key: "remote_config.state_directory",
    type: "path",
    default: "`.opamp` in `directory`",
    meaning: "where `opamp-config` is made, which has the versions; always the same one, and not around `directory`",
  },
  {
    key: "remote_config.local_files",
    type: "list of names",
    default: "none",
    meaning: "your own files in `directory` that are reported before any offer names them; never written",
  },
  {
    key: "remote_config.validate_command",
    type: COMMAND,
    default: "none",
    meaning: "looks at an offer before it is put to use; exit code 0 is valid",
  },
  {
    key: "remote_config.command",
    type: COMMAND,
    default: "none",
    meaning: "has the program take what is in use; exit code 0 is success",
  },
  {
    key: "remote_config.reload_signal",
    type: "name of a signal",
    default: "none",
    meaning: "sent after `command`, to the process of `pid_file`",
  },
  {
    key: "remote_config.pid_file",
    type: "path",
    default: "none; required with `reload_signal`",
    meaning: "its first line is the process id; read each time",
  },
  {
    key: "remote_config.timeout",
    type: DURATION,
    default: "30s",
    meaning: "for `validate_command` and for `command`, each",
  },
  {
    key: "remote_config.file_mode",
    type: "octal, in quotes",
    default: '"0640"',
    meaning: "of offered files; one that takes the place of yours has the mode and owner of yours",
  },
  {
    key: "remote_config.allow.names",
    type: "list of patterns",
    default: "any",
    meaning: "names of the files that an offer may have; see [Local limits](#local-limits)",
  },
  {
    key: "remote_config.allow.max_bytes",
    type: "whole number",
    default: "no limit",
    meaning: "for all files of an offer together",
  },
  {
    key: "remote_config.allow.keys",
    type: "list of patterns",
    default: "any",
    meaning: "keys that an offer may set in YAML and JSON files, with those above them: `receivers.*`",
  },
  {
    key: "remote_config.allow.paths",
    type: "list of absolute paths",
    default: "any",
    meaning: "where absolute paths in the values of an offer may lead",
  },
  {
    key: "remote_config.allow.commands",
    type: "list of patterns",
    default: "any",
    meaning: "programs that the values of an offer may have run",
  },
];

const ofReports: readonly AgentKey[] = [
  {
    key: "effective_config.files",
    type: "list of paths, or map from names to paths",
    default: "none",
    meaning: "files to report besides those of `remote_config`; from a list, under their last name",
  },
  {
    key: "effective_config.raw_file",
    type: "path",
    default: "none",
    meaning: "the configuration as it was written, reported as `raw`; needs `reports_raw_config: true`",
  },
  {
    key: "effective_config.redact",
    type: "`false`, or map",
    default: "secrets are taken out",
    meaning: "`false` sends files as they are, secrets included",
  },
  {
    key: "effective_config.redact.deny",
    type: "list of names",
    default: "none",
    meaning: "names to hide besides those that are hidden by themselves",
  },
  {
    key: "effective_config.redact.allow",
    type: "list of names",
    default: "none",
    meaning: "names to show all the same",
  },
  {
    key: "effective_config.max_bytes",
    type: "number",
    default: "4194304",
    meaning: "of all files together; in the place of one that does not fit, the report says so",
  },
  {
    key: "health.url",
    type: "http or https URL",
    default: "none",
    meaning: "healthy is 200 to 299; redirects are not followed",
  },
  {
    key: "health.command",
    type: COMMAND,
    default: "none",
    meaning: "in place of `url`; healthy is exit code 0",
  },
  {
    key: "health.interval",
    type: DURATION,
    default: "30s",
    meaning: "from the end of a check to the next",
  },
  { key: "health.timeout", type: DURATION, default: "5s", meaning: "for one check; then it has failed" },
  {
    key: "health.components",
    type: "map by name",
    default: "none",
    meaning: "each with `url` or `command`, and `components` of its own",
  },
];

const ofRest: readonly AgentKey[] = [
  {
    key: "storage.directory",
    type: "path",
    default: "/var/lib/opamp-agent",
    meaning: "what the agent must not forget; for one agent alone",
  },
  ...["receivers", "processors", "exporters", "extensions", "connectors"].map((group) => ({
    key: `available_components.${group}`,
    type: "list of types, or map to modules",
    default: "none",
    meaning: "what the program is built of",
  })),
  {
    key: "restart.command",
    type: COMMAND,
    default: "none; required in `restart`",
    meaning: "what a restart command of the server does; without `restart` the agent itself starts again",
  },
  { key: "restart.timeout", type: DURATION, default: "30s", meaning: "for the command" },
  {
    key: "heartbeat.interval",
    type: DURATION,
    default: "30s",
    meaning:
      "heartbeats over WebSocket, with `reports_heartbeat: true`, until the server sets another one; over HTTP see `polling_interval`",
  },
  {
    key: "backoff.min",
    type: DURATION,
    default: "1s",
    meaning: "shortest wait between attempts to connect; the first one after a break comes at once",
  },
  {
    key: "backoff.max",
    type: DURATION,
    default: "30s",
    meaning: "longest wait; the first is anywhere up to 20 times `min`, each later one longer, up to this",
  },
  {
    key: "backoff.spread",
    type: DURATION,
    default: "none",
    meaning:
      "in a fleet: how long it takes to come back, a quarter more than its server needs; also before the first attempt",
  },
  { key: "log.level", type: "debug, info, warn or error", default: "info", meaning: "minimum log level" },
  { key: "log.format", type: "text or json", default: "text", meaning: "how lines look" },
];

/** Every key of the sections that are the command's own, in the order of the document. */
export const agentKeys: readonly AgentKey[] = [...ofRemoteConfig, ...ofReports, ...ofRest];
