import { failureText } from "../../connection-settings/final-failure.js";
import type { ConnectionSettings, OwnSettings } from "../../connection-settings/laid-over.js";
import { NO_SNAPSHOT, type Snapshot } from "../../connection-settings/snapshot.js";
import type { Input, StateChange, SwitchFailure } from "../../core/io.js";
import { messageOf, OpAMPError } from "../../errors.js";
import type { StoredState } from "../../store/store.js";
import type { Certificates } from "../certificates/certificates.js";
import type { Clock } from "../clock.js";
import type { ConnectionEvent, ConnectionState } from "../connection-options.js";
import type { SettingsRules } from "../settings/settings-rules.js";
import { factsOf, proposed } from "./connection-facts.js";
import type { ConnectionRecord } from "./connection-record.js";
import { type Restored, readLeft } from "./left-behind.js";
import { bytesOf, type Move, OfferReader, type Plan, type SettingsOffer, whyNot } from "./offer-plan.js";
import { unreadHint } from "./settings-blobs.js";
import type { Transports } from "./transports.js";

/** An offer that is being applied. */
interface Run {
  readonly id: number;
  readonly offered: SettingsOffer;
  readonly controller: AbortController;
  /** Called once, with the reason where the offer's settings are not in force. */
  readonly ended: (error: string | undefined) => void;
  plan: Plan | undefined;
}

/** What of the client takes part in the moves of its connection. */
export interface MovesParts {
  readonly own: OwnSettings;
  readonly rules: SettingsRules;
  readonly transports: Transports;
  readonly record: ConnectionRecord;
  readonly clock: Clock;
  readonly feed: (input: Input) => void;
  /** There where the agent asks for certificates. */
  readonly certificates: Certificates | undefined;
  /** @param isRequest whether only the request for a certificate is another one */
  readonly notify: (event: ConnectionEvent, isRequest: boolean) => void;
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
  #snapshot: Snapshot = NO_SNAPSHOT;
  #since: number | undefined;
  #state: ConnectionState | undefined;
  #run: Run | undefined;
  /** The candidate of an earlier process, until the core applies its offer again. */
  #resumed: Plan | undefined;
  /** Why the last attempt on the candidate failed. */
  #lastFailure: OpAMPError | undefined;

  constructor(parts: MovesParts) {
    this.#parts = parts;
    this.#reader = new OfferReader(parts.own, parts.rules, parts.record, () => parts.certificates?.keys ?? []);
  }

  get facts(): ConnectionEvent {
    const since = this.#since === undefined ? undefined : new Date(this.#since);
    const source = this.#since === undefined ? "options" : "server";
    const certificateRequest = this.#parts.certificates?.state;
    return { ...factsOf(this.inForce), state: this.#state, source, since, certificateRequest };
  }

  /** What the server offered of what is in force. */
  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  get inForce(): ConnectionSettings {
    return this.#reader.laidOver(this.#snapshot);
  }

  /** Tells of another request for a certificate. */
  requestMoved(): void {
    this.#parts.notify(this.facts, true);
  }

  /** Takes up what an earlier process left; what cannot be used is put aside. */
  async restore(state: StoredState): Promise<Restored> {
    const { record, clock, transports, warn } = this.#parts;
    try {
      const { accepted, resumed, unread, ...restored } = await readLeft(state, record, this.#reader, clock);
      this.#resumed = resumed;
      if (unread !== undefined) warn(`connection settings that the server offered wait: ${unread}`, unreadHint);
      if (accepted === undefined) return restored;
      this.#snapshot = accepted.snapshot;
      this.#since = accepted.at;
      this.#state = "accepted";
      transports.commit(accepted.settings);
      return restored;
    } catch (cause) {
      return this.#putAside(messageOf(cause));
    }
  }

  /** An offer is applied, and `ended` called in the step in which it ends. */
  apply(offered: SettingsOffer, id: number, ended: Run["ended"]): void {
    const run: Run = { id, offered, controller: new AbortController(), ended, plan: this.#resumed };
    this.#run = run;
    this.#lastFailure = undefined;
    if (run.plan?.move !== undefined) {
      // The core dials it already.
      this.#resumed = undefined;
      this.#parts.transports.propose(run.plan.move.settings);
      return this.#moved("verifying");
    }
    try {
      const plan = this.#reader.plan(offered, this.#snapshot, this.#parts.clock.wallNow());
      run.plan = plan;
      if (plan.move === undefined) return this.#end(run);
      this.#moved("candidate");
      const { validate } = this.#parts.rules;
      if (validate === undefined) this.#begin(run, plan.move);
      else void this.#validate(run, plan.move, validate);
    } catch (cause) {
      this.#reject(run, failureText(cause));
    }
  }

  abort(id: number, why: string): void {
    const run = this.#run;
    if (run?.id !== id) return;
    run.controller.abort(new OpAMPError("ERR_OPAMP_HANDLER", `connectionSettings was aborted: ${why}`));
    const isOpen = this.#state === "candidate" || this.#state === "verifying";
    if (why !== "stopped" && isOpen) this.#moved("rolledBack");
    this.#end(run, `aborted: ${why}`);
  }

  /** Keeps a step of a trial. What the core dials with next follows at once. */
  persist(id: number, change: Extract<StateChange, { what: "settings" }>): void {
    const { record, transports } = this.#parts;
    const run = this.#run;
    const move = run?.plan?.move;
    if (change.step === "accepted" && move !== undefined) {
      transports.accept();
      this.#snapshot = move.snapshot;
      this.#obey(run?.plan?.seconds);
      this.#since = this.#parts.clock.wallNow();
      this.#moved("accepted");
    } else if (change.step === "dropped") transports.drop();
    // One of an earlier process is stored already.
    const isNew = change.step === "candidate" && this.#state === "candidate";
    if (!isNew || run === undefined || move === undefined) return record.keep(id, change);
    const { digest } = run.offered;
    record.keep(id, change, { snapshot: move.snapshot, offer: bytesOf(run.offered), digest });
  }

  /** The connection was moved, or it was not. */
  switched(id: number, failed: SwitchFailure | undefined): void {
    const run = this.#run;
    if (run?.id !== id) return;
    if (failed === undefined) return this.#end(run);
    this.#moved(failed.why === "unstored" || failed.why === "crashed" ? "rejected" : "rolledBack");
    this.#end(run, whyNot(failed, run.plan?.move, this.#lastFailure, this.#parts.rules.limits.verifyMs));
  }

  /** The server in force is left for the one on trial. */
  leaving(): void {
    this.#lastFailure = undefined;
    if (this.#state === "candidate") this.#moved("verifying");
  }

  /** An attempt to connect failed. */
  attemptFailed(error: OpAMPError): void {
    this.#lastFailure = error;
  }

  /** Goes back to what the options say. */
  forget(): void {
    const { feed } = this.#parts;
    this.#reset();
    this.#state = undefined;
    feed({ type: "forget", kind: "connectionSettings" });
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

  /** Nothing is kept any more. */
  forgotten(): void {
    this.#parts.record.clear();
  }

  async #validate(run: Run, move: Move, validate: NonNullable<SettingsRules["validate"]>): Promise<void> {
    const { signal } = run.controller;
    try {
      await validate(proposed(move.settings, move.snapshot), { signal, current: factsOf(this.inForce) });
      if (this.#run === run) this.#begin(run, move);
    } catch (cause) {
      if (this.#run === run) this.#reject(run, messageOf(cause));
    }
  }

  #reject(run: Run, why: string): void {
    this.#moved("rejected");
    this.#end(run, why);
  }

  #begin({ id }: Run, { settings }: Move): void {
    this.#parts.transports.propose(settings);
    this.#parts.feed({ type: "switch", id });
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
    this.#snapshot = NO_SNAPSHOT;
    this.#since = undefined;
    this.#parts.transports.commit(this.inForce);
  }

  #putAside(why: string): Restored {
    const { record, warn } = this.#parts;
    this.#reset();
    this.#state = undefined;
    record.clear();
    warn(
      `the connection settings that the server offered are put aside: ${why}`,
      "nothing has to be done: the options count, and the server may offer its settings again",
    );
    return { isPutAside: true };
  }

  #moved(state: ConnectionState | undefined): void {
    this.#state = state;
    this.#parts.notify(this.facts, false);
    this.#parts.certificates?.connectionMoved();
  }
}
