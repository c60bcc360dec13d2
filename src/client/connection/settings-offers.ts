import { create } from "@bufbuild/protobuf";
import type { Input, StateChange, SwitchFailure } from "../../core/io.js";
import type { OpAMPError } from "../../errors.js";
import { ConnectionSettingsOffersSchema } from "../../gen/opamp/v1/opamp_pb.js";
import type { StoredState } from "../../store/store.js";
import type { CertificateEnd } from "../certificates/certificate-end.js";
import type { Certificates } from "../certificates/certificates.js";
import type { Clock } from "../clock.js";
import type { ConnectionEvent } from "../connection-options.js";
import type { WarningEvent } from "../events.js";
import type { ConnectionMoves } from "./connection-moves.js";
import type { Restored } from "./left-behind.js";
import type { SettingsOffer } from "./offer-plan.js";
import type { PartTask } from "./part-offers.js";
import type { PartFailure, PartRunner } from "./part-runner.js";
import { unreadHint } from "./settings-blobs.js";

/** The parts of the client that offers of connection settings use. */
export interface SettingsParts {
  /** Set where the server may change the agent's own connection. */
  readonly moves: ConnectionMoves | undefined;
  /** Set where the agent asks for certificates for it. */
  readonly certificates: Certificates | undefined;
  /** Set where the server may change the agent's own connection. */
  readonly certificateEnd: CertificateEnd | undefined;
  /** For all other connections. */
  readonly runner: PartRunner;
  /** Whether the agent declares that it takes settings for its own connection. */
  readonly takesOpamp: () => boolean;
  readonly clock: Clock;
  readonly applyMs: number;
  readonly feed: (input: Input) => void;
  /** Takes secrets out of what the server is told. */
  readonly redact: (text: string) => string;
  readonly warn: (event: WarningEvent) => void;
}

/** An offer that is being applied. */
interface Run {
  readonly id: number;
  readonly tasks: readonly PartTask[];
  isAborted: boolean;
  /** Until when it has to be done, on the clock. */
  until: number;
}

/** How long all handlers together may take at a start, before the agent connects. */
const RESTART_MS = 30_000;
/** After this it is said that they hold up the start. */
const SLOW_START_MS = 5_000;
/** The longest text that the server is told of failures. */
const MAX_TEXT = 4_000;
/** Of how many failures it tells. */
const MOST_TOLD = 64;

/** Runs offers of connection settings: the agent's own connection first, then the others; they have one status. */
export class SettingsOffers {
  readonly #parts: SettingsParts;
  #run: Run | undefined;
  #endTimer: () => void = () => undefined;

  constructor(parts: SettingsParts) {
    this.#parts = parts;
  }

  /** The agent's own connection; `undefined` where the server may not change it. */
  get facts(): ConnectionEvent | undefined {
    return this.#parts.moves?.facts;
  }

  /** Takes up what an earlier process left, and gives handlers what was in force; what cannot be used is put aside. */
  async restore(state: StoredState): Promise<Restored> {
    const { moves, certificates, runner, takesOpamp, clock, applyMs, warn } = this.#parts;
    const { connection, connectionSettings: stored } = state;
    // Where they moved an agent that may not be moved any more, they are not in force.
    const isUnused = moves === undefined && connection?.accepted !== undefined;
    const alone = stored === undefined || isUnused ? {} : { status: stored };
    const restored = moves === undefined ? alone : await moves.restore(state, takesOpamp());
    if (moves !== undefined) await certificates?.restore(moves);
    const { putAside, unread } = await runner.restore(state.otherConnections);
    // The server offers again what it is not told to be in force.
    if (putAside !== undefined || unread !== undefined) delete restored.status;
    if (unread !== undefined) {
      const message = `settings for other connections that the server offered wait: ${unread}`;
      warn({ code: "settings-put-aside", message, hint: unreadHint });
    }
    if (putAside !== undefined) {
      const message = `settings for other connections that the server offered are put aside: ${putAside}`;
      const hint = "nothing has to be done: the server may offer its settings again";
      warn({ code: "settings-put-aside", message, hint });
    }
    const limitMs = Math.min(applyMs, RESTART_MS);
    this.#endTimer = clock.after(SLOW_START_MS, () => {
      const message = `the agent has yet to connect: ${runner.running ?? "connectionSettings"} has not ended`;
      const hint = `make it end sooner; at a start all of them have ${limitMs} ms`;
      warn({ code: "settings-slow-start", message, hint });
    });
    const failures = await runner.run(runner.restartTasks, clock.now() + limitMs);
    this.#endTimer();
    const { status } = restored;
    if (failures.length === 0 || status === undefined) return restored;
    const { hash, digest } = status;
    const offer = create(ConnectionSettingsOffersSchema, { hash });
    return {
      ...restored,
      status: { ...status, status: "failed", error: this.#textOf(failures) },
      isNews: true,
      // Nothing in it is new, but what failed is done once more with any offer. What failed before is not in force.
      ...(status.status === "applied" && { failed: { kind: "connectionSettings", hash, digest, offer } }),
    };
  }

  get certificates(): Certificates | undefined {
    return this.#parts.certificates;
  }

  /** The client has its instance uid, and begins to connect. */
  started(): void {
    this.#parts.certificates?.started();
    this.#parts.certificateEnd?.started();
  }

  /** The core applies an offer. */
  apply(offered: SettingsOffer, id: number): void {
    const { moves, runner, takesOpamp, clock, applyMs } = this.#parts;
    const limitMs = applyMs - spareOf(applyMs);
    const tasks = runner.tasksOf(offered.offer);
    const run: Run = { id, tasks, isAborted: false, until: clock.now() + limitMs };
    this.#run = run;
    this.#parts.certificates?.applying(true);
    const validateMs = tasks.length === 0 ? limitMs : limitMs / 2;
    if (moves === undefined || !takesOpamp()) this.#others(run, undefined);
    else moves.apply(offered, id, validateMs, (error) => this.#others(run, error));
  }

  abort(id: number, why: string): void {
    if (this.#run?.id !== id) return;
    this.#run.isAborted = true;
    this.#parts.moves?.abort(id, why);
    this.#parts.runner.abort(why);
  }

  /** Keeps a step of a trial. What the core dials with next follows at once. */
  persist(id: number, change: Extract<StateChange, { what: "settings" }>): void {
    this.#parts.moves?.persist(id, change);
  }

  /** The connection was moved, or it was not. */
  switched(id: number, failed: SwitchFailure | undefined): void {
    const { clock, applyMs } = this.#parts;
    // The core counts its limit from here too.
    if (this.#run?.id === id) this.#run.until = clock.now() + applyMs - spareOf(applyMs);
    this.#parts.moves?.switched(id, failed);
  }

  /** The server in force is left for the one on trial. */
  leaving(): void {
    this.#parts.moves?.leaving();
  }

  /** An attempt to connect failed. */
  attemptFailed(error: OpAMPError): void {
    this.#parts.moves?.attemptFailed(error);
    // The end is told before what follows from it.
    this.#parts.certificateEnd?.review();
    this.#parts.certificates?.attemptFailed();
  }

  /** Goes back to what the options say; other connections, of which these say nothing, stay as they are. */
  forget(): void {
    const { moves, feed } = this.#parts;
    if (moves === undefined) feed({ type: "forget", kind: "connectionSettings" });
    else moves.forget();
  }

  /** It is kept how the last offer ended. */
  settled(): void {
    this.#parts.moves?.settled();
  }

  /** The end of the client. */
  async ended(): Promise<void> {
    this.#endTimer();
    this.#parts.certificateEnd?.stop();
    await this.#parts.certificates?.stop();
    await this.#parts.moves?.ended();
    await this.#parts.runner.ended();
  }

  /** @param error why the agent's own connection is not as it was offered */
  #others(run: Run, error: string | undefined): void {
    if (run.tasks.length === 0 || run.isAborted) this.#end(run, error && this.#parts.redact(error));
    else void this.#runOthers(run, error === undefined ? [] : [{ called: "opamp", why: error }]);
  }

  async #runOthers(run: Run, failures: readonly PartFailure[]): Promise<void> {
    const all = [...failures, ...(await this.#parts.runner.run(run.tasks, run.until))];
    this.#end(run, all.length === 0 ? undefined : this.#textOf(all));
  }

  #end({ id }: Run, error: string | undefined): void {
    const { feed, certificates } = this.#parts;
    const ended = { type: "handled", kind: "connectionSettings", id } as const;
    feed(error === undefined ? ended : { ...ended, error });
    if (this.#run?.id === id) certificates?.applying(false);
  }

  /** Each failure has its share of the text; of too many the first ones are told. */
  #textOf(failures: readonly PartFailure[]): string {
    const told = failures.slice(0, MOST_TOLD);
    const most = Math.floor(MAX_TEXT / told.length);
    const lines = told.map(({ called, why }) => `${called}: ${this.#parts.redact(why)}`);
    const cut = lines.map((line) => (line.length > most ? `${line.slice(0, most - 5)}...` : line));
    const left = failures.length - told.length;
    return [...cut, ...(left > 0 ? [`and ${left} more`] : [])].join("; ");
  }
}

/** By how much calls end before the core gives up on all of them, which knows of none by its name. */
function spareOf(applyMs: number): number {
  return Math.min(100, applyMs / 50);
}
