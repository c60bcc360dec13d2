import { isPromise } from "node:util/types";
import { uidText } from "../../base/bytes.js";
import { beginAt, type Trace } from "../../base/trace.js";
import type { WaitOptions } from "../../base/wait-options.js";
import type { Input } from "../../core/io.js";
import { OpAMPError } from "../../errors.js";
import type { StoredState } from "../../store/store.js";
import { holdProcess } from "../clock.js";
import type { Restored } from "../connection/left-behind.js";
import type { assemble } from "./assemble.js";
import { notify, offerEvent } from "./output-router.js";
import { unusedSettings } from "./unused-settings.js";

/** How long a store may take to keep a new instance uid before the client goes on, in milliseconds. */
const NEW_UID_MS = 2_000;

/** What a client is made of. */
export type ClientParts = ReturnType<typeof assemble>;

/** The beginning and the end of a client, and what a host may still do after that. */
export class Lifecycle {
  readonly #parts: ClientParts;
  #started = false;
  /** Why the client stopped by itself. */
  #refused: OpAMPError | undefined;
  #stopping: Promise<void> | undefined;

  constructor(parts: ClientParts) {
    this.#parts = parts;
    parts.driver.onHopeless((error) => this.#refuse(error));
  }

  /** Whether the client stopped by itself. */
  get isRefused(): boolean {
    return this.#refused !== undefined;
  }

  /** @throws OpAMPError `ERR_OPAMP_STOPPED` after `stop` */
  start(): void {
    this.refuseWhenStopped("start");
    if (this.#started) return;
    this.#started = true;
    this.#parts.waiters.started();
    for (const event of this.#parts.warnings) notify(this.#parts, { type: "warning", event });
    const loaded = this.#parts.persistence.load();
    if (isPromise(loaded)) void loaded.then((later) => this.#loaded(later));
    else this.#loaded(loaded);
  }

  /** @param trace where the host called: a timeout begins there */
  async connected(options: WaitOptions, trace: Trace): Promise<void> {
    const { phase } = this.#parts.core;
    if (this.#stopping !== undefined || phase === "stopped") throw this.#stopped("connected");
    try {
      await this.#parts.waiters.online(options, phase, () => this.#parts.handlers.isFetching);
    } catch (error) {
      if (error instanceof OpAMPError && error.code === "ERR_OPAMP_TIMEOUT") beginAt(error, trace);
      throw error;
    }
  }

  /** @param timeoutMs how long the orderly end may take; anything that is not a duration is taken for the default */
  stop(timeoutMs: unknown): Promise<void> {
    if (this.#stopping !== undefined) return this.#stopping;
    let ended: () => void = () => undefined;
    // There before anything happens: a listener may call this again at once.
    this.#stopping = new Promise((resolve) => {
      ended = resolve;
    });
    const isDuration = typeof timeoutMs === "number" && timeoutMs >= 0;
    void this.#end(isDuration ? timeoutMs : this.#parts.closeMs).finally(ended);
    return this.#stopping;
  }

  /** @throws OpAMPError `ERR_OPAMP_STOPPED` after `stop` */
  refuseWhenStopped(what: string): void {
    if (this.#stopping !== undefined) throw this.#stopped(what);
  }

  /**
   * What a call is about.
   *
   * @throws OpAMPError `ERR_OPAMP_STOPPED` after `stop`, `ERR_OPAMP_OPTION` where it was not given with this option
   */
  needed<T>(what: string, value: T | undefined, option: string, otherwise = ""): T {
    this.refuseWhenStopped(what);
    if (value !== undefined) return value;
    const hint = `give the \`${option}\` option${otherwise}`;
    throw new OpAMPError("ERR_OPAMP_OPTION", `${what}: has no effect without \`${option}\``, { hint });
  }

  /** Nothing that is waited for will come. */
  endWaits(): void {
    this.#parts.waiters.fail(this.#stopped("connected"));
    this.#parts.channels?.stop(this.#stopped("a custom message"));
  }

  #loaded(state: StoredState | OpAMPError): void {
    if (this.#stopping !== undefined) return;
    if (state instanceof OpAMPError) return this.#refuse(state);
    const { settings } = this.#parts;
    if (settings === undefined) return this.#begin(state);
    // Log lines before the core starts carry the stored uid.
    this.#parts.uidBefore = this.#knownUid(state);
    void settings.restore(state).then((left) => this.#begin(state, left));
  }

  #begin(state: StoredState, left: Restored = {}): void {
    if (this.#stopping !== undefined) return;
    const { core, handlers, persistence, insecure, isMovable, isUidGiven, requestInstanceUid } = this.#parts;
    insecure?.review();
    const unused = isMovable ? undefined : unusedSettings(state);
    if (unused !== undefined) notify(this.#parts, { type: "warning", event: unused });
    const start: Extract<Input, { type: "start" }> = { type: "start", offers: handlers.restore(state) };
    if (left.status !== undefined) start.offers = { ...start.offers, connectionSettings: left.status };
    if (left.resume !== undefined) start.resume = left.resume;
    if (left.failed !== undefined) start.failed = left.failed;
    if (left.isNews && left.status) notify(this.#parts, offerEvent("connectionSettings", left.status, undefined));
    const known = this.#knownUid(state);
    if (known !== undefined) start.instanceUid = known;
    if (state.heartbeatMs !== undefined && left.isPutAside === undefined) start.heartbeatMs = state.heartbeatMs;
    if (known === undefined && !requestInstanceUid) persistence.save({ instanceUid: core.instanceUid });
    const { saved } = persistence;
    if (saved === undefined || (isUidGiven && left.resume === undefined)) return this.#feedStart(start);
    const letGo = holdProcess();
    // A server must not see an agent that a crash would make another one, and no candidate is tried again whose last crash
    // is not counted; but a slow disk keeps nobody away.
    void this.#parts.waiters.atMost(NEW_UID_MS, saved).then(() => {
      letGo();
      if (this.#stopping === undefined) this.#feedStart(start);
    });
  }

  /** Of an earlier process. Where the server is to make the uid, one that is given is the temporary one. */
  #knownUid({ instanceUid }: StoredState): Uint8Array | undefined {
    const { isUidGiven, requestInstanceUid } = this.#parts;
    return isUidGiven && !requestInstanceUid ? undefined : instanceUid;
  }

  #feedStart(start: Extract<Input, { type: "start" }>): void {
    const { core, driver, handlers, settings } = this.#parts;
    this.#parts.uidBefore = undefined;
    driver.feed(start);
    settings?.started();
    handlers.describeAgain(uidText(core.instanceUid));
  }

  /** The end that the host did not ask for. What it calls later has no effect, and does not throw. */
  #refuse(error: OpAMPError): void {
    this.#refused = error;
    this.#parts.driver.feed({ type: "stop", withinMs: 0, error });
    this.endWaits();
  }

  async #end(withinMs: number): Promise<void> {
    const { core, driver, persistence, waiters } = this.#parts;
    const letGo = holdProcess();
    try {
      driver.feed({ type: "stop", withinMs });
      waiters.fail(this.#stopped("connected"));
      await waiters.stopped(core.phase, withinMs, () => driver.feed({ type: "stop", withinMs: 0 }));
      this.#parts.channels?.stop(this.#stopped("a custom message"));
      await waiters.atMost(withinMs, this.#close(persistence));
    } finally {
      letGo();
    }
  }

  async #close(persistence: ClientParts["persistence"]): Promise<void> {
    await this.#parts.settings?.ended();
    await persistence.close();
  }

  #stopped(what: string): OpAMPError {
    const cause = this.#refused;
    if (cause === undefined) return new OpAMPError("ERR_OPAMP_STOPPED", `${what}: the client has been stopped`);
    const text = `${what}: the client has stopped: ${cause.message}`;
    return new OpAMPError("ERR_OPAMP_STOPPED", text, { cause, hint: cause.hint });
  }
}
