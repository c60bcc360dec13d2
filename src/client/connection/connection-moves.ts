import { failureText } from "../../connection-settings/final-failure.js";
import type { ConnectionSettings, OwnSettings } from "../../connection-settings/laid-over.js";
import { NO_SNAPSHOT, type Snapshot } from "../../connection-settings/snapshot.js";
import type { Input, StateChange, SwitchFailure } from "../../core/io.js";
import { messageOf, OpAMPError } from "../../errors.js";
import type { StoredState } from "../../store/store.js";
import type { Certificates } from "../certificates/certificates.js";
import type { Clock } from "../clock.js";
import type { ConnectionEvent, ConnectionFacts, ConnectionState } from "../connection-options.js";
import { refuseFalse } from "../handlers/handler-runner.js";
import type { Failed } from "../observe/client-event.js";
import type { SettingsRules } from "../settings/settings-rules.js";
import { factsOf, proposed } from "./connection-facts.js";
import type { ConnectionRecord } from "./connection-record.js";
import { failureOf, HostCall } from "./host-call.js";
import { type Accepted, type Restored, readLeft } from "./left-behind.js";
import { bytesOf, type Move, OfferReader, type Plan, type Run, type SettingsOffer, whyNot } from "./offer-plan.js";
import { unreadHint } from "./settings-blobs.js";
import type { Transports } from "./transports.js";

/** The parts of the client that moves of its connection use. */
export interface MovesParts {
  readonly own: OwnSettings;
  readonly rules: SettingsRules;
  readonly transports: Transports;
  readonly record: ConnectionRecord;
  readonly clock: Clock;
  readonly feed: (input: Input) => void;
  readonly failed: Failed;
  /** Takes secrets out of what the server is told at a start; what else it is told is redacted with the whole offer. */
  readonly redact: (text: string) => string;
  /** Set where the agent asks for certificates. */
  readonly certificates: Certificates | undefined;
  /**
   * @param isRequest whether only the request for a certificate is another one
   * @param trying what is dialled while settings are on trial
   */
  readonly notify: (event: ConnectionEvent, isRequest: boolean, trying?: ConnectionFacts) => void;
  /** What was accepted no longer counts. */
  readonly warn: (message: string, hint: string) => void;
}

/**
 * Takes offers for the agent's own connection: reads one, holds it against the policy, has the core move the connection,
 * and keeps what was accepted. The settings in force are one snapshot over the options, replaced as a whole.
 */
export class ConnectionMoves {
  readonly #parts: MovesParts;
  readonly #reader: OfferReader;
  /** What the server offered of what is in force, and since when. */
  #accepted: Pick<Accepted, "snapshot" | "at"> | undefined;
  #state: ConnectionState | undefined;
  #run: Run | undefined;
  /** What is in force is not stored yet: no offer is applied before it is. */
  #isStoring = false;
  /** The candidate of an earlier process, until the core applies its offer again. */
  #resumed: Plan | undefined;
  /** Why the last attempt on the candidate failed. */
  #lastFailure: OpAMPError | undefined;

  constructor(parts: MovesParts) {
    this.#parts = parts;
    this.#reader = new OfferReader(parts.own, parts.rules, parts.record, () => parts.certificates?.keys ?? []);
  }

  get facts(): ConnectionEvent {
    const since = this.#accepted && new Date(this.#accepted.at);
    const source = this.#accepted === undefined ? "options" : "server";
    const certificateRequest = this.#parts.certificates?.state;
    return { ...factsOf(this.inForce), state: this.#state, source, since, certificateRequest };
  }

  /** What the server offered of what is in force. */
  get snapshot(): Snapshot {
    return this.#accepted?.snapshot ?? NO_SNAPSHOT;
  }

  get inForce(): ConnectionSettings {
    return this.#reader.laidOver(this.snapshot);
  }

  /** Tells of another request for a certificate. */
  requestMoved(): void {
    this.#parts.notify(this.facts, true);
  }

  /** Takes up what an earlier process left; what cannot be used is put aside. @param isTaken whether offers are taken */
  async restore(state: StoredState, isTaken: boolean): Promise<Restored> {
    const { transports, warn } = this.#parts;
    try {
      const left = await readLeft(state, { ...this.#parts, reader: this.#reader, isTaken });
      const { accepted, resumed, isRolledBack, unread, ...restored } = left;
      this.#resumed = resumed;
      this.#state = isRolledBack ? "rolledBack" : accepted && "accepted";
      if (unread !== undefined) warn(`connection settings that the server offered wait: ${unread}`, unreadHint);
      this.#accepted = accepted;
      if (accepted !== undefined) transports.commit(accepted.settings);
      return restored;
    } catch (cause) {
      return this.#putAside(messageOf(cause));
    }
  }

  /** An offer is applied, and `ended` called in the step in which it ends. */
  apply(offered: SettingsOffer, id: number, validateMs: number, ended: Run["ended"]): void {
    const look = new HostCall(this.#parts.clock);
    const run: Run = { id, offered, look, ended, plan: this.#resumed, isRequested: false };
    this.#run = run;
    this.#lastFailure = undefined;
    if (run.plan?.move !== undefined) {
      // The core dials it already.
      this.#resumed = undefined;
      this.#parts.transports.propose(run.plan.move.settings);
      return this.#moved("verifying");
    }
    try {
      const plan = this.#reader.plan(offered, this.snapshot, this.#parts.clock.wallNow());
      run.plan = plan;
      if (plan.move === undefined) return this.#isStoring ? undefined : this.#end(run);
      this.#moved("candidate");
      const { validate } = this.#parts.rules;
      if (validate === undefined) this.#begin(run, plan.move);
      else void this.#validate(run, plan.move, validate, validateMs);
    } catch (cause) {
      this.#reject(run, failureText(cause));
    }
  }

  abort(id: number, why: string): void {
    const run = this.#run;
    if (run?.id !== id) return;
    run.look.abort(new OpAMPError("ERR_OPAMP_HANDLER", `connectionSettings was aborted: ${why}`));
    if (why !== "stopped" && this.#state === "candidate") this.#moved("rejected");
    if (why !== "stopped" && this.#state === "verifying") this.#moved("rolledBack");
    this.#end(run, `aborted: ${why}`);
  }

  /** Keeps a step of a trial. What the core dials with next follows at once. */
  persist(id: number, change: Extract<StateChange, { what: "settings" }>): void {
    const { record, transports } = this.#parts;
    const run = this.#run;
    const move = run?.plan?.move;
    if (change.step === "accepted" && move !== undefined && !this.#isStoring) {
      this.#isStoring = true;
      transports.accept();
      this.#accepted = { snapshot: move.snapshot, at: this.#parts.clock.wallNow() };
      this.#obey(run?.plan?.seconds);
      this.#moved("accepted");
    } else if (change.step === "dropped") transports.drop();
    if (change.step !== "candidate" || run === undefined || move === undefined) return record.keep(id, change);
    const { offered } = run;
    record.keep(id, change, { snapshot: move.snapshot, offer: bytesOf(offered), digest: offered.digest });
  }

  /** The connection was moved, or it was not. */
  switched(id: number, failed: SwitchFailure | undefined): void {
    const run = this.#run;
    // A newer one that leaves the connection as it is waits for what is in force.
    const isNext = this.#isStoring && run?.plan !== undefined && run.plan.move === undefined;
    this.#isStoring = false;
    if (run === undefined || (run.id !== id && !isNext)) return;
    if (failed === undefined) return this.#end(run);
    if (failed.why !== "unkept")
      this.#moved(failed.why === "unstored" || failed.why === "crashed" ? "rejected" : "rolledBack");
    this.#end(run, whyNot(failed, run.plan?.move, this.#lastFailure, this.#parts.rules.limits.verifyMs));
  }

  /** The server in force is left for the one on trial. */
  leaving(): void {
    this.#lastFailure = undefined;
    if (this.#state !== "candidate") return;
    // One that the agent asked for does not count among the moves of an hour.
    if (this.#run?.isRequested === false) this.#parts.record.moving();
    this.#moved("verifying");
  }

  /** An attempt to connect failed. */
  attemptFailed(error: OpAMPError): void {
    this.#lastFailure = error;
  }

  /** Goes back to what the options say. */
  forget(): void {
    const run = this.#run;
    const stays = run === undefined && this.#accepted === undefined;
    this.#run = undefined;
    run?.look.abort(new OpAMPError("ERR_OPAMP_HANDLER", "connectionSettings was aborted: forgotten"));
    this.#reset();
    this.#parts.record.clear();
    this.#parts.feed({ type: "forget", kind: "connectionSettings", stays });
    run?.ended("aborted: forgotten");
    this.#moved(undefined);
  }

  /** It is kept how the last offer ended. */
  settled(): void {
    this.#parts.record.settled();
  }

  /** The end of the client. */
  ended(): Promise<void> {
    return this.#parts.record.ended();
  }

  async #validate(run: Run, move: Move, validate: NonNullable<SettingsRules["validate"]>, limitMs: number) {
    const current = factsOf(this.inForce);
    const look = async (signal: AbortSignal): Promise<void> =>
      refuseFalse(await validate(proposed(move.settings, move.snapshot), { signal, current }));
    try {
      // One that hangs is not waited for: nothing has changed yet.
      await run.look.run(look, { limitMs, graceMs: 0 });
      if (this.#run === run) this.#begin(run, move);
    } catch (cause) {
      if (this.#run !== run) return;
      const why = messageOf(cause);
      this.#parts.failed(failureOf("opamp.validate", cause, why), true);
      this.#reject(run, why);
    }
  }

  #reject(run: Run, why: string): void {
    this.#moved("rejected");
    this.#end(run, why);
  }

  #begin(run: Run, { settings, snapshot }: Move): void {
    const { transports, certificates, record, feed } = this.#parts;
    const begin = (): void => {
      if (this.#run !== run) return;
      run.isRequested = certificates?.isRequested(snapshot.certificate?.key) === true;
      transports.propose(settings);
      feed({ type: "switch", id: run.id, isRequested: run.isRequested });
    };
    // What newer offers supersede before the disk is ready is not stored.
    if (record.storing === undefined) begin();
    else void record.storing.then(begin);
  }

  #end(run: Run, error?: string): void {
    const { plan, ended } = run;
    this.#run = undefined;
    if (error === undefined && plan?.move === undefined) this.#obey(plan?.seconds);
    ended(error);
  }

  /** The interval of what is in force counts at once, whatever becomes of the rest of the offer. */
  #obey(seconds: bigint | undefined): void {
    if (seconds !== undefined) this.#parts.feed({ type: "interval", seconds });
  }

  #reset(): void {
    this.#isStoring = false;
    this.#accepted = undefined;
    this.#state = undefined;
    this.#parts.transports.commit(this.inForce);
  }

  #putAside(why: string): Restored {
    const { record, warn } = this.#parts;
    this.#reset();
    record.clear();
    warn(
      `the connection settings that the server offered are put aside: ${why}`,
      "nothing has to be done: the options count, and the server may offer its settings again",
    );
    return { isPutAside: true };
  }

  #moved(state: ConnectionState | undefined): void {
    this.#state = state;
    const move = state === "verifying" ? this.#run?.plan?.move : undefined;
    this.#parts.notify(this.facts, false, move && factsOf(move.settings));
    this.#parts.certificates?.connectionMoved();
  }
}
