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

/** What a remote config handler is given besides the config. */
export interface ApplyContext<Applied = RemoteConfig> {
  /** Aborts when a newer offer came, when the time is up, or when the client stops. The outcome no longer counts then. */
  signal: AbortSignal;
  /** The config that was applied last: in this process or, with a store, before a restart; `undefined` if none was. */
  previous: Applied | undefined;
}

/** Takes remote configuration (CFG-01). */
export interface RemoteConfigHandler {
  /**
   * Puts a config to use. While it runs the server sees APPLYING; resolving means APPLIED, rejecting FAILED with the
   * error's message. The same config is not given twice in a row, and only one call runs at a time.
   */
  apply(config: RemoteConfig, context: ApplyContext): void | Promise<void>;
}

/** What the host can do for the server. Each one that is there turns its capabilities on; all can change at run time. */
export interface Handlers {
  /**
   * The configuration in use, as files by name; called for the first report, after each apply, on
   * `refreshEffectiveConfig()` and when the server asks for everything. Turns on `reportsEffectiveConfig`.
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
   * `customMessageMs`.
   */
  expiresInMs?: number;
}

/** How a {@link CustomChannel} is set up. */
export interface ChannelOptions {
  /** How many received messages wait for a consumer that is busy; more are dropped, the newest first. Default 10. */
  maxQueuedMessages?: number;
}

/** Time limits, in milliseconds. */
export interface Timeouts {
  /** From dialling to an open connection. Default 30 000. */
  connectMs?: number;
  /** From a message to the whole of its answer (RETRY-02). Default 30 000. */
  answerMs?: number;
  /** For a remote config handler; then the offer has failed. Default 300 000. */
  applyMs?: number;
  /** For an aborted handler to end before the next one starts regardless. Default 5 000. */
  abortMs?: number;
  /** For the effective config; then reports go without it. Default 5 000. */
  effectiveConfigMs?: number;
  /** For the goodbye of `stop()` and of a reconnect. Default 1 000. */
  closeMs?: number;
}

/** What an instrument is about. */
export interface InstrumentOptions {
  description?: string;
  unit?: string;
  advice?: { explicitBucketBoundaries?: number[] };
}

/** A counter, as OpenTelemetry has it. */
export interface CounterLike {
  add(value: number, attributes?: Record<string, string>): void;
}

/** A histogram, as OpenTelemetry has it. */
export interface HistogramLike {
  record(value: number, attributes?: Record<string, string>): void;
}

/** What the client needs of a meter: one of OpenTelemetry fits. What it does not have is not measured. */
export interface MeterLike {
  createCounter(name: string, options?: InstrumentOptions): CounterLike;
  createUpDownCounter?(name: string, options?: InstrumentOptions): CounterLike;
  createHistogram?(name: string, options?: InstrumentOptions): HistogramLike;
}

/** How an {@link OpAMPClient} is set up. Wrong values and unknown keys throw `ERR_OPAMP_OPTION` at construction. */
export interface OpAMPClientOptions extends Handlers {
  /**
   * The server: ws and wss use WebSocket, http and https polling (TRANS-01). A bare host gets port 4320 and path
   * /v1/opamp (TRANS-02). User and password become an `Authorization` header. Required unless `transport` is given.
   */
  url?: string | URL;
  /**
   * A transport of your own, instead of one chosen by `url`; or `"auto"`: WebSocket, and HTTP polling for as long as what
   * lies in between cannot carry an upgrade.
   */
  transport?: Transport | "auto";
  /**
   * Request headers, or a function called before every dial and every request, or a list of these. After a 401 or 403 the
   * function is asked once more at once, with `refresh: true` (AUTH-02). Not those that the transport sets itself, such as
   * `Content-Type` and `Connection`.
   */
  headers?: HeaderSources;
  /** TLS for wss and https URLs. */
  tls?: TlsOptions;
  /**
   * The proxy to go through; `"env"` reads HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY and never applies to loopback
   * addresses; `false` is none. Default `"env"`.
   */
  proxy?: ProxyOptions | "env" | false;
  /**
   * Whether messages are sent compressed, and over HTTP asked for compressed (HTTP-07, HTTP-09). Compressed ones are
   * understood either way. Default false.
   */
  compression?: boolean;
  /** How many redirects an attempt follows; 0 is none. Default 5. */
  maxRedirects?: number;
  /**
   * WebSocket pings when nothing else came for `intervalMs` milliseconds; a link that stays silent for two intervals is
   * cut. Default: the heartbeat's interval, but 5 000 at least, and 30 000 where there are no heartbeats. `false` is none.
   */
  ping?: { intervalMs?: number } | false;
  /**
   * Who the agent is: at least one identifying attribute, such as `service.name` (DESC-01). A function is called again
   * whenever the instance uid is another one.
   */
  description: Description | DescribeAgent;
  /** How the agent is at first. Giving it, or calling `setHealth`, turns on `reportsHealth`. */
  health?: Health;
  /** What the agent is built of. Giving it, or calling `setAvailableComponents`, turns on `reportsAvailableComponents`. */
  availableComponents?: Components;
  /** UUID text, ULID text or 16 bytes. Default: what the store holds, else a new UUID version 7. */
  instanceUid?: string | Uint8Array;
  /** Ask the server to make the instance uid (UID-04). Default false. */
  requestInstanceUid?: boolean;
  /** What outlives a restart, such as a `fileStore`. Default: a store that does not. */
  store?: Store;
  /**
   * What to do when the store holds the state of a later version, or something of another program: `"stop"` ends the
   * client in the phase `stopped` with `ERR_OPAMP_STORE` before anything is sent; `"newIdentity"` goes on without the
   * store, as another agent. The store is left as it is either way. Default `"stop"`.
   */
  onForeignStore?: "stop" | "newIdentity";
  /** Capabilities to leave off although a handler is there; `true` changes nothing. */
  capabilities?: Readonly<Partial<Record<CapabilityName, boolean>>>;
  /**
   * Heartbeats, and polls on HTTP, in milliseconds: the interval (default 30 000), and the bounds for one that the
   * server offers (defaults 1 000 and no upper bound). A finite `maxMs` also keeps the server from turning heartbeats
   * off.
   */
  heartbeat?: { intervalMs?: number; minMs?: number; maxMs?: number };
  /** Waits between connection attempts, in milliseconds. Defaults 1 000 and 60 000. */
  backoff?: { minMs?: number; maxMs?: number };
  /**
   * Pauses at the server's wish, in milliseconds: the shortest when it names none (default 30 000, THR-06), and the
   * longest that it can impose (default one day).
   */
  throttle?: { floorMs?: number; maxMs?: number };
  timeouts?: Timeouts;
  /** What the first report after a reconnect holds: what the server may not know, or everything. Default `"changed"`. */
  reconnectReport?: "changed" | "full";
  /**
   * The largest message, in bytes, framing included, before compression and after inflation: one limit, or one for each
   * direction (SIZE-01). Default 67 108 864.
   */
  maxMessageBytes?: number | { send?: number; receive?: number };
  /** How many custom messages may wait for the server. Default 100. */
  maxCustomMessages?: number;
  /**
   * How long a custom message may wait for the server, in milliseconds, unless `send` says otherwise; then it is dropped.
   * Default: for ever.
   */
  customMessageMs?: number;
  /**
   * Whether the client keeps the process alive. Default false; a connection that is being made holds it all the same,
   * but no longer than `timeouts.connectMs`.
   */
  keepAlive?: boolean;
  /** Default: nothing is logged. What happens again and again is written ever less often, with a count. */
  logger?: Logger;
  /**
   * Takes secrets out of log lines, errors and diagnostics: names to show or to hide besides those that are hidden by
   * themselves, or a redactor of your own.
   */
  redact?: RedactionLists | Redactor;
  /** An OpenTelemetry meter to measure with, or anything of its shape. Default: none. */
  meter?: MeterLike;
  /** Default: the system's. */
  clock?: Clock;
  /** Uniform in [0, 1), for jitter. Default `Math.random`. */
  random?: () => number;
}
