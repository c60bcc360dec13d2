import type { ConnectionSettings } from "../connection-settings/laid-over.js";
import type { OtherSettings, SettingsMember, TelemetrySettings } from "../connection-settings/part-settings.js";
import type { CertificateFacts } from "../connection-settings/read-certificate.js";
import type { Use } from "../core/io.js";
import type { Transport } from "../transport/transport.js";
import type { CertificateOptions, CertificateRequestState } from "./certificate-options.js";

/** Makes a transport for the settings in force (`"committed"`), or for those on trial (`"candidate"`). */
export type MakeTransport = (settings: ConnectionSettings, use: Use) => Transport;

/** What a `validate` answers: `false` refuses an offer without a reason, and whatever else it returns lets it pass. */
// biome-ignore lint/suspicious/noConfusingVoidType: most have nothing to return.
export type Verdict = boolean | void | Promise<boolean | void>;

/** A connection as it may be shown: no secret is in it. */
export interface ConnectionFacts {
  /** The server's URL, without query. */
  readonly endpoint: string;
  /** The host and port of the proxy, also of one that the environment names; `undefined` for none. */
  readonly proxy: string | undefined;
  /** Of the client's certificate, where its text is known here. */
  readonly certificate: CertificateFacts | undefined;
}

/** What an offer would change, for {@link OpAMPSettingsPolicy.validate}. */
export interface ProposedConnection extends ConnectionFacts {
  /** The names of the headers that were offered; `undefined` where those in force stay. */
  readonly headers: readonly string[] | undefined;
}

/** What of its own connection an agent lets its server change. */
export interface OpAMPSettingsPolicy {
  /**
   * Where the agent may be moved: hosts, with or without a port; `"*.example.com"` for all below one; `"*"` for any.
   * Default: the host of `url`, on any port. The server of `url` and the one in force are always allowed. Redirects from there are followed to these alone, and so are proxies for what
   * is not encrypted or not verified.
   */
  endpoints?: readonly string[] | undefined;
  /**
   * Whether ws and http URLs are taken. Default: where `url` is one itself, until an offer has led to wss or https.
   */
  allowCleartext?: boolean | undefined;
  /** Whether the server may turn off the verification of certificates. Default false. */
  allowInsecureSkipVerify?: boolean | undefined;
  /** Whether an offer without a client certificate leaves the one in force. Default false: there is none then (CONN-15). */
  keepCertificate?: boolean | undefined;
  /** Whether `headers` of the options go to the server of `url` alone (`"own"`, the default) or to every one. */
  keepHeaders?: "own" | "always" | undefined;
  /** How long settings may take until their server has answered, in milliseconds. Default 60 000. */
  verifyMs?: number | undefined;
  /** How often in an hour the agent tries other settings, counted over restarts, those that fail included; of what comes more often, the newest waits. A certificate that the agent asked for neither waits nor counts. Default 6. */
  maxPerHour?: number | undefined;
  /**
   * Looks at an offer before anything is done about it; rejecting means FAILED with the error's message (CONN-02), and so does
   * returning `false`, which has no reason to report. It has the time limit `timeouts.applyMs`, half of it where the offer has
   * settings for other connections too. Default: all that the rules above allow is tried.
   */
  validate?(
    offer: ProposedConnection,
    context: { readonly signal: AbortSignal; readonly current: ConnectionFacts },
  ): Verdict;
}

/** What a handler of connection settings is given besides the settings. */
export interface SettingsContext<Settings> {
  /**
   * Aborts on a newer offer and when the client stops: the outcome no longer counts then. It aborts as well when the time of
   * this call is up: then a call that resolves within `timeouts.abortMs` still has succeeded, so reject where work is cut off.
   */
  readonly signal: AbortSignal;
  /** The settings that are replaced; `undefined` for none, and where the reason is not an offer. */
  readonly previous: Settings | undefined;
  /**
   * Why: the server offers other settings; the agent starts, and these were in force before; or these were in force, and
   * the last call for this connection did not end well.
   */
  readonly reason: "offer" | "restart" | "retry";
  /** In which members the settings differ from `previous`; without that, all that are set. */
  readonly changed: readonly SettingsMember[];
}

/** Takes settings for a connection that the program makes itself. */
export interface SettingsHandler<Settings> {
  /**
   * Checks settings before `apply` is called. Rejecting means FAILED with the error's message, and what was in force stays;
   * so does returning `false`. Default: all that is well-formed goes to `apply`.
   */
  validate?(settings: Settings, context: SettingsContext<Settings>): Verdict;
  /**
   * Puts settings to use. Resolving means APPLIED, rejecting FAILED with the error's message, and then what was in
   * force has to stay so. One call runs at a time. All calls for an offer share `timeouts.applyMs`, those at a start 30 000 ms
   * at most: each has half of what is left of that, the last one all of it, and what is not reached has failed. Settings that
   * are in force already are not given again.
   */
  apply(settings: Settings, context: SettingsContext<Settings>): void | Promise<void>;
}

/** Which connection settings an agent takes from its server. Each turns its capabilities on; none is on by default (CONN-01). */
export interface ConnectionSettingsOptions {
  /**
   * The agent's own connection: endpoint, headers, certificate, TLS, proxy. What is offered is proved by a connection before
   * it is kept; whatever goes wrong leads back to what was in force. `true` for all defaults of the policy.
   */
  opamp?: boolean | OpAMPSettingsPolicy | undefined;
  /** Client certificates that the agent asks its server for; needs `opamp`, and a store that lasts. Default: it asks for none. */
  certificates?: CertificateOptions | undefined;
  /** Where to send the agent's own metrics. Turns on `reportsOwnMetrics`. */
  ownMetrics?: SettingsHandler<TelemetrySettings> | undefined;
  /** Where to send the agent's own traces. Turns on `reportsOwnTraces`. */
  ownTraces?: SettingsHandler<TelemetrySettings> | undefined;
  /** Where to send the agent's own logs. Turns on `reportsOwnLogs`. */
  ownLogs?: SettingsHandler<TelemetrySettings> | undefined;
  /**
   * Connections whose meaning the agent defines, each by a name (CONN-16). What an offer does not name stays; the handler is
   * called for each name in which something changed, with the whole. Turns on `acceptsOtherConnectionSettings`.
   */
  other?: SettingsHandler<OtherSettings> | undefined;
  /** Another text than at the start before puts aside all that was accepted, and the options count again. Default `""`. */
  settingsEpoch?: string | undefined;
}

/** How far the last offer for the agent's own connection came. */
export type ConnectionState =
  /** It is looked at, or stored. */
  | "candidate"
  /** Its server has yet to answer. */
  | "verifying"
  /** It is in force. */
  | "accepted"
  /** It was not tried. */
  | "rejected"
  /** It was tried, and what was in force before is in force again. */
  | "rolledBack";

/** The agent's own connection: what is in force, and what becomes of an offer. */
export interface ConnectionEvent extends ConnectionFacts {
  /** `undefined` while nothing was offered. */
  readonly state: ConnectionState | undefined;
  /** Whether what is in force is as the options say, or as the server offered it. */
  readonly source: "options" | "server";
  /** Since when the server's are in force. */
  readonly since: Date | undefined;
  /** Of a certificate that the agent has asked for; `undefined` where it waits for none. */
  readonly certificateRequest: CertificateRequestState | undefined;
}
