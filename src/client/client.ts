import { traceOf } from "../base/trace.js";
import type { WaitOptions } from "../base/wait-options.js";
import { type CapabilityName, namesIn, type ServerCapabilityName, serverNamesIn } from "../core/capabilities.js";
import type { Phase } from "../core/phases.js";
import { type Components, toAvailableComponents } from "../values/components.js";
import { type DescribeAgent, type Description, fromAgentDescription } from "../values/description.js";
import { type Health, toComponentHealth } from "../values/health.js";
import { wallNanoseconds } from "./clock.js";
import type { ConnectionEvent } from "./connection-options.js";
import type { OpAMPClientEvents } from "./events.js";
import { type CustomChannel, CustomChannels } from "./handlers/custom-channels.js";
import { checkNewHandlers } from "./handlers/handler-table.js";
import { type ClientStats, statsOf } from "./observe/counters.js";
import type { ChannelOptions, Handlers, OpAMPClientOptions } from "./options.js";
import { assemble } from "./run/assemble.js";
import { type ClientParts, Lifecycle } from "./run/lifecycle.js";
import { listenersIn } from "./run/output-router.js";

/**
 * An OpAMP agent: one connection to one server.
 *
 * No method needs the network, or throws because of it: changes are kept, merged, and reported when the server can be
 * reached. Connection failures are `phase` and `error` events.
 */
export class OpAMPClient implements AsyncDisposable {
  readonly #parts: ClientParts;
  readonly #life: Lifecycle;
  /** When the agent as a whole began, in nanoseconds since the Unix epoch. */
  readonly #startTime: bigint;

  /** @throws OpAMPError `ERR_OPAMP_OPTION`, `ERR_OPAMP_INSTANCE_UID` */
  constructor(options: OpAMPClientOptions) {
    this.#parts = assemble(options);
    this.#life = new Lifecycle(this.#parts);
    this.#startTime = wallNanoseconds(this.#parts.clock);
    this.setDescription(options.description);
    if (options.health !== undefined) this.setHealth(options.health);
    if (options.availableComponents !== undefined) this.setAvailableComponents(options.availableComponents);
  }

  /** The phase of the connection. */
  get phase(): Phase {
    return this.#parts.core.phase;
  }

  /** The agent's instance uid as UUID text. The server may change it; with a store, it is final only after `start`. */
  get instanceUid(): string {
    return this.#parts.instanceUidText();
  }

  /** The capabilities that the agent declares: those that follow from what the program supplies, less `withhold`. A snapshot. */
  get capabilities(): ReadonlySet<CapabilityName> {
    return namesIn(this.capabilityMask);
  }

  /** The declared capabilities as the bit mask on the wire. */
  get capabilityMask(): bigint {
    return this.#parts.core.capabilities;
  }

  /** What the server declared last; empty while it has not (CAP-07). A snapshot; bits without a name are left out. */
  get serverCapabilities(): ReadonlySet<ServerCapabilityName> {
    return serverNamesIn(this.serverCapabilityMask);
  }

  /** What the server declared last, as the mask on the wire; 0 while it has not (CAP-07). */
  get serverCapabilityMask(): bigint {
    return this.#parts.core.serverCapabilities;
  }

  /** Who the agent is: a copy of what was given last, or of what a function made for the current instance uid. */
  get description(): Description {
    return fromAgentDescription(this.#parts.core.description);
  }

  /** The agent's own connection; `undefined` where the server may not change it, see `connectionSettings`. */
  get connection(): ConnectionEvent | undefined {
    return this.#parts.settings?.facts;
  }

  /** Counts, sizes and times so far: a snapshot, cheap to take. */
  stats(): ClientStats {
    return statsOf(this.#parts);
  }

  /**
   * Adds a listener. If it throws or rejects, that is an `error` event.
   *
   * @throws OpAMPError `ERR_OPAMP_OPTION`
   */
  on<E extends keyof OpAMPClientEvents>(event: E, listener: OpAMPClientEvents[E]): this {
    listenersIn(this.#parts).on(event, listener);
    return this;
  }

  /**
   * Adds a listener for the next event only.
   *
   * @throws OpAMPError `ERR_OPAMP_OPTION`
   */
  once<E extends keyof OpAMPClientEvents>(event: E, listener: OpAMPClientEvents[E]): this {
    listenersIn(this.#parts).once(event, listener);
    return this;
  }

  /** Removes a listener. */
  off<E extends keyof OpAMPClientEvents>(event: E, listener: OpAMPClientEvents[E]): this {
    this.#parts.listeners?.off(event, listener);
    return this;
  }

  /**
   * Reads the store, then connects, and never gives up; only a store that is not for this version stops it, see
   * `onForeignStore`. Calling it again has no effect.
   *
   * @throws OpAMPError `ERR_OPAMP_STOPPED` after `stop`
   */
  start(): void {
    this.#life.start();
  }

  /**
   * Resolves when the server has been reached, at once if it already is. May be called before `start`, and then waits for
   * that too. Keeps the process alive while it waits.
   *
   * @throws OpAMPError `ERR_OPAMP_TIMEOUT` with the last failure as its cause, `ERR_OPAMP_STOPPED`, `ERR_OPAMP_OPTION`,
   * or what the signal was aborted with
   */
  connected(options: WaitOptions = {}): Promise<void> {
    return this.#life.connected(options, traceOf(this.connected));
  }

  /**
   * Disconnects from the server, closes, and ends everything the client started. Over HTTP this also makes one attempt to
   * disconnect while the client waits after a failure, but not in a pause that the server asked for. Safe to call again,
   * and inside a handler; both give the same promise, which never rejects.
   *
   * @param options.timeoutMs how long the disconnect may take; default `timeouts.closeMs`
   */
  stop({ timeoutMs }: { timeoutMs?: number | undefined } = {}): Promise<void> {
    return this.#life.stop(timeoutMs);
  }

  /** The same as `stop()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Disconnects in an orderly way and connects again, with fresh headers (DUP-02). No effect while not connected. */
  reconnect(): void {
    this.#life.refuseWhenStopped("reconnect");
    this.#parts.driver.feed({ type: "reconnect" });
  }

  /**
   * Sets the description; a function is called again whenever the instance uid changes.
   *
   * @throws OpAMPError `ERR_OPAMP_OPTION`, `ERR_OPAMP_STOPPED`, and what a function throws when it is called here
   */
  setDescription(description: Description | DescribeAgent): void {
    this.#life.refuseWhenStopped("setDescription");
    this.#parts.handlers.describe(description, this.instanceUid);
  }

  /**
   * Sets the health. The first call turns on `reportsHealth`; a health that differs only in its times is not sent.
   *
   * @throws OpAMPError `ERR_OPAMP_OPTION`, `ERR_OPAMP_STOPPED`
   */
  setHealth(health: Health): void {
    this.#life.refuseWhenStopped("setHealth");
    const times = { startTime: this.#startTime, statusTime: wallNanoseconds(this.#parts.clock) };
    const value = toComponentHealth(health, times);
    if (!this.#parts.supplied.health) this.#parts.handlers.supply({ health: true });
    this.#parts.driver.feed({ type: "set", parts: { health: value } });
  }

  /**
   * Sets the components that the agent is built of. The first call turns on `reportsAvailableComponents`. The server gets
   * the hash, and the components themselves when it asks (COMP-02, COMP-05).
   *
   * @throws OpAMPError `ERR_OPAMP_OPTION`, `ERR_OPAMP_STOPPED`
   */
  setAvailableComponents(components: Components): void {
    this.#life.refuseWhenStopped("setAvailableComponents");
    const availableComponents = toAvailableComponents(components);
    if (!this.#parts.supplied.components) this.#parts.handlers.supply({ components: true });
    this.#parts.driver.feed({ type: "set", parts: { availableComponents } });
  }

  /**
   * Fetches the effective config again, and reports it if it has changed.
   *
   * @throws OpAMPError `ERR_OPAMP_OPTION` when there is no `effectiveConfig` handler, `ERR_OPAMP_STOPPED`
   */
  refreshEffectiveConfig(): void {
    const { effectiveConfig } = this.#parts.supplied.handlers;
    this.#life.needed("refreshEffectiveConfig", effectiveConfig, "effectiveConfig", ", or call setHandlers()");
    this.#parts.driver.feed({ type: "refresh" });
  }

  /**
   * Asks the server for another instance uid, with the next message and with each full report until one has come; see
   * `requestInstanceUid` for the first one (UID-04). It comes with the `instanceUid` event.
   *
   * @throws OpAMPError `ERR_OPAMP_STOPPED`
   */
  requestNewInstanceUid(): void {
    this.#life.refuseWhenStopped("requestNewInstanceUid");
    this.#parts.driver.feed({ type: "requestUid" });
  }

  /**
   * Runs the remote config handler again for the offer that failed last; no effect if none failed. One that failed before
   * the last start is forgotten: the server is told UNSET, and may offer the same again.
   */
  retryRemoteConfig(): void {
    this.#life.refuseWhenStopped("retryRemoteConfig");
    this.#parts.driver.feedLater({ type: "retry", kind: "remoteConfig" });
  }

  /**
   * Tries the connection settings that failed last once more; what is in force already is left alone. Where they failed
   * before the last start, they are forgotten: the server is told UNSET, and may offer the same again.
   *
   * @throws OpAMPError `ERR_OPAMP_OPTION` without `connectionSettings`, `ERR_OPAMP_STOPPED`
   */
  retryConnectionSettings(): void {
    this.#life.needed("retryConnectionSettings", this.#parts.settings, "connectionSettings");
    this.#parts.driver.feedLater({ type: "retry", kind: "connectionSettings" });
  }

  /**
   * Puts aside what was accepted for the agent's own connection, and connects as the options say. Settings for other
   * connections stay in force. The server may offer all again. Nothing before the client has begun to connect.
   *
   * @throws OpAMPError `ERR_OPAMP_OPTION` without `connectionSettings`, `ERR_OPAMP_STOPPED`
   */
  forgetConnectionSettings(): void {
    const settings = this.#life.needed("forgetConnectionSettings", this.#parts.settings, "connectionSettings");
    if (this.phase !== "idle") settings.forget();
  }

  /**
   * Asks the server for a client certificate now: again with the key that waits for one, where there is such a key.
   *
   * @throws OpAMPError `ERR_OPAMP_OPTION` without `connectionSettings.certificates`, `ERR_OPAMP_STOPPED`
   */
  requestCertificate(): void {
    const certificates = this.#parts.settings?.certificates;
    this.#life.needed("requestCertificate", certificates, "connectionSettings.certificates").ask();
  }

  /**
   * Changes handlers: those named here replace the old ones, `undefined` removes one. The capabilities that follow are
   * declared at once (CAP-04).
   *
   * @throws OpAMPError `ERR_OPAMP_OPTION`, `ERR_OPAMP_STOPPED`
   */
  setHandlers(handlers: Handlers): void {
    this.#life.refuseWhenStopped("setHandlers");
    checkNewHandlers(handlers);
    this.#parts.handlers.supply({ handlers: { ...this.#parts.supplied.handlers, ...handlers } });
  }

  /**
   * Announces a custom capability and returns a channel for its messages.
   *
   * @param name reverse domain name, a dot and a short name, perhaps `/` and a version: `com.example.feature/v2`
   * @throws OpAMPError `ERR_OPAMP_CAPABILITY`, `ERR_OPAMP_OPTION`, `ERR_OPAMP_STOPPED`
   */
  customCapability(name: string, options?: ChannelOptions): CustomChannel {
    this.#life.refuseWhenStopped("customCapability");
    const { core, driver, failed, customMessageTtlMs } = this.#parts;
    this.#parts.channels ??= new CustomChannels(core.custom, driver.feed.bind(driver), failed, customMessageTtlMs);
    const channel = this.#parts.channels.register(name, options);
    if (this.#life.isRefused) this.#life.endWaits();
    return channel;
  }
}
