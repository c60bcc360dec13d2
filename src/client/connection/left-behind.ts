import { sameBytes } from "../../base/bytes.js";
import { NO_TRIAL, nextTrial, type Trial } from "../../base/trial.js";
import { failureText } from "../../connection-settings/final-failure.js";
import type { ConnectionSettings } from "../../connection-settings/laid-over.js";
import { NO_SNAPSHOT, type Snapshot } from "../../connection-settings/snapshot.js";
import type { Offered, Resumed } from "../../core/io.js";
import { offerIdentity } from "../../core/offers/offers.js";
import type { OfferStatus } from "../../core/parts.js";
import { messageOf } from "../../errors.js";
import type { StoredState } from "../../store/store.js";
import type { Clock } from "../clock.js";
import type { ConnectionRecord } from "./connection-record.js";
import { diedOfIt, type OfferReader, offerOf, type Plan, type SettingsOffer } from "./offer-plan.js";
import { DAMAGED, forOtherOptions } from "./settings-blobs.js";

const NOT_TAKEN = "the agent no longer takes settings for its own connection";

/** What an earlier process left for the core, and how the last offer ended. */
export interface Restored {
  resume?: Resumed;
  /** What was accepted no longer counts. */
  isPutAside?: true;
  status?: OfferStatus;
  /** Nobody has been told yet that it ended so. */
  isNews?: true;
  /** What failed, where it can be retried. */
  failed?: Offered;
}

/** Settings that were accepted by an earlier process. */
export interface Accepted {
  readonly snapshot: Snapshot;
  readonly settings: ConnectionSettings;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
}

/** What an earlier process left of the agent's own connection, checked by the options of this one. */
export interface LeftBehind extends Restored {
  accepted?: Accepted;
  /** What its candidate comes to, where that is still to be proved. */
  resumed?: Plan;
  /** Its candidate is given up. */
  isRolledBack?: true;
  /** Why some of it cannot be read now: it is neither used nor forgotten. */
  unread?: string;
}

/** The parts of the client that it takes to read that. */
export interface LeftBehindParts {
  readonly record: ConnectionRecord;
  readonly reader: OfferReader;
  readonly clock: Clock;
  /** Whether offers for the agent's own connection are taken. */
  readonly isTaken: boolean;
  /** Takes secrets out of what the server is told. */
  readonly redact: (text: string) => string;
}

/**
 * Reads what an earlier process left.
 *
 * @throws Error with the reason why it cannot be used, and is to be put aside
 */
export async function readLeft(
  { connection, connectionSettings }: StoredState,
  { record, reader, clock, isTaken, redact }: LeftBehindParts,
): Promise<LeftBehind> {
  const left: LeftBehind = connectionSettings === undefined ? {} : { status: connectionSettings };
  if (connection === undefined) return left;
  const { accepted, open, candidate, trial, switchedAt, changed, unread } = await record.read(connection);
  if (changed.length > 0) throw new Error(forOtherOptions(changed));
  const since = clock.wallNow() - clock.now();
  left.resume = { trial, switchedAt: switchedAt.map((at) => at - since) };
  if (connection.accepted !== undefined && accepted === undefined) {
    if (unread === undefined) throw new Error(DAMAGED);
    return { resume: { ...left.resume, trial: NO_TRIAL }, isPutAside: true, unread: messageOf(unread) };
  }
  if (accepted !== undefined) left.accepted = { ...accepted, settings: reader.checked(accepted.snapshot, NO_SNAPSHOT) };
  if (unread !== undefined) {
    return { ...left, resume: { ...left.resume, trial: NO_TRIAL }, unread: messageOf(unread) };
  }
  if (candidate === undefined || trial.phase === "none") {
    if (open === undefined) return left;
    const offered = offerOf(open.offer, open.digest);
    if (!isOf(connectionSettings, offered)) return { ...left, resume: { ...left.resume, offered } };
    record.settled();
    return left;
  }
  const offered = offerOf(candidate.offer, candidate.digest);
  const { hash, digest } = offered;
  const failed = (why: string, after: Trial = trial): LeftBehind => {
    const ended = { hash, digest, status: "failed", error: redact(why) } as const;
    record.keepOutcome(ended);
    const resume = { trial: after, switchedAt: left.resume?.switchedAt ?? [] };
    return { ...left, resume, status: ended, failed: offered, isNews: true, isRolledBack: true };
  };
  if (trial.phase !== "trial") return failed(diedOfIt);
  if (!isTaken) return failed(NOT_TAKEN, nextTrial(trial, { type: "fail" }));
  try {
    left.resumed = reader.resumed(candidate.snapshot, offered, accepted?.snapshot ?? NO_SNAPSHOT);
  } catch (cause) {
    return failed(failureText(cause), nextTrial(trial, { type: "fail" }));
  }
  record.keepTrial(trial);
  return { ...left, resume: { ...left.resume, offered } };
}

/** Whether an outcome is that of an offer. */
function isOf(outcome: StoredState["connectionSettings"], offered: SettingsOffer): boolean {
  return outcome !== undefined && sameBytes(offerIdentity(outcome), offerIdentity(offered));
}
