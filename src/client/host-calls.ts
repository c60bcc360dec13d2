import type { Input } from "../core/io.js";
import { messageOf, OpAMPError } from "../errors.js";
import type { AgentRemoteConfig } from "../gen/opamp/v1/opamp_pb.js";
import { type RemoteConfig, toEffectiveConfig, toRemoteConfig } from "./config-files.js";
import type { Handlers } from "./options.js";

/**
 * Calls the host's handlers and feeds the core with what comes of it. Handlers may throw, reject or never end; the core
 * bounds the wait, and a late result goes nowhere.
 */
export class HostCalls {
  #handlers: Handlers;
  readonly #feed: (input: Input) => void;
  readonly #failed: (error: OpAMPError) => void;
  readonly #applying = new Map<number, AbortController>();
  #previous: RemoteConfig | undefined;
  #fetching = false;
  /** The effective config was asked for again while it was being fetched: only a later answer will do. */
  #fetchAgain = false;

  constructor(handlers: Handlers, feed: (input: Input) => void, failed: (error: OpAMPError) => void) {
    this.#handlers = handlers;
    this.#feed = feed;
    this.#failed = failed;
  }

  get handlers(): Handlers {
    return this.#handlers;
  }

  set handlers(handlers: Handlers) {
    this.#handlers = handlers;
  }

  /** Runs the remote config handler. */
  async apply(id: number, offer: AgentRemoteConfig): Promise<void> {
    const handler = this.#handlers.remoteConfig;
    const controller = new AbortController();
    const { signal } = controller;
    this.#applying.set(id, controller);
    // The offer's bytes are copied before anything else can reuse their buffer.
    const config = toRemoteConfig(offer);
    try {
      // Outside the step that asked for it.
      await undefined;
      if (handler === undefined) throw new Error("there is no remote config handler any more");
      await handler.apply(config, { signal, previous: this.#previous });
      if (!signal.aborted) this.#previous = config;
      this.#feed({ type: "handled", id });
    } catch (cause) {
      if (!signal.aborted) this.#fail("remoteConfig.apply", cause);
      this.#feed({ type: "handled", id, error: messageOf(cause) });
    } finally {
      this.#applying.delete(id);
    }
  }

  abort(id: number, why: string): void {
    this.#applying.get(id)?.abort(new OpAMPError("ERR_OPAMP_HANDLER", `remoteConfig.apply was aborted: ${why}`));
  }

  /** Fetches the effective config; one call at a time. */
  fetchEffectiveConfig(): void {
    this.#fetchAgain = true;
    if (!this.#fetching) void this.#fetchWhileWanted();
  }

  /** Runs the restart handler. */
  async restart(): Promise<void> {
    try {
      await undefined;
      await this.#handlers.restart?.();
    } catch (cause) {
      this.#fail("restart", cause);
      this.#feed({ type: "restartFailed", error: messageOf(cause) });
    }
  }

  async #fetchWhileWanted(): Promise<void> {
    this.#fetching = true;
    let input: Input = { type: "effectiveConfig" };
    while (this.#fetchAgain) {
      this.#fetchAgain = false;
      input = { type: "effectiveConfig" };
      try {
        const files = await this.#handlers.effectiveConfig?.();
        if (files !== undefined) input = { type: "effectiveConfig", value: toEffectiveConfig(files) };
      } catch (cause) {
        this.#fail("effectiveConfig", cause);
      }
    }
    this.#fetching = false;
    this.#feed(input);
  }

  #fail(name: string, cause: unknown): void {
    this.#failed(new OpAMPError("ERR_OPAMP_HANDLER", `${name} failed: ${messageOf(cause)}`, { cause }));
  }
}
