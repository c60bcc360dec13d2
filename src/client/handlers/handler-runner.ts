import type { Input, Offered, OfferOutcomes } from "../../core/io.js";
import type { OfferStatus } from "../../core/parts.js";
import { messageOf, OpAMPError, ownHint } from "../../errors.js";
import type { EffectiveConfig } from "../../gen/opamp/v1/opamp_pb.js";
import type { StoredState } from "../../store/store.js";
import { toEffectiveConfig } from "../../values/config-files.js";
import { type DescribeAgent, type Description, toAgentDescription } from "../../values/description.js";
import type { Clock } from "../clock.js";
import type { Failed } from "../observe/client-event.js";
import type { ApplyContext, Handlers } from "../options.js";
import type { Applied, ApplyHandler, HandledKind } from "./handler-row.js";
import { declaredMask, handlerTable, offerHandlers, offerKinds, type Supplied } from "./handler-table.js";

const DESCRIPTION_HINT = "the description stays as it was";

/** What there is of a kind of offers. */
interface KindState {
  /** What was applied last. */
  applied: Applied | undefined;
  /** The call that has neither ended nor been aborted. */
  call: { id: number; controller: AbortController; step: keyof ApplyHandler } | undefined;
}

/** What a handler is given beside the offer. */
class Context implements ApplyContext<Applied> {
  /** Made when it is looked at, as a signal costs more than all else about a call; a spread copy has it too. */
  static readonly #signal: PropertyDescriptor & ThisType<Context> = {
    enumerable: true,
    get() {
      return this.#controller.signal;
    },
  };
  readonly #controller: AbortController;
  readonly previous: Applied | undefined;
  declare readonly signal: AbortSignal;

  constructor(controller: AbortController, previous: Applied | undefined) {
    this.#controller = controller;
    this.previous = previous;
    // One getter for all: an own one for each would cost V8 a hidden class for each.
    Object.defineProperty(this, "signal", Context.#signal);
  }
}

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
  readonly #failed: Failed;
  /** For each kind of which anything was applied; there once something was. */
  #kinds: { [K in HandledKind]?: KindState } | undefined;
  /** The call of the provider under way, unless the core has given it up. */
  #fetch: Fetch | undefined;
  #describe: DescribeAgent | undefined;
  #fetches = 0;
  /** The number of the newest call whose result the core has. */
  #fetched = 0;

  /** @param supplied where the handlers of the moment are */
  constructor(supplied: Supplied, clock: Clock, feed: (input: Input) => void, failed: Failed) {
    this.#supplied = supplied;
    this.#clock = clock;
    this.#feed = feed;
    this.#failed = failed;
  }

  /** The host supplies more: what follows from it is declared at once (CAP-04). */
  supply(more: Partial<Supplied>): void {
    this.#feed({ type: "declare", capabilities: declaredMask(Object.assign(this.#supplied, more)) });
  }

  /** What was applied last. */
  applied(kind: HandledKind): Applied | undefined {
    return this.#kinds?.[kind]?.applied;
  }

  /** What an earlier life left. @returns how its last offers ended */
  restore(state: StoredState): OfferOutcomes {
    const outcomes: { [K in HandledKind]?: OfferStatus } = {};
    for (const kind of offerKinds) {
      const { status, applied } = offerHandlers[kind].restore(state);
      if (applied !== undefined) this.#stateOf(kind).applied = applied;
      if (status !== undefined) outcomes[kind] = status;
    }
    return outcomes;
  }

  /** Runs the handler of an offer. */
  async apply({ kind, offer }: Extract<Offered, { kind: HandledKind }>, id: number): Promise<void> {
    const { read } = offerHandlers[kind];
    const state = this.#stateOf(kind);
    const handler: ApplyHandler | undefined = this.#supplied.handlers[kind];
    const controller = new AbortController();
    const call: NonNullable<KindState["call"]> = { id, controller, step: "apply" };
    state.call = call;
    try {
      // The offer's bytes are copied before anything else can reuse their buffer.
      const values = read(offer);
      // Outside the step that asked for it.
      await undefined;
      if (handler === undefined) throw new Error(`there is no ${kind} handler any more`);
      const context = new Context(controller, state.applied);
      if (handler.validate !== undefined) {
        call.step = "validate";
        refuseFalse(await handler.validate(values, context));
        // It may not have listened to its signal.
        controller.signal.throwIfAborted();
        call.step = "apply";
      }
      refuseFalse(await handler.apply(values, context));
      if (state.call === call) state.applied = values;
      this.#feed({ type: "handled", kind, id });
    } catch (cause) {
      if (state.call === call) this.#fail(kind, cause, call.step);
      this.#feed({ type: "handled", kind, id, error: messageOf(cause) });
    } finally {
      if (state.call === call) state.call = undefined;
    }
  }

  /** Whether the effective config is awaited. */
  get isFetching(): boolean {
    return this.#fetch !== undefined;
  }

  abort(kind: HandledKind, id: number, why: string): void {
    const state = this.#stateOf(kind);
    const { call } = state;
    if (call?.id !== id) return;
    // A handler deaf to its signal may never end; nothing is kept for it.
    state.call = undefined;
    call.controller.abort(new OpAMPError("ERR_OPAMP_HANDLER", `${kind}.apply was aborted: ${why}`));
    if (why === "overdue") this.#fail(kind, new Error("it did not end within timeouts.applyMs"), call.step);
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
      refuseFalse(await this.#supplied.handlers.restart?.());
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
    let value: EffectiveConfig | undefined;
    do {
      // A provider that has itself asked for must not keep the event loop from turning.
      if (fetch.again) await new Promise<void>((resolve) => this.#clock.soon(resolve));
      fetch.again = false;
      value = undefined;
      try {
        const { effectiveConfig } = this.#supplied.handlers;
        if (effectiveConfig !== undefined) value = toEffectiveConfig(await effectiveConfig());
      } catch (cause) {
        this.#fail("effectiveConfig", cause);
      }
    } while (fetch.again);
    if (this.#fetch === fetch) this.#fetch = undefined;
    if (fetch.serial < this.#fetched) return;
    this.#fetched = fetch.serial;
    this.#feed(value === undefined ? { type: "effectiveConfig" } : { type: "effectiveConfig", value });
  }

  #stateOf(kind: HandledKind): KindState {
    this.#kinds ??= {};
    this.#kinds[kind] ??= { applied: undefined, call: undefined };
    return this.#kinds[kind];
  }

  /** @param step of an offer, whose failure is logged anyway */
  #fail(handler: keyof Handlers | "description", cause: unknown, step?: keyof ApplyHandler): void {
    const name = step === undefined ? handler : `${handler}.${step}`;
    const hint = ownHint(cause) ?? (handler === "description" ? DESCRIPTION_HINT : handlerTable[handler].hint);
    const error = new OpAMPError("ERR_OPAMP_HANDLER", `${name} failed: ${messageOf(cause)}`, { cause, hint });
    this.#failed(error, step !== undefined);
  }
}

/**
 * In JavaScript, and in TypeScript where nothing is to be returned, people say no with `false`.
 *
 * @throws Error for that
 */
export function refuseFalse(result: unknown): void {
  if (result === false) throw new Error("returned false: throw an Error with the reason instead");
}
