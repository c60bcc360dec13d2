import type { Input } from "../../core/io.js";
import { messageOf, OpAMPError } from "../../errors.js";
import type { AgentRemoteConfig } from "../../gen/opamp/v1/opamp_pb.js";
import { type RemoteConfig, toEffectiveConfig, toRemoteConfig } from "../../values/config-files.js";
import { type DescribeAgent, type Description, toAgentDescription } from "../../values/description.js";
import type { Clock } from "../clock.js";
import type { ApplyContext } from "../options.js";
import type { Supplied } from "../settings/declared-capabilities.js";

/** A call of the provider of the effective config. */
interface Fetch {
  /** Later ones have higher numbers. */
  serial: number;
  /** It was asked for again meanwhile: only a later answer will do. */
  again: boolean;
}

/**
 * Calls the host's functions and feeds the core with what comes of it. Handlers may throw, reject or never end; the core
 * bounds the wait, and a late result goes nowhere.
 */
export class HandlerRunner {
  readonly #supplied: Supplied;
  readonly #clock: Clock;
  readonly #feed: (input: Input) => void;
  readonly #failed: (error: OpAMPError, isLogged?: boolean) => void;
  /** The call of the remote config handler that has neither ended nor been aborted. */
  #applying: { id: number; controller: AbortController } | undefined;
  #previous: RemoteConfig | undefined;
  /** The call of the provider under way, unless the core has given it up. */
  #fetch: Fetch | undefined;
  #describe: DescribeAgent | undefined;
  #fetches = 0;
  /** The number of the newest call whose result the core has. */
  #fetched = 0;

  /** @param supplied where the handlers of the moment are */
  constructor(
    supplied: Supplied,
    clock: Clock,
    feed: (input: Input) => void,
    failed: (error: OpAMPError, isLogged?: boolean) => void,
  ) {
    this.#supplied = supplied;
    this.#clock = clock;
    this.#feed = feed;
    this.#failed = failed;
  }

  /** The config that was applied last. */
  get applied(): RemoteConfig | undefined {
    return this.#previous;
  }

  /** Takes up what was applied before a restart. */
  restore(applied: RemoteConfig): void {
    this.#previous = applied;
  }

  /** Runs the remote config handler. */
  async apply(id: number, offer: AgentRemoteConfig): Promise<void> {
    const handler = this.#supplied.handlers.remoteConfig;
    const controller = new AbortController();
    const context: ApplyContext = {
      previous: this.#previous,
      // Looked at only by those who want it: a signal costs more than all else about a call.
      get signal() {
        return controller.signal;
      },
    };
    const call = { id, controller };
    this.#applying = call;
    try {
      // The offer's bytes are copied before anything else can reuse their buffer.
      const config = toRemoteConfig(offer);
      // Outside the step that asked for it.
      await undefined;
      if (handler === undefined) throw new Error("there is no remote config handler any more");
      await handler.apply(config, context);
      if (this.#applying === call) this.#previous = config;
      this.#feed({ type: "handled", id });
    } catch (cause) {
      if (this.#applying === call) this.#fail("remoteConfig.apply", cause, true);
      this.#feed({ type: "handled", id, error: messageOf(cause) });
    } finally {
      if (this.#applying === call) this.#applying = undefined;
    }
  }

  abort(id: number, why: string): void {
    const call = this.#applying;
    if (call?.id !== id) return;
    // A handler deaf to its signal may never end; nothing is kept for it.
    this.#applying = undefined;
    call.controller.abort(new OpAMPError("ERR_OPAMP_HANDLER", `remoteConfig.apply was aborted: ${why}`));
  }

  /** Fetches the effective config; one call at a time. */
  fetchEffectiveConfig(): void {
    if (this.#fetch === undefined) void this.#fetchWhileWanted();
    else this.#fetch.again = true;
  }

  /** The provider had its time: what it still says counts, unless a later call has said something. */
  effectiveConfigLate(): void {
    this.#fetch = undefined;
  }

  /** Runs the restart handler. */
  async restart(): Promise<void> {
    try {
      await undefined;
      await this.#supplied.handlers.restart?.();
      this.#feed({ type: "restarted" });
    } catch (cause) {
      this.#fail("restart", cause);
      this.#feed({ type: "restarted", error: messageOf(cause) });
    }
  }

  /**
   * Describes the agent.
   *
   * @throws OpAMPError `ERR_OPAMP_OPTION`, and what a function throws
   */
  describe(description: Description | DescribeAgent, instanceUid: string): void {
    const isMade = typeof description === "function";
    const agentDescription = toAgentDescription(isMade ? description({ instanceUid }) : description);
    this.#describe = isMade ? description : undefined;
    this.#feed({ type: "set", parts: { agentDescription } });
  }

  /** The uid may be another one. A description function that fails leaves the description as it was. */
  describeAgain(instanceUid: string): void {
    if (this.#describe === undefined) return;
    try {
      this.describe(this.#describe, instanceUid);
    } catch (cause) {
      this.#fail("description", cause);
    }
  }

  async #fetchWhileWanted(): Promise<void> {
    this.#fetches += 1;
    const fetch: Fetch = { serial: this.#fetches, again: false };
    this.#fetch = fetch;
    let input = await this.#effectiveConfig();
    while (fetch.again) {
      fetch.again = false;
      // A provider that has itself asked for must not keep the event loop from turning.
      await new Promise<void>((resolve) => this.#clock.soon(resolve));
      input = await this.#effectiveConfig();
    }
    if (this.#fetch === fetch) this.#fetch = undefined;
    if (fetch.serial < this.#fetched) return;
    this.#fetched = fetch.serial;
    this.#feed(input);
  }

  async #effectiveConfig(): Promise<Input> {
    try {
      const files = await this.#supplied.handlers.effectiveConfig?.();
      return files === undefined
        ? { type: "effectiveConfig" }
        : { type: "effectiveConfig", value: toEffectiveConfig(files) };
    } catch (cause) {
      this.#fail("effectiveConfig", cause);
      return { type: "effectiveConfig" };
    }
  }

  /** @param isLogged whether what comes of it is logged anyway */
  #fail(name: string, cause: unknown, isLogged = false): void {
    this.#failed(new OpAMPError("ERR_OPAMP_HANDLER", `${name} failed: ${messageOf(cause)}`, { cause }), isLogged);
  }
}
