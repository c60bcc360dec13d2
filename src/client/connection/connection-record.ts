import { bytesOfHex, hexOf } from "../../base/bytes.js";
import { HOUR_MS } from "../../base/time.js";
import { NO_TRIAL, nextTrial, type Trial, trialTransitions } from "../../base/trial.js";
import { changedBetween } from "../../connection-settings/fingerprint.js";
import { decodeSnapshot, encodePlain, type Snapshot } from "../../connection-settings/snapshot.js";
import type { StateChange } from "../../core/io.js";
import type {
  StoredConnection,
  StoredOffer,
  StoredRemoteConfig,
  StoredSettings,
  StoredState,
} from "../../store/store.js";
import type { Clock } from "../clock.js";
import type { Persistence } from "../state/persistence.js";
import { blobName, type SettingsBlobs } from "./settings-blobs.js";

/** An offer. */
export interface OpenOffer {
  /** As it was sent. */
  readonly offer: Uint8Array;
  /** What tells it from others where it has no hash. */
  readonly digest: Uint8Array | undefined;
}

/** Settings to be tried, and the offer that they came with. */
export interface Candidate extends OpenOffer {
  readonly snapshot: Snapshot;
}

/** What an earlier process left. */
export interface Left {
  readonly accepted: { readonly snapshot: Snapshot; readonly at: number } | undefined;
  /** What led to what is accepted, where it may have more in it that is to be done. */
  readonly open: OpenOffer | undefined;
  readonly candidate: Candidate | undefined;
  readonly trial: Trial;
  /** Milliseconds since the Unix epoch. */
  readonly switchedAt: readonly number[];
  /** Which options are others than those that this was laid over. */
  readonly changed: readonly string[];
  /** Why some of it cannot be read now, which stays for a later start. */
  readonly unread: unknown;
}

/**
 * Keeps what becomes of settings for the connection: each snapshot as a blob of its own.
 */
export class ConnectionRecord {
  readonly #blobs: SettingsBlobs;
  readonly #persistence: Persistence;
  readonly #clock: Clock;
  readonly #fingerprint: string;
  #stored: StoredConnection;
  /** This process tries what is on trial. */
  #isTried = false;

  constructor(blobs: SettingsBlobs, persistence: Persistence, clock: Clock, fingerprint: string) {
    this.#blobs = blobs;
    this.#persistence = persistence;
    this.#clock = clock;
    this.#fingerprint = fingerprint;
    this.#stored = this.#nothing();
  }

  /** Whether settings outlive the process, keys included. */
  get isLasting(): boolean {
    return this.#blobs.isLasting;
  }

  /** `undefined` while nothing is being stored; else resolves once that has ended. */
  get storing(): Promise<void> | undefined {
    return this.#blobs.isIdle ? undefined : this.#blobs.settled();
  }

  /** The connection is moved, which is counted over restarts. */
  moving(): void {
    const at = this.#clock.wallNow();
    const recent = this.#stored.switchedAt.filter((time) => Math.abs(at - time) < HOUR_MS);
    this.#stored = { ...this.#stored, switchedAt: [...recent, at] };
    this.#persistence.save({ connection: this.#stored });
  }

  /** Reads what was kept; what is not whole is done without. */
  async read(stored: StoredConnection): Promise<Left> {
    const { accepted, open, candidate, fingerprint } = stored;
    const wallNow = this.#clock.wallNow();
    // Those that a clock counted which was far ahead would have moves wait after each start, until it is as late again.
    const switchedAt = stored.switchedAt.filter((at) => at - wallNow < HOUR_MS).map((at) => Math.min(at, wallNow));
    this.#stored = { ...stored, switchedAt };
    const trial = trialOf(stored);
    const causes: unknown[] = [];
    const read = (name: string) => this.#blobs.read(name, (cause) => causes.push(cause));
    const snapshotOf = async ({ blob }: StoredSettings) => {
      const bytes = await read(blob);
      return bytes && decodeSnapshot(bytes);
    };
    const snapshot = accepted && (await snapshotOf(accepted));
    const [proposed, offer] = candidate ? await Promise.all([snapshotOf(candidate), read(candidate.offer)]) : [];
    const opened = open && (await read(open.offer));
    return {
      accepted: accepted && snapshot && { snapshot, at: accepted.at },
      open: open && opened && { offer: opened, digest: digestIn(open) },
      candidate: proposed && offer && { snapshot: proposed, offer, digest: digestIn(candidate) },
      trial: nextTrial(trial, { type: "died" }) ?? trial,
      switchedAt,
      changed: changedBetween(fingerprint, this.#fingerprint),
      unread: causes[0],
    };
  }

  /** Keeps a step of a trial, and tells the core when it is. @param candidate what is on trial, with the first step */
  keep(id: number, { step, trial }: Extract<StateChange, { what: "settings" }>, candidate?: Candidate): void {
    const { candidate: tried } = this.#stored;
    const at = this.#clock.wallNow();
    const blobs = new Map<string, Uint8Array>();
    const next: StoredConnection = { ...this.#stored, fingerprint: this.#fingerprint, trial };
    if (step === "candidate") this.#isTried = true;
    if (step === "candidate" && candidate !== undefined) {
      const bytes = encodePlain(candidate.snapshot);
      const [blob, offer] = [blobName("connection", bytes), blobName("connection-offer", candidate.offer)];
      blobs.set(blob, bytes).set(offer, candidate.offer);
      next.candidate = { blob, offer, at, digest: candidate.digest && hexOf(candidate.digest) };
    } else if (step !== "candidate") next.candidate = undefined;
    if (step === "candidate") next.open = undefined;
    // Without a candidate it is what could not be stored before.
    if (step === "accepted" && tried !== undefined) {
      next.accepted = { blob: tried.blob, at };
      next.open = { offer: tried.offer, digest: tried.digest };
    }
    this.#replace(next, blobs, id);
  }

  /** It is kept how the last offer ended. */
  settled(): void {
    if (this.#stored.open !== undefined) this.#replace({ ...this.#stored, open: undefined }, new Map(), undefined);
  }

  /** The process has died of its candidate once more, which has to be on disk before the candidate is tried again. */
  keepTrial(trial: Trial): void {
    this.#isTried = true;
    this.#stored = { ...this.#stored, trial };
    this.#persistence.save({ connection: this.#stored });
  }

  /** How an offer ended that an earlier process began. */
  keepOutcome(outcome: StoredRemoteConfig): void {
    this.#persistence.save({ connectionSettings: outcome });
  }

  /** Nothing was accepted, and nothing is on trial. @param id what the core waits for, if it does */
  clear(id?: number): void {
    // What it was reported as goes with it.
    this.#replace(this.#nothing(), new Map(), id, { connectionSettings: undefined, heartbeatMs: undefined });
  }

  /** The end of the client: what is on trial did not die of it. */
  async ended(): Promise<void> {
    const { candidate, trial } = this.#stored;
    if (candidate !== undefined && trial.phase === "trial" && this.#isTried) {
      this.#replace({ ...this.#stored, trial: { ...trial, crashes: trial.crashes - 1 } }, new Map(), undefined);
    }
    await this.#blobs.settled();
  }

  #replace(
    next: StoredConnection,
    blobs: ReadonlyMap<string, Uint8Array>,
    id: number | undefined,
    also: StoredState = {},
  ): void {
    const before = this.#stored;
    this.#stored = next;
    const connection = isNothing(next) ? undefined : next;
    void this.#blobs.replace({
      blobs,
      state: { ...also, connection },
      ids: id === undefined ? [] : [id],
      unwritten: () => {
        if (this.#stored === next) this.#stored = before;
      },
      unneeded: () => {
        // What the state names that was saved just now, and the one that is to be saved next.
        const needed = new Set([...namesIn(next), ...namesIn(this.#stored)]);
        return [...namesIn(before)].filter((name) => !needed.has(name));
      },
    });
  }

  #nothing(): StoredConnection {
    return { fingerprint: this.#fingerprint, trial: NO_TRIAL, switchedAt: [] };
  }
}

function digestIn(stored: StoredOffer | undefined): Uint8Array | undefined {
  return stored?.digest === undefined ? undefined : bytesOfHex(stored.digest);
}

function trialOf({ trial }: StoredConnection): Trial {
  const { phase } = trial;
  return isPhase(phase) ? { ...trial, phase } : NO_TRIAL;
}

function isPhase(text: string): text is keyof typeof trialTransitions {
  return Object.hasOwn(trialTransitions, text);
}

function isNothing({ accepted, candidate, trial, switchedAt }: StoredConnection): boolean {
  return accepted === undefined && candidate === undefined && trial.crashes === 0 && switchedAt.length === 0;
}

function namesIn({ accepted, open, candidate }: StoredConnection): ReadonlySet<string> {
  return new Set([accepted?.blob, open?.offer, candidate?.blob, candidate?.offer].filter((name) => name !== undefined));
}
