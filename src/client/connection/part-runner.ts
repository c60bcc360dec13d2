import type { PartSettings } from "../../connection-settings/part-settings.js";
import { messageOf, OpAMPError } from "../../errors.js";
import type { ConnectionSettingsOffers } from "../../gen/opamp/v1/opamp_pb.js";
import type { StoredOthers } from "../../store/store.js";
import type { Clock } from "../clock.js";
import type { SettingsHandler } from "../connection-options.js";
import type { Failed } from "../observe/client-event.js";
import { calledBy, keyOf, type PartHandlers, type PartKind, partKindNames } from "../settings/part-kinds.js";
import { type CallLimits, failureOf } from "./host-call.js";
import { secretsInPart, without } from "./known-secrets.js";
import { PartCall, shareOf } from "./part-call.js";
import { type Part, type PartTask, restartTasks, tasksOf } from "./part-offers.js";
import type { LeftParts, PartRecord } from "./part-record.js";

/** The parts of the client that it uses. */
export interface RunnerParts {
  readonly handlers: PartHandlers;
  readonly record: PartRecord;
  readonly clock: Clock;
  readonly failed: Failed;
  /** Whether the agent declares that it takes settings of this kind. */
  readonly declares: (kind: PartKind) => boolean;
  readonly allowInsecureSkipVerify: boolean;
  readonly abortMs: number;
}

/** Why one connection does not have the settings that it should have. */
export interface PartFailure {
  /** As a server calls it. */
  readonly called: string;
  readonly why: string;
}

/** Tasks that are carried out. */
interface Run {
  call: PartCall | undefined;
  /** Of which part that is. */
  part: Part | undefined;
  isAborted: boolean;
}

const UNREAD = "its settings before cannot be read now: make their file readable for the agent, and restart it";
const UNREACHED = "it was not called: the calls before it took all the time that there is for an offer";

/** Has the host's handlers apply the settings of connections besides the agent's own, one after the other. */
export class PartRunner {
  readonly #parts: RunnerParts;
  /** What was accepted, by its key. */
  readonly #known = new Map<string, Part>();
  /** What cannot be read now, by its key: an offer says only what changes of it. */
  #unread: ReadonlySet<string> = new Set();
  #run: Run | undefined;

  constructor(parts: RunnerParts) {
    this.#parts = parts;
  }

  /** Reads what an earlier process left. @returns why some of it no longer counts, or cannot be read now */
  async restore(stored: StoredOthers | undefined): Promise<Omit<LeftParts, "parts" | "unreadParts">> {
    if (stored === undefined) return {};
    const left = await this.#parts.record.read(stored, (kind) => this.#handler(kind) !== undefined);
    const { parts, unreadParts = [], ...reasons } = left;
    this.#unread = new Set(unreadParts.map(({ kind, name }) => keyOf(kind, name)));
    for (const { kind, name, settings } of parts) {
      const known = partKindNames.find((its) => its === kind);
      if (known !== undefined) this.#accept({ kind: known, name, accepted: undefined, isInForce: false }, settings);
    }
    return reasons;
  }

  /** What an offer asks for; nothing of its message is needed any more. */
  tasksOf(offer: ConnectionSettingsOffers): readonly PartTask[] {
    const { record, clock, allowInsecureSkipVerify, declares } = this.#parts;
    const ground = { wallNow: clock.wallNow(), isLasting: record.isLasting, allowInsecureSkipVerify };
    const isTaken = (kind: PartKind) => this.#handler(kind) !== undefined && declares(kind);
    return tasksOf(offer, this.#known, isTaken, ground).map((task) => {
      const isUnread = this.#unread.has(keyOf(task.part.kind, task.part.name));
      return isUnread ? { ...task, settings: undefined, problem: UNREAD } : task;
    });
  }

  /** What handlers have to be given at a start. */
  get restartTasks(): readonly PartTask[] {
    return restartTasks(this.#known);
  }

  /**
   * Carries out tasks, one after the other, all within one time limit; what it does not reach has failed.
   *
   * @param until when all of it ends, on the clock, calls that still run included
   * @returns those that failed
   */
  async run(tasks: readonly PartTask[], until: number): Promise<readonly PartFailure[]> {
    const { clock, abortMs } = this.#parts;
    const failures: PartFailure[] = [];
    let callsToCome = tasks.filter(({ settings }) => settings !== undefined).length;
    const run: Run = { call: undefined, part: undefined, isAborted: false };
    this.#run = run;
    for (const task of tasks) {
      if (run.isAborted) break;
      let why: string | undefined = task.problem;
      if (task.settings !== undefined) {
        callsToCome -= 1;
        const leftMs = until - clock.now();
        const limits = shareOf(leftMs, callsToCome === 0, abortMs);
        why = leftMs > 0 ? await this.#apply(run, task, task.settings, limits) : UNREACHED;
      }
      if (why !== undefined) failures.push({ called: calledBy(task.part.kind, task.part.name), why });
    }
    return failures;
  }

  /** Which handler runs, as in the options. */
  get running(): string | undefined {
    const { call, part } = this.#run ?? {};
    return call && part && `connectionSettings.${optionOf(part)}.${call.step}`;
  }

  /** Nothing more is done of what is under way. */
  abort(why: string): void {
    if (this.#run === undefined) return;
    this.#run.isAborted = true;
    this.#run.call?.abort(new OpAMPError("ERR_OPAMP_HANDLER", `connectionSettings was aborted: ${why}`));
  }

  /** The end of the client. */
  async ended(): Promise<void> {
    this.abort("stopped");
    await this.#parts.record.settled();
  }

  /** @returns why it failed */
  async #apply(run: Run, task: PartTask, settings: PartSettings, limits: CallLimits): Promise<string | undefined> {
    const { clock, record } = this.#parts;
    const { part, reason } = task;
    const handler = this.#handler(part.kind);
    if (handler === undefined) return undefined;
    const call = new PartCall(clock);
    run.call = call;
    run.part = part;
    const wasInForce = part.isInForce;
    part.isInForce = false;
    const previous = reason === "offer" ? part.accepted : undefined;
    try {
      await call.run({ handler, settings, previous, reason }, limits);
      // It may not have listened to its signal.
      if (run.isAborted) return "aborted";
    } catch (cause) {
      part.isInForce = wasInForce && !call.wasApplied;
      if (run.isAborted) return "aborted";
      return this.#failed(task, cause, call.step, previous ? [settings, previous] : [settings]);
    } finally {
      // What has ended is not aborted later.
      run.call = undefined;
    }
    this.#accept(part, settings).isInForce = true;
    if (reason === "offer") await record.keep(part, settings);
    return undefined;
  }

  #accept(part: Part, settings: PartSettings): Part {
    part.accepted = settings;
    this.#known.set(keyOf(part.kind, part.name), part);
    return part;
  }

  #failed({ part, reason }: PartTask, cause: unknown, step: string, given: readonly PartSettings[]): string {
    // The handler was given secrets, and may repeat them.
    const why = without(messageOf(cause), given.flatMap(secretsInPart));
    this.#parts.failed(failureOf(`${optionOf(part)}.${step}`, cause, why), reason !== "restart");
    return why;
  }

  #handler(kind: string): SettingsHandler<PartSettings> | undefined {
    const known = partKindNames.find((name) => name === kind);
    return known && this.#parts.handlers[known];
  }
}

function optionOf({ kind, name }: Part): string {
  return name === undefined ? kind : `${kind}[${JSON.stringify(name)}]`;
}
