import type { CapabilityName } from "../core/capabilities.js";
import type { Logger } from "../diagnostics/logger.js";
import type { RedactionLists, Redactor } from "../diagnostics/redactor.js";
import type { Store } from "../store/store.js";
import type { HeaderSources } from "../transport/settings/headers.js";
import type { ProxyOptions } from "../transport/settings/settings.js";
import type { TlsOptions } from "../transport/settings/tls-options.js";
import type { Transport } from "../transport/transport.js";
import type { Components } from "../values/components.js";
import type { ConfigFiles, RemoteConfig } from "../values/config-files.js";
import type { DescribeAgent, Description } from "../values/description.js";
import type { Health } from "../values/health.js";
import type { Clock } from "./clock.js";
import type { ConnectionSettingsOptions, MakeTransport, Verdict } from "./connection-options.js";

/** What a remote config handler gets besides the config. */
export interface ApplyContext<Applied = RemoteConfig> {
  /** Aborts on a newer offer, when the time is up, and when the client stops. The outcome no longer counts then. */
  signal: AbortSignal;
  /** The config that was applied last: in this process or, with a store, before a restart; `undefined` if none was. */
  previous: Applied | undefined;
}

/** Applies remote configuration (CFG-01). */
export interface RemoteConfigHandler {
  /**
   * Checks a config against local restrictions before `apply` is called (SEC-04). Rejecting means FAILED with the error's
   * message, and `apply` is not called; so does returning `false`, which has no reason to report. It has the signal and the time limit of `apply`: `timeouts.applyMs` covers both.
   * Default: every config goes to `apply`.
   */
  validate?(config: RemoteConfig, context: ApplyContext): Verdict;
  /**
   * Applies a config. While it runs the server sees APPLYING; resolving means APPLIED, rejecting FAILED with the
   * error's message; resolving with `false` means FAILED too. The same config is not given twice in a row, and only one call runs at a time.
   */
  apply(config: RemoteConfig, context: ApplyContext): void | Promise<void>;
}

/** What the program can do for the server. Each handler turns its capabilities on; all can be changed at run time. */
export interface Handlers {
  /**
   * The configuration in use, as files by name; called for the first report, after each apply, on
   * `refreshEffectiveConfig()` and when the server asks for everything. What a function of your own returns is sent as it is,
   * secrets included; one made by the helper `effectiveConfig` replaces secrets. Turns on `reportsEffectiveConfig`.
   */
  effectiveConfig?: (() => ConfigFiles | Promise<ConfigFiles>) | undefined;
  /** Turns on `acceptsRemoteConfig` and `reportsRemoteConfig`. */
  remoteConfig?: RemoteConfigHandler | undefined;
  /**
   * Restarts the agent at the server's command (CMD-01); a command that comes while it runs is ignored. Turns on
   * `acceptsRestartCommand`.
   */
  restart?: (() => void | Promise<void>) | undefined;
}

/** A custom message from the server. */
export interface CustomMessageReceived {
  /** Unique only within the capability (CUSTOM-06). */
  readonly type: string;
  /** In whatever format the capability defines. */
  readonly data: Uint8Array;
}

/** How a custom message is sent. */
export interface SendOptions {
  /**
   * How long the message may wait for the server, in milliseconds; then it is dropped. Default: the client's
   * `customMessages.ttlMs`.
   */
  expiresInMs?: number | undefined;
}

/** How a {@link CustomChannel} is set up. */
export interface ChannelOptions {
  /** How many received messages wait for a consumer that is busy; more are dropped, the newest first. Default 10. */
  maxQueuedMessages?: number | undefined;
}

/** Time limits, in milliseconds. */
export interface Timeouts {
  /** From dialling to an open connection. Default 30 000. */
  connectMs?: number | undefined;
  /**
   * From a message to the whole of its answer (RETRY-02); for messages of 256 KiB and more, either way, counted again from each
   * piece that has left or come. Default 30 000.
   */
  answerMs?: number | undefined;
  /**
   * For a remote config handler, and for all handlers of an offer of connection settings together; then the offer has failed.
   * Default 300 000.
   */
  applyMs?: number | undefined;
  /** For an aborted handler to end before the next one starts regardless. Default 5 000. */
  abortMs?: number | undefined;
  /** For the effective config; then reports go without it. Default 5 000. */
  effectiveConfigMs?: number | undefined;
  /** For the disconnect of `stop()` and of a reconnect. Default 1 000. */
  closeMs?: number | undefined;
}

/** What an instrument is about. */
export interface InstrumentOptions {
  /** What is measured, in words. */
  description?: string | undefined;
  /** A UCUM unit, such as `s` or `By`. */
  unit?: string | undefined;
  /** Where the buckets of a histogram end. */
  advice?: { explicitBucketBoundaries?: number[] | undefined } | undefined;
}

/** A counter, as OpenTelemetry has it. */
export interface CounterLike {
  /** Adds to the sum. */
  add(value: number, attributes?: Record<string, string>): void;
}

/** A histogram, as OpenTelemetry has it. */
export interface HistogramLike {
  /** Records a measurement. */
  record(value: number, attributes?: Record<string, string>): void;
}

/** What the client needs of a meter: one of OpenTelemetry fits. What it does not have is not measured. */
export interface MeterLike {
  /** Makes a counter of what only rises. */
  createCounter(name: string, options?: InstrumentOptions): CounterLike;
  /** Makes a counter of what rises and falls. */
  createUpDownCounter?(name: string, options?: InstrumentOptions): CounterLike;
  /** Makes a histogram. */
  createHistogram?(name: string, options?: InstrumentOptions): HistogramLike;
}

/** How an {@link OpAMPClient} is set up. Wrong values and unknown keys throw `ERR_OPAMP_OPTION` at construction. */
export interface OpAMPClientOptions extends Handlers {
  /**
   * The server: ws and wss use WebSocket, http and https polling (TRANS-01). With neither port nor path it gets port
   * 4320 and path /v1/opamp (TRANS-02); with a path alone, the scheme's port (80 or 443). User and password become an `Authorization` header. Required unless `transport` is given.
   */
  url?: string | URL | undefined;
  /**
   * A transport of your own, instead of one chosen by `url`, or a function that makes one for the settings in force
   * (`"committed"`) and for those on trial (`"candidate"`); or `"auto"`: WebSocket, and HTTP polling for as long as no
   * WebSocket gets through.
   */
  transport?: Transport | MakeTransport | "auto" | undefined;
  /**
   * Request headers, or a function called before every dial and every request, or a list of these. After a 401 or 403 the
   * function is asked once more at once, with `refresh: true` (AUTH-02). Not those that the transport sets itself, such as
   * `Content-Type` and `Connection`.
   */
  headers?: HeaderSources | undefined;
  /** TLS for wss and https URLs. */
  tls?: TlsOptions | undefined;
  /**
   * The proxy to go through; `"env"` reads HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY and never applies to loopback
   * addresses; `false` is none. Default `"env"`.
   */
  proxy?: ProxyOptions | "env" | false | undefined;
  /**
   * Whether messages are sent compressed, and over HTTP asked for compressed (HTTP-07, HTTP-09). Compressed ones are
   * understood either way. Default false.
   */
  compression?: boolean | undefined;
  /** How many redirects an attempt follows; 0 is none. Default 5. */
  maxRedirects?: number | undefined;
  /**
   * WebSocket pings when nothing else came for `intervalMs` milliseconds; a link that stays silent for two intervals is
   * cut. Default: the heartbeat's interval, but 5 000 at least, 300 000 at most
   * where the server asks for a longer one, and 30 000 where there are no heartbeats. `false`: no pings.
   */
  ping?: { intervalMs?: number | undefined } | false | undefined;
  /**
   * Who the agent is: at least one identifying attribute, such as `service.name` (DESC-01). A function is called again
   * whenever the instance uid changes.
   */
  description: Description | DescribeAgent;
  /** The health at first. Giving it, or calling `setHealth`, turns on `reportsHealth`. */
  health?: Health | undefined;
  /** What the agent is built of. Giving it, or calling `setAvailableComponents`, turns on `reportsAvailableComponents`. */
  availableComponents?: Components | undefined;
  /**
   * 16 bytes, a ULID, or a UUID in any of its forms, but not all zeros. Default: what the store holds, else a new UUID
   * version 7.
   */
  instanceUid?: string | Uint8Array | undefined;
  /**
   * Ask the server to make the instance uid, with each full report until it has (UID-04). Until then the agent goes by a
   * temporary one: the one given as `instanceUid`, or a new one, which is not stored. Nothing is asked for while the store
   * holds a uid; that one is used. Default false.
   */
  requestInstanceUid?: boolean | undefined;
  /** Which settings for connections the server may offer; not to be changed at run time. Default: none. */
  connectionSettings?: ConnectionSettingsOptions | undefined;
  /** Where state outlives a restart, such as a `fileStore`. Default: nowhere. */
  store?: Store | undefined;
  /**
   * What to do when the store holds the state of a later version, something of another program, or a state that cannot be
   * read now: `"stop"` ends the client in the phase `stopped` with `ERR_OPAMP_STORE` before anything is sent;
   * `"newIdentity"` goes on without the store, as another agent. The store is left as it is either way. Default `"stop"`.
   */
  onForeignStore?: "stop" | "newIdentity" | undefined;
  /**
   * Capabilities not to declare although what they need is supplied, such as `["reportsHeartbeat"]`. Default: none.
   * `reportsStatus` cannot be withheld.
   */
  withhold?: readonly CapabilityName[] | undefined;
  /**
   * Heartbeats, and polls on HTTP, in milliseconds: the interval (default 30 000), and the bounds for one that the
   * server offers (defaults 1 000 and no upper bound). A finite `maxMs` also keeps the server from turning heartbeats
   * off. `zero` says what an interval of 0 means in settings that `connectionSettings.opamp` takes: `"unset"`, the default,
   * or `"off"`.
   */
  heartbeat?:
    | {
        intervalMs?: number | undefined;
        minMs?: number | undefined;
        maxMs?: number | undefined;
        zero?: "unset" | "off" | undefined;
      }
    | undefined;
  /**
   * Waits between connection attempts, in milliseconds: the shortest and the longest. Defaults 1 000 and 60 000. For a
   * fleet, `spreadMs` is the time over which it comes back, a quarter more than its server needs to take all agents: each
   * agent has its turn somewhere in it, also the first one after a break, and again after as long, whatever `maxMs` says.
   * Default: none, and the first attempt after a break is prompt.
   */
  backoff?: { minMs?: number | undefined; maxMs?: number | undefined; spreadMs?: number | undefined } | undefined;
  /**
   * Pauses that the server asks for, in milliseconds: the shortest when it names none (default 30 000, THR-06), and the
   * longest that it can impose (default one day).
   */
  throttle?: { minMs?: number | undefined; maxMs?: number | undefined } | undefined;
  /** Time limits; see {@link Timeouts} for the defaults. */
  timeouts?: Timeouts | undefined;
  /**
   * What the first report on another connection holds. `"full"`, the default: everything, over HTTP only after an exchange
   * whose answer was lost. `"changed"`: what has no answer yet, which costs fewer bytes; a server that forgot what it knew, or
   * whose request for everything was lost with the connection, must then ask (STATUS-07).
   */
  reconnectReport?: "changed" | "full" | undefined;
  /**
   * The largest message, in bytes, framing included, before compression and after inflation: one limit, or one for each
   * direction (SIZE-01). Default 67 108 864.
   */
  maxMessageBytes?: number | { send?: number | undefined; receive?: number | undefined } | undefined;
  /**
   * Custom messages that wait for the server: how many at most (`max`, default 100), and for how many milliseconds
   * (`ttlMs`, default for ever) unless `send` says otherwise; then they are dropped.
   */
  customMessages?: { max?: number | undefined; ttlMs?: number | undefined } | undefined;
  /**
   * Whether the client keeps the process alive, also between connection attempts. Default false; a connection that is being
   * made holds it all the same until it is open or has failed, but no longer than `timeouts.connectMs`, and so does a custom
   * message that can leave soon.
   */
  keepAlive?: boolean | undefined;
  /** Where log lines go, such as `console`. Repeated ones are written less and less often, with a count. Default: none. */
  logger?: Logger | undefined;
  /**
   * Takes secrets out of log lines, errors and diagnostics: names to show or to hide besides those that are hidden by
   * themselves, or a redactor of your own.
   */
  redact?: RedactionLists | Redactor | undefined;
  /** An OpenTelemetry meter to measure with, or anything of its shape. Default: none. */
  meter?: MeterLike | undefined;
  /** Where time comes from. Default: the system. */
  clock?: Clock | undefined;
  /** Random numbers, uniform in [0, 1), for jitter. Default `Math.random`. */
  random?: (() => number) | undefined;
}
