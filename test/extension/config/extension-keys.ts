/** One key of the configuration, as the documents list it. */
export interface ExtensionKey {
  /** Below `extensions.opamp`; `*` stands for `ws` and `http`. Those of auth extensions begin with the extension's type. */
  key: string;
  type: string;
  /** What counts when it is left out. */
  default: string;
  /** What is otherwise than in the Collector, on purpose. */
  difference?: string;
}

const FILE = "path of a file";
const MADE_FRESH = "read again at every dial or request";

const ofServer: readonly ExtensionKey[] = [
  {
    key: "server.*.endpoint",
    type: "URL",
    default: "none; required",
    difference: "the scheme must be ws or wss under `ws`, http or https under `http`",
  },
  { key: "server.*.headers", type: "map of text", default: "none" },
  {
    key: "server.*.auth",
    type: "name of an extension",
    default: "none",
    difference: "bearertokenauth, basicauth, oauth2client and headers_setter; a failure at run time fails the attempt",
  },
  { key: "server.http.polling_interval", type: "duration", default: "30s, also for 0" },
];

const ofTls: readonly ExtensionKey[] = [
  { key: "server.*.tls.ca_file", type: FILE, default: "the authorities that Node trusts", difference: MADE_FRESH },
  { key: "server.*.tls.ca_pem", type: "PEM", default: "none" },
  { key: "server.*.tls.include_system_ca_certs_pool", type: "true or false", default: "false" },
  { key: "server.*.tls.cert_file", type: FILE, default: "none", difference: MADE_FRESH },
  { key: "server.*.tls.cert_pem", type: "PEM", default: "none" },
  { key: "server.*.tls.key_file", type: FILE, default: "none", difference: MADE_FRESH },
  { key: "server.*.tls.key_pem", type: "PEM", default: "none" },
  { key: "server.*.tls.min_version", type: "1.0, 1.1, 1.2 or 1.3", default: "1.2" },
  { key: "server.*.tls.max_version", type: "1.0, 1.1, 1.2 or 1.3", default: "the newest" },
  { key: "server.*.tls.cipher_suites", type: "list of IANA names", default: "Node's" },
  {
    key: "server.*.tls.reload_interval",
    type: "duration",
    default: "none",
    difference: "without effect: files are read again at every dial",
  },
  {
    key: "server.*.tls.insecure",
    type: "true or false",
    default: "false",
    difference: "without effect: the other keys count all the same",
  },
  { key: "server.*.tls.insecure_skip_verify", type: "true or false", default: "false" },
  { key: "server.*.tls.server_name_override", type: "text", default: "the URL's host" },
  {
    key: "server.*.tls.curve_preferences",
    type: "list of names",
    default: "Node's",
    difference: "refused unless it is empty",
  },
  {
    key: "server.*.tls.tpm",
    type: "map",
    default: "off",
    difference: "refused when `enabled` is true",
  },
];

const ofAgent: readonly ExtensionKey[] = [
  { key: "instance_uid", type: "UUID or ULID", default: "the stored one, else a new UUID version 7" },
  { key: "capabilities.reports_effective_config", type: "true or false", default: "true" },
  { key: "capabilities.reports_health", type: "true or false", default: "true" },
  { key: "capabilities.reports_available_components", type: "true or false", default: "true" },
  {
    key: "capabilities.accepts_restart_command",
    type: "true or false",
    default: "false",
    difference: "no feature gate; on Windows with a restart handler only",
  },
  {
    key: "capabilities.reports_heartbeat",
    type: "true or false",
    default: "false",
    difference: "no feature gate",
  },
  { key: "reports_raw_config", type: "true or false", default: "false" },
  { key: "agent_description.non_identifying_attributes", type: "map of text", default: "none" },
  { key: "agent_description.include_resource_attributes", type: "true or false", default: "false" },
  { key: "ppid", type: "whole number", default: "0, which is off" },
  { key: "ppid_poll_interval", type: "duration", default: "5s" },
];

const ofAuth: readonly ExtensionKey[] = [
  { key: "bearertokenauth.token", type: "text", default: "none" },
  { key: "bearertokenauth.tokens", type: "list of text", default: "none" },
  { key: "bearertokenauth.filename", type: FILE, default: "none", difference: MADE_FRESH },
  { key: "bearertokenauth.scheme", type: "text", default: "Bearer" },
  { key: "bearertokenauth.header", type: "name of a header", default: "Authorization" },
  { key: "basicauth.client_auth.username", type: "text", default: "none" },
  { key: "basicauth.client_auth.username_file", type: FILE, default: "none", difference: MADE_FRESH },
  { key: "basicauth.client_auth.password", type: "text", default: "none" },
  { key: "basicauth.client_auth.password_file", type: FILE, default: "none", difference: MADE_FRESH },
  { key: "basicauth.htpasswd", type: "map", default: "none", difference: "refused: it is for servers" },
  { key: "oauth2client.client_id", type: "text", default: "none" },
  { key: "oauth2client.client_id_file", type: FILE, default: "none" },
  { key: "oauth2client.client_secret", type: "text", default: "none" },
  { key: "oauth2client.client_secret_file", type: FILE, default: "none" },
  {
    key: "oauth2client.token_url",
    type: "URL",
    default: "none; required",
    difference: "plain http on a loopback address only",
  },
  { key: "oauth2client.endpoint_params", type: "map of text or lists", default: "none" },
  { key: "oauth2client.scopes", type: "list of text", default: "none" },
  { key: "oauth2client.tls", type: "map, as `server.*.tls`", default: "none" },
  {
    key: "oauth2client.timeout",
    type: "duration",
    default: "10s, also for 0",
    difference: "never without a limit",
  },
  { key: "oauth2client.expiry_buffer", type: "duration", default: "5m" },
  {
    key: "oauth2client.grant_type",
    type: "client_credentials",
    default: "client_credentials",
    difference: "no other",
  },
  { key: "headers_setter.headers", type: "list of maps", default: "none; required" },
  { key: "headers_setter.headers.action", type: "insert, update, upsert or delete", default: "upsert" },
  { key: "headers_setter.headers.key", type: "name of a header", default: "none; required" },
  { key: "headers_setter.headers.value", type: "text", default: "none" },
  { key: "headers_setter.headers.value_file", type: FILE, default: "none", difference: MADE_FRESH },
  { key: "headers_setter.headers.default_value", type: "text", default: "none" },
  {
    key: "headers_setter.headers.from_context",
    type: "text",
    default: "none",
    difference: "there is no incoming request: `default_value` counts, and is required",
  },
  {
    key: "headers_setter.headers.from_attribute",
    type: "text",
    default: "none",
    difference: "there is no incoming request: `default_value` counts, and is required",
  },
  { key: "headers_setter.additional_auth", type: "name of an extension", default: "none" },
];

/** Every key that can be written, in the order of the documents. */
export const extensionKeys: readonly ExtensionKey[] = [...ofServer, ...ofTls, ...ofAgent, ...ofAuth];
