import type { OpAMPClientOptions } from "../../client/options.js";
import type { HeaderSource } from "../../transport/settings/headers.js";
import type { TlsOptions } from "../../transport/settings/tls-options.js";
import type { AttributeValue } from "../../values/attributes.js";

/** The extension's configuration, checked, with its defaults in place. */
export interface ExtensionConfig {
  /** Where to connect, and how. */
  server: {
    transport: "ws" | "http";
    /** As given. */
    endpoint: string;
    /** In this package's words; `undefined` where the scheme has no TLS, or nothing is said about it. */
    tls: TlsOptions | undefined;
    /** Without those that `auth` takes away. */
    headers: Readonly<Record<string, string>>;
    /** What `auth` names, found in `extensions`; to be put after `headers`, which it builds upon. */
    auth: HeaderSource | undefined;
    /** For `http` only; 30 000 by default. */
    pollingIntervalMs: number | undefined;
  };
  /** UUID text or ULID text; undefined where the file has none. */
  instanceUid: string | undefined;
  /** The `capabilities` section with the defaults of the Collector in place. */
  capabilities: {
    reportsEffectiveConfig: boolean;
    reportsHealth: boolean;
    reportsAvailableComponents: boolean;
    acceptsRestartCommand: boolean;
    reportsHeartbeat: boolean;
  };
  /** Whether the configuration as it was written is reported too. */
  reportsRawConfig: boolean;
  /** The `agent_description` section. */
  agentDescription: {
    nonIdentifyingAttributes: Readonly<Record<string, string>>;
    includeResourceAttributes: boolean;
  };
  /** The parent to watch; 0 is none. */
  ppid: number;
  /** How often the parent process is looked for, in milliseconds. */
  ppidPollIntervalMs: number;
  /** `service.telemetry.resource` of the same file. */
  resource: Readonly<Record<string, AttributeValue>>;
  /** The section `connection_settings`, as the client's option; `undefined` without `accept`, `{ opamp: false }` with `accept: false`. */
  connectionSettings?: NonNullable<OpAMPClientOptions["connectionSettings"]> | undefined;
}
