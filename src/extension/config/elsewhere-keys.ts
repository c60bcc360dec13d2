import type { SectionReader } from "../reader/section-reader.js";
import type { Elsewhere } from "../reader/unknown-key.js";

/** Who reads a configuration: what a key of another program comes to here depends on it. */
export type Surface = "agent" | "program";

/** What to write in place of keys that guides, the Collector's supervisor and other blocks have; by block. */
export interface ElsewhereKeys {
  readonly file: Elsewhere;
  readonly block: Elsewhere;
  readonly capabilities: Elsewhere;
  readonly description: Elsewhere;
  readonly server: Elsewhere;
  readonly ws: Elsewhere;
  readonly http: Elsewhere;
}

const SUPERVISOR = "remove it: it is a key of the OpAMP supervisor";
const IDENTIFYING =
  "remove it: the service's name and version come from service.telemetry.resource; write service.name and service.version there";
const BELOW_TRANSPORT = "write it below server.ws, or below server.http for polling";
const INSECURE =
  "remove it: a ws or http URL has no TLS; to accept any certificate, write tls: { insecure_skip_verify: true }";
const OWN_TELEMETRY = ["reports_own_metrics", "reports_own_logs", "reports_own_traces", "reports_own_telemetry"];
const OWN_CONNECTION = ["accepts_opamp_connection_settings", "reports_connection_settings_status"];
/** How both turn on what they take for the agent's own connection. */
const CONNECTION = "here connection_settings: { accept: true } at the top of the file turns this on";
/** By which a supervisor starts the Collector. */
const AGENT_KEYS = [
  "executable",
  "config_files",
  "args",
  "config_apply_timeout",
  "bootstrap_timeout",
  "passthrough_logs",
];
/** Blocks and keys of a supervisor's file that the Collector does not have. */
const SUPERVISORS_SECTIONS = ["agent", "supervisor", "healthcheck", "gateway"];
const BLOCK_KEYS = [
  "server",
  "instance_uid",
  "capabilities",
  "reports_raw_config",
  "agent_description",
  "ppid",
  "ppid_poll_interval",
];
const TRANSPORT_KEYS = ["endpoint", "headers", "tls", "auth"];
const TLS_KEYS = [
  "ca_file",
  "ca_pem",
  "cert_file",
  "cert_pem",
  "key_file",
  "key_pem",
  "insecure_skip_verify",
  "include_system_ca_certs_pool",
  "server_name_override",
  "min_version",
  "max_version",
  "cipher_suites",
];
const CAPABILITIES = [
  "reports_effective_config",
  "reports_health",
  "reports_available_components",
  "accepts_restart_command",
  "reports_heartbeat",
];

/** How the two say the same. */
const WORDS = {
  agent: {
    remoteConfig: "here the section remote_config turns this on",
    heartbeat: "remove it, and write heartbeat: { interval: 30s } at the top of the file",
    others: "opamp agent has no other connections",
    telemetry: "opamp agent sends no telemetry of its own",
    program: "what starts and reloads the program is in remote_config and restart",
    supervisor:
      "write the server as extensions: opamp: server: ws: endpoint, and what takes configuration and restarts as remote_config and restart",
  },
  program: {
    remoteConfig: "here the option remoteConfig turns this on",
    heartbeat: "remove it, and give the client the option heartbeat: { intervalMs }",
    others: "here a handler in the option connectionSettings.other turns this on",
    telemetry:
      "here handlers in connectionSettings.ownMetrics, ownTraces and ownLogs, options of the client, turn this on",
    program: "here no program is started",
    supervisor: "give the extension's configuration, with extensions: opamp: server: ws: endpoint",
  },
} as const satisfies Record<Surface, Record<string, string>>;

/**
 * The advice for one who reads a configuration.
 *
 * @param sections what the reader has at the top of the file besides the Collector's own
 */
export function elsewhereKeys(surface: Surface, sections: readonly string[]): ElsewhereKeys {
  const words = WORDS[surface];
  const heartbeat = { heartbeat_interval: words.heartbeat };
  const supervisors = each(SUPERVISORS_SECTIONS, `${SUPERVISOR}, which starts the Collector itself; ${words.program}`);
  const transport = {
    ...heartbeat,
    ...each(TLS_KEYS, "write it below tls"),
    insecure: INSECURE,
    url: "write endpoint",
  };
  return {
    file: {
      ...heartbeat,
      ...supervisors,
      ...each([...BLOCK_KEYS, ...TRANSPORT_KEYS], "write it below extensions: opamp:, where its place is"),
      ...each(["ws", "http"], "write it below extensions: opamp: server:"),
      ...each(["telemetry", "pipelines"], "write it below service"),
      opamp: "write it below extensions",
      storage: `${SUPERVISOR}, or of opamp agent`,
      identifying_attributes: IDENTIFYING,
    },
    block: {
      ...heartbeat,
      ...supervisors,
      ...each(TRANSPORT_KEYS, BELOW_TRANSPORT),
      ...each(CAPABILITIES, "write it below capabilities"),
      ...each(["ws", "http"], "write it below server"),
      ...each(["non_identifying_attributes", "include_resource_attributes"], "write it below agent_description"),
      ...each(["service", ...sections], "write it at the top of the file, beside extensions"),
      ...capabilitiesOfOthers(surface),
      polling_interval: "write it below server.http",
      identifying_attributes: IDENTIFYING,
      insecure: INSECURE,
      resource: "write it below service.telemetry, beside extensions",
    },
    capabilities: { ...heartbeat, ...capabilitiesOfOthers(surface) },
    description: { identifying_attributes: IDENTIFYING, attributes: "write non_identifying_attributes" },
    server: {
      ...heartbeat,
      ...each(TRANSPORT_KEYS, BELOW_TRANSPORT),
      ...each(TLS_KEYS, "write it below the tls of server.ws or server.http"),
      polling_interval: "write it below server.http",
      insecure: INSECURE,
      url: `write endpoint, below server.ws or server.http`,
    },
    ws: { ...transport, polling_interval: "remove it: a WebSocket does not poll; it is a key of server.http" },
    http: transport,
  };
}

function capabilitiesOfOthers(surface: Surface): Elsewhere {
  return {
    ...each(["accepts_remote_config", "reports_remote_config"], `${SUPERVISOR}; ${WORDS[surface].remoteConfig}`),
    ...each(["accepts_packages", "reports_package_statuses"], `${SUPERVISOR}; packages are not supported yet`),
    ...each(OWN_CONNECTION, `${SUPERVISOR}; ${CONNECTION}`),
    accepts_other_connection_settings: `${SUPERVISOR}; ${WORDS[surface].others}`,
    ...each(OWN_TELEMETRY, `${SUPERVISOR}; ${WORDS[surface].telemetry}`),
    reports_status: "remove it: the status is always reported",
  };
}

function each(keys: readonly string[], advice: string): Elsewhere {
  return Object.fromEntries(keys.map((key) => [key, advice]));
}

/** Refuses the file of a supervisor as a whole: nothing in it is where the Collector's extension has it. */
export function refuseSupervisor(root: SectionReader, surface: Surface): void {
  const server = root.keysBelow("server");
  const isElsewhere = server.includes("endpoint") && !server.includes("ws") && !server.includes("http");
  const capabilities = capabilitiesOfOthers(surface);
  const isSupervisors = root.keysBelow("capabilities").some((key) => Object.hasOwn(capabilities, key));
  const starts = root.keysBelow("agent").some((key) => AGENT_KEYS.includes(key));
  const key = starts || (isElsewhere && root.keys.includes("agent")) ? "agent" : "capabilities";
  if (!starts && !(isElsewhere && (isSupervisors || key === "agent"))) return;
  const problem = "this is the file of an OpAMP supervisor, not of the Collector's extension";
  throw root.wrong(key, problem, WORDS[surface].supervisor);
}
