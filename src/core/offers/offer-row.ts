import type { ServerToAgent } from "../../gen/opamp/v1/opamp_pb.js";
import type { Offered, OfferKind, Output, StateChange } from "../io.js";
import type { OfferStatus } from "../parts.js";
import type { Report } from "../report.js";
import type { AgentTimers } from "../timers.js";

/** An offer in a message. */
export interface Found {
  hash: Uint8Array;
  /** With a digest where its hash is empty; not there where only a hash is. */
  offered: Offered | undefined;
  /** The capability bits of all that is in it, where these are not the bits of its kind: without any it has no effect. */
  needs?: bigint;
}

/** As much of an offer, or of its status, as tells it from others. */
export type Identified = Pick<OfferStatus, "hash" | "digest">;

/** What the core knows of a kind of offers. */
export interface OfferRow {
  readonly kind: OfferKind;
  /** The capability bit without which offers of this kind have no effect (CAP-05). */
  readonly accepts: bigint;
  /** In which part the status is reported. */
  readonly part: "remoteConfigStatus" | "connectionSettingsStatus";
  /** What people call it. */
  readonly what: string;
  /** What is said of a hash that comes without what it stands for. */
  readonly incomplete: string;
  /** Whether an outcome is reported together with the effective config (CFG-03). */
  readonly changesEffectiveConfig: boolean;
  /** Whether an offer has to be stored before its handler runs; one that cannot be stored has failed. */
  readonly storedFirst: boolean;
  /** Which field of a message it is in. */
  readonly field: "remoteConfig" | "connectionSettings";
  /** The offer in a message that has this field. */
  find(message: ServerToAgent): Found | undefined;
}

/** Time limits of a handler, in milliseconds. */
export interface ApplyLimits {
  applyMs: number;
  /** How long an aborted handler may take to end before the next one starts regardless. */
  abortMs: number;
}

/** What the lives of all offers of an agent share. */
export interface OfferSurroundings {
  limits: ApplyLimits;
  report: Report;
  timers: AgentTimers;
  /** Has a change stored. @returns the id that says so once it is */
  persist(change: StateChange, out: Output[]): number;
}

/** A running handler. */
export interface RunningOffer {
  id: number;
  offered: Offered;
  /** A newer offer came: the outcome of this one is not reported. */
  superseded: boolean;
}

/** An offer whose handler has yet to start. */
export interface WaitingOffer {
  offered: Offered;
  /** What has to be stored first. */
  persistId: number | undefined;
}
