import { EventEmitter } from "eventemitter3";
import { checkFunction, kindOf, wrongOption } from "../base/checks.js";
import { OpAMPClient } from "../client/client.js";
import type { OpAMPClientOptions } from "../client/options.js";
import type { Logger } from "../diagnostics/logger.js";
import { messageOf } from "../errors.js";
import { overProgram } from "./config/connection-keys.js";
import { type ExtensionHost, optionsFrom, readForHost } from "./config/from-extension-config.js";
import { type ComponentHealth, componentHealth } from "./health/component-health.js";
import { type Orphaned, watchParent } from "./parent-watch.js";

const NOT_LASTING =
  "connection_settings: what the server changes ends with this program, and client certificates are refused; give the client a store that lasts, such as fileStore";

const NO_PLACE_FOR_KEYS = [
  "connection_settings.certificates",
  "needs a place for the key; give the client a store that lasts, such as fileStore",
] as const;

/** How an {@link OpAMPExtension} is set up besides its configuration. */
export interface OpAMPExtensionOptions extends ExtensionHost {
  /**
   * Options of the client that the configuration has no words for, such as `store` and `remoteConfig`, or other values; but
   * in `connectionSettings` the keys win that the configuration names, and `accept: false` there.
   */
  client?: Partial<OpAMPClientOptions> | undefined;
}

/** What an {@link OpAMPExtension} tells the program. */
export interface OpAMPExtensionEvents {
  /** The process that `ppid` names is gone. Told once the server knows, and the client has stopped: end the program. */
  orphaned: (event: Orphaned) => void;
}

/**
 * The Collector's OpAMP extension for any program: a client set up from the same configuration, the health of the
 * program's components, and the watch over a parent process.
 */
export class OpAMPExtension implements AsyncDisposable {
  /** For what the extension does not do by itself: events, custom capabilities, `refreshEffectiveConfig()`. */
  readonly client: OpAMPClient;
  /** How the program's components are; call {@link ComponentHealth.ready} once all have started. */
  readonly health: ComponentHealth;
  readonly #events = new EventEmitter<OpAMPExtensionEvents>();
  readonly #log: Logger | undefined;
  readonly #watch: () => { stop(): void } | undefined;
  #watching: { stop(): void } | undefined;
  #stopping: Promise<void> | undefined;

  /**
   * @param config YAML text or an object: a whole Collector file, its `extensions`, or the bare block; or what
   * `readExtensionConfig` returned, which is not read again
   * @throws OpAMPError `ERR_OPAMP_OPTION` naming the key, what is wrong with it and what would be right
   */
  constructor(config: string | object, { client = {}, ...host }: OpAMPExtensionOptions = {}) {
    const read = readForHost(config, host);
    const { capabilities, ppid: pid, ppidPollIntervalMs: intervalMs } = read;
    const { clock, logger } = client;
    this.#log = logger;
    const options = optionsFrom(read, host);
    const { connectionSettings } = options;
    const warn = host.onWarning ?? ((text) => logger?.warn(text));
    if (connectionSettings?.opamp && client.store?.lasting !== true) {
      if (connectionSettings.certificates !== undefined) throw wrongOption(...NO_PLACE_FOR_KEYS);
      warn(NOT_LASTING);
    }
    this.client = new OpAMPClient({
      ...options,
      ...client,
      ...(connectionSettings && {
        connectionSettings: overProgram(connectionSettings, client.connectionSettings, warn),
      }),
    });
    this.health = componentHealth(
      (health) => {
        if (capabilities.reportsHealth && this.client.phase !== "stopped") this.client.setHealth(health);
      },
      clock === undefined ? {} : { clock },
    );
    const onOrphaned = (orphaned: Orphaned): void => void this.#orphaned(orphaned);
    this.#watch = () => (pid === 0 ? undefined : watchParent({ pid, intervalMs, onOrphaned, ...(clock && { clock }) }));
  }

  /**
   * Adds a listener. Events of the connection are those of `client`.
   *
   * @throws OpAMPError `ERR_OPAMP_OPTION`
   */
  on<E extends keyof OpAMPExtensionEvents>(event: E, listener: OpAMPExtensionEvents[E]): this {
    const given: unknown = event;
    if (given !== "orphaned") {
      const name = typeof given === "string" ? JSON.stringify(given) : kindOf(given);
      throw wrongOption("event", `must be "orphaned", not ${name}; the client's own events are those of \`client.on\``);
    }
    checkFunction("listener", listener ?? null);
    this.#events.on(event, listener);
    return this;
  }

  /** Takes a listener off. */
  off<E extends keyof OpAMPExtensionEvents>(event: E, listener: OpAMPExtensionEvents[E]): this {
    this.#events.off(event, listener);
    return this;
  }

  /**
   * Begins to connect, and to watch the parent. Calling it again changes nothing.
   *
   * @throws OpAMPError `ERR_OPAMP_STOPPED` after `stop`
   */
  start(): void {
    this.client.start();
    this.#watching ??= this.#watch();
  }

  /**
   * Tells the server that the program is no longer healthy, disconnects and ends everything. Safe to call again, and in
   * a handler; never rejects.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop(() => this.health.notReady());
    return this.#stopping;
  }

  /** The same as `stop()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(last: () => void): Promise<void> {
    this.#watching?.stop();
    last();
    this.health.stop();
    await this.client.stop();
  }

  async #orphaned(orphaned: Orphaned): Promise<void> {
    const { message: error } = orphaned;
    this.#stopping = this.#stop(() => {
      // Or it would wait until the program is ready, which it will never be.
      this.health.ready();
      this.health.set("StatusFatalError", { error });
    });
    await this.#stopping;
    for (const listener of this.#events.listeners("orphaned")) await this.#tell(listener, orphaned);
  }

  /** One that fails harms neither the others nor the program. */
  async #tell(listener: OpAMPExtensionEvents["orphaned"], orphaned: Orphaned): Promise<void> {
    try {
      // One that is asynchronous may fail later.
      const told: unknown = listener(orphaned);
      await told;
    } catch (cause) {
      this.#log?.error(`a listener of "orphaned" failed: ${messageOf(cause)}`);
    }
  }
}
