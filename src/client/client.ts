import { uidText } from "../base/uid.js";
import type { Core } from "../core/core.js";
import type { Phase } from "../core/phases.js";
import { OpAMPError } from "../errors.js";
import type { StoredState } from "../store/store.js";
import { type Components, toAvailableComponents } from "../values/components.js";
import type { DescribeAgent, Description } from "../values/description.js";
import { type Health, toComponentHealth } from "../values/health.js";
import { newInstanceUid, parseInstanceUid } from "../values/instance-uid.js";
import { type Clock, systemClock, wallNanoseconds } from "./clock.js";
import type { OpAMPClientEvents, WarningEvent } from "./events.js";
import { ChannelsOnDemand } from "./handlers/channels-on-demand.js";
import type { ChannelOptions, CustomChannel } from "./handlers/custom-channel.js";
import { HostCalls } from "./handlers/host-calls.js";
import { SelfDescription } from "./handlers/self-description.js";
import { Metering } from "./observe/meter.js";
import { Notifier } from "./observe/notifier.js";
import type { ClientStats } from "./observe/tally.js";
import { Telemetry } from "./observe/telemetry.js";
import type { Handlers, OpAMPClientOptions } from "./options.js";
import { createCore } from "./run/create-core.js";
import { Driver } from "./run/driver.js";
import { Host } from "./run/host.js";
import { makeTransport } from "./run/make-transport.js";
import { Waiters, type WaitOptions } from "./run/waiters.js";
import { declaredMask, type Supplied } from "./settings/declared.js";
import { checkNewHandlers, readSettings, type Settings } from "./settings/settings.js";
import { warningsAbout } from "./settings/warnings.js";
import { Persistence } from "./state/persistence.js";
import { startInput } from "./state/stored-state.js";

/**
 * The agent side of one OpAMP connection.
 *
 * Nothing here needs the network or throws for it: changes are kept, merged and reported when the server can be
 * reached. Connection failures are `phase` and `error` events.
 */
export class OpAMPClient implements AsyncDisposable {
  readonly #settings: Pick<Settings, "off" | "requestInstanceUid" | "timeouts">;
  readonly #core: Core;
  readonly #driver: Driver;
  readonly #host: Host;
  readonly #notifier: Notifier;
  readonly #persistence: Persistence;
  readonly #channels: ChannelsOnDemand;
  readonly #waiters: Waiters;
  readonly #self: SelfDescription;
  readonly #telemetry: Telemetry;
  readonly #warnings: readonly WarningEvent[];
  /** When the agent as a whole began, in nanoseconds since the Unix epoch. */
  readonly #startTime: bigint;
  readonly #clock: Clock;
  readonly #givenUid: boolean;
  readonly #supplied: Supplied;
  #started = false;
  /** Why the client stopped by itself. */
  #refused: OpAMPError | undefined;
  #stopping: Promise<void> | undefined;

  /** @throws OpAMPError `ERR_OPAMP_OPTION`, `ERR_OPAMP_INSTANCE_UID` */
  constructor(options: OpAMPClientOptions) {
    const settings = readSettings(options);
    const { off, requestInstanceUid, timeouts, redactor } = settings;
    this.#settings = { off, requestInstanceUid, timeouts };
    const clock = options.clock ?? systemClock(settings.keepAlive);
    const { effectiveConfig, remoteConfig, restart } = options;
    this.#supplied = { handlers: { effectiveConfig, remoteConfig, restart }, health: false, components: false };
    this.#clock = clock;
    this.#startTime = wallNanoseconds(clock);
    this.#givenUid = options.instanceUid !== undefined;
    const instanceUid = options.instanceUid === undefined ? newInstanceUid() : parseInstanceUid(options.instanceUid);
    const transport = makeTransport(options, settings, clock, () => this.instanceUid);
    this.#core = createCore(settings, {
      instanceUid,
      capabilities: declaredMask(this.#supplied, off),
      random: options.random ?? Math.random,
    });
    const metering = options.meter && new Metering(options.meter, (error) => this.#notifier.failed(error));
    this.#telemetry = new Telemetry(this.#core, transport, clock, redactor, metering);
    this.#notifier = new Notifier(options.logger, clock, redactor, this.#telemetry);
    this.#warnings = warningsAbout(options, settings);
    this.#driver = new Driver(this.#core, transport, clock, (output) => this.#host.carryOut(output), this.#telemetry);
    const feed = this.#driver.feed.bind(this.#driver);
    const failed = this.#notifier.failed.bind(this.#notifier);
    const calls = new HostCalls(this.#supplied, clock, feed, failed);
    this.#persistence = new Persistence(options.store, clock, failed, settings.onForeignStore);
    this.#waiters = new Waiters(clock, () => this.#notifier.lastError);
    this.#self = new SelfDescription(this, feed, failed);
    this.#channels = new ChannelsOnDemand(feed, failed, settings.customMessageMs);
    this.#host = new Host(
      this.#self,
      calls,
      this.#channels,
      this.#notifier,
      this.#persistence,
      this.#waiters,
      this.#telemetry,
    );
    this.setDescription(options.description);
    if (options.health !== undefined) this.setHealth(options.health);
    if (options.availableComponents !== undefined) this.setAvailableComponents(options.availableComponents);
  }

  /** Where the link stands. */
  get phase(): Phase {
    return this.#core.phase;
  }

  /** The agent's name as UUID text. The server may change it; with a store, the one that counts is known after `start`. */
  get instanceUid(): string {
    return uidText(this.#core.instanceUid);
  }

  /** What the agent declares, as the mask on the wire. */
  get capabilities(): bigint {
    return this.#core.capabilities;
  }

  /** What the server declared last, as the mask on the wire; 0 while it has not (CAP-07). */
  get serverCapabilities(): bigint {
    return this.#core.serverCapabilities;
  }

  /** What the client has done so far: counts, sizes and times. Cheap. */
  stats(): ClientStats {
    return this.#telemetry.stats();
  }

  on<E extends keyof OpAMPClientEvents>(event: E, listener: OpAMPClientEvents[E]): this {
    this.#notifier.listeners.on(event, listener);
    return this;
  }

  once<E extends keyof OpAMPClientEvents>(event: E, listener: OpAMPClientEvents[E]): this {
    this.#notifier.listeners.once(event, listener);
    return this;
  }

  off<E extends keyof OpAMPClientEvents>(event: E, listener: OpAMPClientEvents[E]): this {
    this.#notifier.listeners.off(event, listener);
    return this;
  }

  /**
   * Begins: reads the store, then dials, and never gives up; only a store that is not for this version ends it, see
   * `onForeignStore`. Calling it again changes nothing.
   *
   * @throws OpAMPError `ERR_OPAMP_STOPPED` after `stop`
   */
  start(): void {
    this.#refuseWhenStopped("start");
    if (this.#started) return;
    this.#started = true;
    for (const warning of this.#warnings) this.#notifier.warning(warning);
    const loaded = this.#persistence.load();
    if (loaded instanceof Promise) void loaded.then((later) => this.#begin(later));
    else this.#begin(loaded);
  }

  /**
   * Resolves once the server has been reached; at once if it is. The process is kept alive while anybody waits here.
   *
   * @throws OpAMPError `ERR_OPAMP_TIMEOUT` with the last failure as its cause, `ERR_OPAMP_STOPPED`, `ERR_OPAMP_OPTION`,
   * or what the signal was aborted with
   */
  connected(options: WaitOptions = {}): Promise<void> {
    if (this.#stopping !== undefined || this.phase === "stopped") return Promise.reject(this.#stopped("connected"));
    return this.phase === "online" ? Promise.resolve() : this.#waiters.online(options);
  }

  /**
   * Says goodbye, closes, and ends everything the client started. Safe to call again, and inside a handler; both give
   * the same promise, which never rejects.
   *
   * @param options.timeoutMs how long the goodbye may take; default `timeouts.closeMs`
   */
  stop({ timeoutMs }: { timeoutMs?: number } = {}): Promise<void> {
    if (this.#stopping !== undefined) return this.#stopping;
    let ended: () => void = () => undefined;
    // There before anything happens: a listener may call this again at once.
    this.#stopping = new Promise((resolve) => {
      ended = resolve;
    });
    // Whatever is no duration must neither throw here nor keep the end from coming.
    const isDuration = typeof timeoutMs === "number" && timeoutMs >= 0;
    void this.#stop(isDuration ? timeoutMs : this.#settings.timeouts.closeMs).finally(ended);
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Says goodbye to the server and dials again, with headers asked for anew (DUP-02). Nothing while there is no link. */
  reconnect(): void {
    this.#refuseWhenStopped("reconnect");
    this.#driver.feed({ type: "reconnect" });
  }

  /**
   * Who the agent is; a function is called again whenever the instance uid is another one.
   *
   * @throws OpAMPError `ERR_OPAMP_OPTION`, `ERR_OPAMP_STOPPED`, and what a function throws when it is called here
   */
  setDescription(description: Description | DescribeAgent): void {
    this.#refuseWhenStopped("setDescription");
    this.#self.set(description);
  }

  /**
   * How the agent is. The first call turns on `reportsHealth`; a health that differs only in its times is not sent.
   *
   * @throws OpAMPError `ERR_OPAMP_OPTION`, `ERR_OPAMP_STOPPED`
   */
  setHealth(health: Health): void {
    this.#refuseWhenStopped("setHealth");
    const value = toComponentHealth(health, { startTime: this.#startTime, statusTime: wallNanoseconds(this.#clock) });
    if (!this.#supplied.health) this.#supply({ health: true });
    this.#driver.feed({ type: "set", parts: { health: value } });
  }

  /**
   * What the agent is built of. The first call turns on `reportsAvailableComponents`. The server is told the hash, and
   * the components themselves when it asks (COMP-02, COMP-05).
   *
   * @throws OpAMPError `ERR_OPAMP_OPTION`, `ERR_OPAMP_STOPPED`
   */
  setAvailableComponents(components: Components): void {
    this.#refuseWhenStopped("setAvailableComponents");
    const availableComponents = toAvailableComponents(components);
    if (!this.#supplied.components) this.#supply({ components: true });
    this.#driver.feed({ type: "set", parts: { availableComponents } });
  }

  /** Has the effective config fetched again, and reported if it is another one. */
  refreshEffectiveConfig(): void {
    this.#refuseWhenStopped("refreshEffectiveConfig");
    this.#driver.feed({ type: "refresh" });
  }

  /** Runs the remote config handler once more for the offer that failed last; nothing if none did. */
  retryRemoteConfig(): void {
    this.#refuseWhenStopped("retryRemoteConfig");
    this.#driver.feedLater({ type: "retryRemoteConfig" });
  }

  /**
   * Changes what the host can do: handlers named here replace the old ones, `undefined` takes one away. The server is
   * told at once (CAP-04).
   *
   * @throws OpAMPError `ERR_OPAMP_OPTION`, `ERR_OPAMP_STOPPED`
   */
  setHandlers(handlers: Handlers): void {
    this.#refuseWhenStopped("setHandlers");
    checkNewHandlers(handlers);
    this.#supply({ handlers: { ...this.#supplied.handlers, ...handlers } });
  }

  /**
   * Announces a custom capability and returns a channel for its messages.
   *
   * @param name reverse domain name, a dot and a short name, perhaps `/` and a version: `com.example.feature/v2`
   * @throws OpAMPError `ERR_OPAMP_CAPABILITY`, `ERR_OPAMP_OPTION`, `ERR_OPAMP_STOPPED`
   */
  customCapability(name: string, options?: ChannelOptions): CustomChannel {
    this.#refuseWhenStopped("customCapability");
    const channel = this.#channels.register(name, options);
    if (this.#refused !== undefined) this.#endWaits();
    return channel;
  }

  #begin(state: StoredState | OpAMPError): void {
    if (this.#stopping !== undefined) return;
    if (state instanceof OpAMPError) return this.#refuse(state);
    this.#host.restore(state);
    this.#driver.feed(startInput(state, this.#givenUid));
    this.#self.renamed();
    const isKnown = state.instanceUid !== undefined && !this.#givenUid;
    if (!isKnown && !this.#settings.requestInstanceUid) this.#persistence.save({ instanceUid: this.#core.instanceUid });
  }

  /** The end without a beginning. What the host calls later has no effect, and does not throw: it did not ask for this. */
  #refuse(error: OpAMPError): void {
    this.#refused = error;
    this.#driver.feed({ type: "stop", withinMs: 0, error });
    this.#endWaits();
  }

  #endWaits(): void {
    this.#waiters.fail(this.#stopped("connected"));
    this.#channels.current?.stop(this.#stopped("a custom message"));
  }

  async #stop(withinMs: number): Promise<void> {
    const hold = this.#waiters.hold();
    try {
      this.#driver.feed({ type: "stop", withinMs });
      this.#waiters.fail(this.#stopped("connected"));
      await this.#waiters.stopped(this.phase);
      this.#channels.current?.stop(this.#stopped("a custom message"));
      await this.#waiters.atMost(withinMs, this.#persistence.close());
    } finally {
      hold();
    }
  }

  #supply(more: Partial<Supplied>): void {
    Object.assign(this.#supplied, more);
    this.#driver.feed({ type: "declare", capabilities: declaredMask(this.#supplied, this.#settings.off) });
  }

  #refuseWhenStopped(what: string): void {
    if (this.#stopping !== undefined) throw this.#stopped(what);
  }

  #stopped(what: string): OpAMPError {
    const cause = this.#refused;
    if (cause === undefined) return new OpAMPError("ERR_OPAMP_STOPPED", `${what}: the client has been stopped`);
    const text = `${what}: the client has stopped: ${cause.message}`;
    return new OpAMPError("ERR_OPAMP_STOPPED", text, { cause, hint: cause.hint });
  }
}
