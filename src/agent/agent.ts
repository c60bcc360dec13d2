import { sameBytes } from "../base/bytes.js";
import { type Logger, logError, withFields, writeEntry } from "../diagnostics/logger.js";
import { createRedactor, type Redactor } from "../diagnostics/redactor.js";
import { messageOf, OpAMPError } from "../errors.js";
import { OpAMPExtension } from "../extension/opamp-extension.js";
import { lockDirectory } from "../store/directory-lock.js";
import { type FileStore, fileStore } from "../store/file-store.js";
import type { Store, StoredState } from "../store/store.js";
import { shownUrl } from "../transport/url/endpoint.js";
import { type ConfigDirectory, configDirectory } from "./config-directory/config-directory.js";
import { missingLocalFiles } from "./config-directory/local-files.js";
import { watchEffectiveFiles } from "./effective-files.js";
import { type AgentHost, extensionHost, type ServiceName } from "./extension-host.js";
import type { AgentConfig } from "./file/agent-config.js";
import type { HealthCheck } from "./health/health-check.js";
import { startHealthChecks } from "./health/program-health.js";

/** What an {@link Agent} needs from the program around it. */
export interface AgentOptions {
  log: Logger;
  service: ServiceName;
  /** A text of the client in the words of the surface that the agent was set up with. Default: as it is. */
  words?: (text: string) => string;
  /** Whether an operator wants the last offer to be tried again if it failed. Default false: it is remembered as it ended. */
  triesAgain?: boolean;
  /** The agent has stopped by itself: the process that `ppid` names is gone, or the client cannot go on. */
  onStopped: (message: string) => void;
}

/** How often the files of the effective config are looked at, in milliseconds. */
const LOOK_MS = 30_000;
/** For another agent to let go of the config directory, as after a restart that overlaps. */
const LOCK_WAIT_MS = 2_000;
/** When it is first said that a directory is still being opened, and how often after that, in milliseconds. */
const SLOW_MS = LOCK_WAIT_MS + 1_000;
const STILL_MS = 5_000;

const NOT_KEPT =
  "connection_settings: storage.directory cannot be used, so the agent connects as its file says, and what the server offers fails until it can be written";

/** `opamp agent` without the command line: an agent for a program that reads its configuration from files. */
export class Agent {
  readonly #config: AgentConfig;
  readonly #options: AgentOptions;
  readonly #store: FileStore;
  readonly #stopping = new AbortController();
  readonly #directory: ConfigDirectory | undefined;
  readonly #host: AgentHost;
  readonly #extension: OpAMPExtension;
  #state: StoredState | undefined;
  #starting: Promise<void> | undefined;
  /** There once the extension has started. */
  #checks: HealthCheck | undefined;
  #endWatch: (() => void) | undefined;
  #opening: string | undefined;

  /**
   * Checks everything that can be checked without acting on it.
   *
   * @throws OpAMPError `ERR_OPAMP_OPTION`, `ERR_OPAMP_INSTANCE_UID`
   */
  constructor(config: AgentConfig, options: AgentOptions) {
    const { onStopped } = options;
    const log = withFields(options.log, () => ({ instanceUid: this.#instanceUid }));
    this.#config = config;
    this.#options = { ...options, log };
    this.#store = fileStore(config.stateDirectory);
    const lock = (path: string) =>
      lockDirectory(path, LOCK_WAIT_MS, (error) => logError(log, "warn", error)).catch((error: unknown) => {
        throw error instanceof OpAMPError && !error.retryable ? inUse(error, "remote_config.directory") : error;
      });
    this.#directory = config.remoteConfig && configDirectory(config.remoteConfig, { log, lock });
    this.#host = extensionHost(config, this.#directory, { ...this.#options, stopping: this.#stopping.signal });
    // Open when the client asks for it, and open until all else has ended.
    const { lasting, blobs } = this.#store;
    const save = this.#store.save.bind(this.#store);
    const store: Store = { load: () => this.#state, save, lasting, blobs };
    this.#extension = new OpAMPExtension(config.extension, {
      ...this.#host,
      client: { ...this.#host.client, store, keepAlive: true, logger: options.log, redact: redactorIn(options.words) },
    });
    this.#extension.on("orphaned", ({ message }) => onStopped(message));
  }

  /**
   * Recovers from whatever a crash left, and begins to connect. Needs no network.
   *
   * @throws OpAMPError `ERR_OPAMP_STORE` when another agent uses one of the directories, one of them holds what is not for
   * this version (`foreignStore`), or the config directory cannot be used otherwise
   */
  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /** Ends everything: an apply under way is rolled back, commands are ended, and the server is told. Never rejects. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error("the agent stops"));
    await this.#starting?.catch(() => undefined);
    this.#endWatch?.();
    await this.#checks?.stop();
    if (this.#checks !== undefined) await this.#extension.stop();
    await this.#host.settled();
    await this.#directory?.close();
    // Last: the next agent that opens it changes the same files.
    await this.#store.close().catch((error: unknown) => logError(this.#options.log, "warn", error));
  }

  async #start(): Promise<void> {
    const { stateDirectory, remoteConfig } = this.#config;
    this.#state = await this.#opened(stateDirectory, () => this.#load());
    if (this.#options.triesAgain === true) this.#forgetFailures();
    if (remoteConfig !== undefined) await this.#opened(remoteConfig.directory, () => this.#recover());
    if (this.#stopping.signal.aborted) return;
    this.#watchFiles();
    this.#checks = startHealthChecks(this.#config.health, this.#extension.health, this.#options.log);
    this.#introduce();
    this.#extension.start();
    // A client that cannot go on says so before its first connection; one that is stopped has no cause.
    this.#extension.client.connected().catch(({ cause }: OpAMPError) => {
      if (cause instanceof OpAMPError) this.#options.onStopped(cause.message);
    });
  }

  /** Nothing before it is known: a state that is read may have another one than the client begins with. */
  get #instanceUid(): string | undefined {
    return this.#checks === undefined ? undefined : this.#extension.client.instanceUid;
  }

  /** Whether it has a connection to the server. */
  get isConnected(): boolean {
    return ["reporting", "online"].includes(this.#extension.client.phase);
  }

  /** Opens a directory, and says so: on a file system that does not answer that may never end. */
  async #opened<T>(path: string, open: () => Promise<T>): Promise<T> {
    const { log } = this.#options;
    log.debug(`Opening the directory ${path}`);
    const say = (): void => log.info(`Still waiting for the directory ${path}`);
    const timers = [setTimeout(say, SLOW_MS), setInterval(say, STILL_MS)];
    this.#opening = path;
    try {
      return await open();
    } finally {
      for (const timer of timers) clearTimeout(timer);
      this.#opening = undefined;
    }
  }

  /** The log, with the agent's instance uid in each line. */
  get log(): Logger {
    return this.#options.log;
  }

  /** The directory that is being opened. */
  get opening(): string | undefined {
    return this.#opening;
  }

  #introduce(): void {
    const { extension, stateDirectory, remoteConfig } = this.#config;
    const { client } = this.#extension;
    const configs = remoteConfig === undefined ? "" : `, offered configuration in ${remoteConfig.directory}`;
    // Its instance uid, and which settings count, are known with the first phase.
    client.once("phase", () => {
      const place = placeOf(client.connection, extension.server.endpoint);
      const { endpoint = shownUrl(extension.server.endpoint) } = client.connection ?? {};
      const text = `Agent ${client.instanceUid} for ${place}: state in ${stateDirectory}${configs}`;
      writeEntry(this.#options.log, "info", text, { endpoint });
    });
  }

  /** Before anything is changed, so that no two agents work in the same directories. */
  async #load(): Promise<StoredState | undefined> {
    const { log } = this.#options;
    try {
      return await this.#store.load((error) => logError(log, "warn", error));
    } catch (error) {
      if (error instanceof OpAMPError && error.foreignStore) throw error;
      if (error instanceof OpAMPError && error.retryable) {
        logError(log, "warn", error);
        if (this.#config.extension.connectionSettings?.opamp) log.warn(NOT_KEPT);
        return undefined;
      }
      throw inUse(error, "storage.directory");
    }
  }

  async #recover(): Promise<void> {
    const { remoteConfig } = this.#config;
    if (this.#directory === undefined || remoteConfig === undefined) return;
    const { log } = this.#options;
    const path = remoteConfig.directory;
    try {
      const { text, error } = await this.#directory.prepare(this.#stopping.signal);
      if (text !== undefined) log.warn(`Recovered ${path}: ${text}`);
      if (error !== undefined) logError(log, "error", error);
      for (const line of await missingLocalFiles(remoteConfig)) log.warn(line);
      this.#forgetLost(path);
    } catch (cause) {
      if (!(cause instanceof OpAMPError)) throw cause;
      const { message, hint, retryable, foreignStore } = cause;
      const details = { cause, hint, retryable, foreignStore };
      throw new OpAMPError("ERR_OPAMP_STORE", `remote_config.directory: ${path} cannot be used: ${message}`, details);
    }
  }

  /** The server must not see as applied what somebody removed. */
  #forgetLost(path: string): void {
    const outcome = this.#state?.remoteConfig;
    if (outcome?.status !== "applied" || sameBytes(outcome.hash, this.#directory?.current?.hash)) return;
    this.#options.log.warn(`${path} does not have the configuration that was applied last: it may be offered again`);
    this.#forgetOutcome();
  }

  /** What has an outcome is not offered again, and what failed may work now. */
  #forgetFailures(): void {
    if (this.#state?.remoteConfig?.status === "failed") this.#forgetOutcome();
    if (this.#state?.connectionSettings?.status !== "failed") return;
    const { connectionSettings: _, connection, ...state } = this.#state;
    // Also what the process died of, which is counted there.
    const trial = connection && { ...connection.trial, crashes: 0 };
    this.#state = connection && trial ? { ...state, connection: { ...connection, trial } } : state;
  }

  /** What has an outcome is not offered again. */
  #forgetOutcome(): void {
    const { remoteConfig: _, ...state } = this.#state ?? {};
    this.#state = state;
  }

  #watchFiles(): void {
    const { effectiveConfig } = this.#host;
    const { client } = this.#extension;
    if (effectiveConfig === undefined || !client.capabilities.has("reportsEffectiveConfig")) return;
    this.#endWatch = watchEffectiveFiles(effectiveConfig, {
      intervalMs: LOOK_MS,
      log: this.#options.log,
      onChange: () => void (client.phase !== "stopped" && client.refreshEffectiveConfig()),
    });
  }
}

/** What the server is told of failed connection settings goes through the redactor, as what is logged does. */
function redactorIn(words: AgentOptions["words"] = (text) => text): Redactor {
  const redactor = createRedactor();
  return { ...redactor, text: (text) => redactor.text(words(text)) };
}

const REQUESTS = { waiting: "unanswered", requested: "with the server", refused: "refused" } as const;

/** Where the agent connects, and where that comes from. */
function placeOf(connection: OpAMPExtension["client"]["connection"], url: string): string {
  const {
    endpoint,
    proxy,
    since,
    state,
    certificate,
    certificateRequest: request,
  } = connection ?? { endpoint: shownUrl(url) };
  const facts = [
    proxy && `through the proxy ${proxy}`,
    since && `as the server offered it, since ${since.toISOString()}`,
    since && certificate && `with a client certificate that ends on ${certificate.validUntil.toISOString()}`,
    request &&
      `its request for a client certificate is ${REQUESTS[request.state]} since ${request.since.toISOString()}`,
    state === "verifying" && "other settings that the server offered are tried first",
  ].filter((fact) => typeof fact === "string");
  return facts.length === 0 ? endpoint : `${endpoint} (${facts.join("; ")})`;
}

/** The hint of a lock is for a store that a client can go on without. */
function inUse(cause: unknown, key: string): OpAMPError {
  const hint = `stop the other agent, or give each one a ${key} of its own`;
  return new OpAMPError("ERR_OPAMP_STORE", messageOf(cause), { cause, hint, retryable: false });
}
