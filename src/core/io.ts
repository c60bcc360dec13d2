import type { Trial } from "../base/trial.js";
import type {
  AgentRemoteConfig,
  ConnectionSettingsOffers,
  ConnectionSettingsRequest,
  CustomMessage,
  EffectiveConfig,
  ServerToAgent,
} from "../gen/opamp/v1/opamp_pb.js";
import type { OfferStatus, PartName, PartSet, PartValues } from "./parts.js";
import type { LaterPhase, Phase } from "./phases.js";

/** An AgentToServer about to be encoded. */
export interface Outgoing extends Partial<PartValues> {
  instanceUid: Uint8Array;
  sequenceNum: bigint;
  capabilities: bigint;
  flags?: bigint;
  agentDisconnect?: Record<never, never>;
  customMessage?: CustomOutgoing;
  connectionSettingsRequest?: ConnectionSettingsRequest;
}

/** A custom message on its way to the server. */
export interface CustomOutgoing {
  capability: string;
  type: string;
  data: Uint8Array;
}

/** What an offer of each kind brings. */
export interface OfferValues {
  /** Remote configuration. */
  remoteConfig: AgentRemoteConfig;
  /** Settings for connections. */
  connectionSettings: ConnectionSettingsOffers;
}

/** Each kind of offer, by the name of its handler. */
export type OfferKind = keyof OfferValues;

/** An offer, and what tells it from others of its kind: the server's hash, or a digest where that is empty. */
export type Offered = {
  [K in OfferKind]: { kind: K; hash: Uint8Array; digest?: Uint8Array | undefined; offer: OfferValues[K] };
}[OfferKind];

/** What outlives a restart. */
export type StateChange =
  | { what: "instanceUid"; uid: Uint8Array }
  /** The interval that the server asks for, whatever becomes of it here; `Infinity` for none. */
  | { what: "heartbeat"; requestedMs: number }
  /** Where an offer stands; `offered` comes with one whose handler may only run once it is stored. */
  | { what: "offer"; kind: OfferKind; status: OfferStatus; offered?: Offered }
  /** How the last offer ended is forgotten: the server may offer the same again. */
  | { what: "forget"; kind: OfferKind }
  /** What becomes of the settings on trial, and how far that trial is. */
  | { what: "settings"; step: "candidate" | "accepted" | "dropped"; trial: Trial };

/** Why a link ended, as far as the core has to know; `error` passes through. */
export interface Lost {
  error: unknown;
  fate: "unsent" | "unknown" | "answered" | "refused";
  orderly: boolean;
  throttled: boolean;
  retryAfterMs?: number | undefined;
  /** Why another dial may be made at once: with other credentials, or in another way although nothing failed. */
  renewed?: "credentials" | "transport" | undefined;
  /** Another attempt with the same settings cannot go better; asked of settings on trial. */
  final?: boolean | undefined;
}

/** New values of parts; `undefined` takes a part out of reports. */
export type PartChanges = { readonly [P in PartName]?: PartValues[P] | undefined };

/** What is about the agent, and not about its connection. */
export type AgentInput =
  /** Parts have other values. */
  | { type: "set"; parts: PartChanges }
  /** The agent can do other things from now on (CAP-04). */
  | { type: "declare"; capabilities: bigint }
  /** The server is to make another uid (UID-04). */
  | { type: "requestUid" }
  /** Ask the server for something for the connection, instead of what was asked before; without a request, nothing. */
  | { type: "requestSettings"; request?: ConnectionSettingsRequest; isTaken?: boolean }
  /** Somebody says the effective config may have changed. */
  | { type: "refresh" }
  /** The effective config asked for; without a value where it could not be read. */
  | { type: "effectiveConfig"; value?: EffectiveConfig }
  /** The handler of an offer ended; with an error it failed. */
  | { type: "handled"; kind: OfferKind; id: number; error?: string }
  /** Run the handler again for the offer that failed last. */
  | { type: "retry"; kind: OfferKind }
  /** Forget what was offered, and connect again with the settings in force, unless these are those before. */
  | { type: "forget"; kind: OfferKind; stays?: boolean }
  /** A change is durable; with an error it could not be stored. */
  | { type: "persisted"; id: number; error?: string }
  /** The restart handler ended; with an error it failed. */
  | { type: "restarted"; error?: string }
  /** A custom message to send; it may wait for `expiresInMs` milliseconds, by default for ever. */
  | { type: "custom"; id: number; message: CustomOutgoing; expiresInMs?: number }
  /** Custom messages of this capability are no longer wanted. */
  | { type: "forgetCustom"; capability: string };

/** What can happen to an agent. */
export type Input =
  /** Begin; with what a store remembers, and of the offers the one that has failed and can be retried. */
  | {
      type: "start";
      instanceUid?: Uint8Array;
      offers?: OfferOutcomes;
      failed?: Offered;
      heartbeatMs?: number;
      resume?: Resumed;
    }
  /** End in good order, within the time given; `error` is why, where the host did not ask for it. */
  | { type: "stop"; withinMs: number; error?: unknown }
  /**
   * The connection settings being applied, those with this id, want the connection moved to the candidate; `isRequested`: the
   * agent asked for them.
   */
  | { type: "switch"; id: number; isRequested?: boolean }
  /** The interval between heartbeats that came with settings which were accepted. */
  | { type: "interval"; seconds: bigint }
  /** Leave in good order and dial again (DUP-02). */
  | { type: "reconnect" }
  /** Time has passed. */
  | { type: "tick" }
  /** The timer for the deadline fired, which was due at `dueAt`; the wall clock tells of a machine that slept. */
  | { type: "woken"; dueAt: number; wallNow: number }
  /** The dialled link carries payloads; if duplex, both ways at any time. */
  | { type: "opened"; duplex: boolean; wallNow: number }
  /** On a link that is not duplex: the message put out last needs a connection of its own, and then has it. */
  | { type: "dialing" }
  | { type: "dialed" }
  /** On a link that is not duplex: the connection kept for the message put out last was closed; it may have arrived. */
  | { type: "stale" }
  /** The link is gone. */
  | { type: "lost"; loss: Lost }
  /** The peer is there, though it has nothing to say. */
  | { type: "alive" }
  /** The peer has read all that was sent before the last ping. */
  | { type: "pong" }
  /** A message arrived. */
  | { type: "received"; message: ServerToAgent }
  /** Something arrived that is not a message. */
  | { type: "malformed"; error: unknown }
  /** The message last put out is over the size limit and never left. */
  | { type: "oversized" }
  /** The message last put out is so large that it may take long to leave. */
  | { type: "large"; bytes: number }
  /** More of a large message has left, or has come. */
  | { type: "progress" }
  | AgentInput;

/** What an earlier process left of connection settings. */
export interface Resumed {
  /** An offer whose settings are still to be proved: it is applied again, and its settings are dialled first. */
  offered?: Offered;
  trial: Trial;
  /** When the connection was moved before, on the clock of this core. */
  switchedAt: readonly number[];
}

/** What became of a custom message; one that is `unanswered` may have arrived. */
export type CustomFate = "delivered" | "refused" | "oversized" | "full" | "expired" | "unanswered" | "forgotten";

/** Things worth telling the host, none of which changes what the core does next. */
export type Notice =
  | { kind: "malformed"; error: unknown }
  | { kind: "foreignUid"; uid: Uint8Array }
  | { kind: "badNewUid"; problem: string }
  | { kind: "ignored"; what: string }
  /** The server offers something without the hash that it must set: the content decides what is new. */
  | { kind: "noHash"; what: string }
  /** The server asks for the whole state, or the components, over and over: it is told them ever less often. */
  | { kind: "storm" }
  /** A custom message waits for a capability that the server has not announced (CUSTOM-04). */
  | { kind: "customWaits"; capability: string }
  | { kind: "serverError"; error: "badRequest" | "unavailable" | "unknown"; message: string; dropped: PartSet }
  | { kind: "dropped"; parts: PartSet; why: "oversized" | "refused" }
  /** A report this large was sent several times, and its connection failed each time. */
  | { kind: "undelivered"; parts: PartSet; bytes: number; attempts: number }
  | { kind: "silent"; afterMs: number }
  /** The connection was moved too often in the last hour: the newest settings wait. */
  | { kind: "settingsWait"; forMs: number }
  | { kind: "effectiveConfigLate"; afterMs: number };

/** How the last offer of each kind ended. */
export type OfferOutcomes = { readonly [K in OfferKind]?: OfferStatus };

/** What the core wants done. */
export type Output =
  /** With the settings in force, or with those that are on trial. */
  | { type: "dial"; use: Use }
  | { type: "send"; message: Outgoing }
  /** Ask the peer for a pong. */
  | { type: "ping" }
  /** 1006 cuts the link at once; nothing more is expected from it. */
  | { type: "close"; code: number; reason: string }
  | { type: "fetchEffectiveConfig" }
  | ({ type: "apply"; id: number } & Offered)
  | { type: "abort"; kind: OfferKind; id: number; why: "superseded" | "overdue" | "stopped" }
  | { type: "restart" }
  /** The connection was moved for the offer with this id, or was not, and is or will be where it was. */
  | { type: "switched"; id: number; failed?: SwitchFailure }
  /** Answered by `persisted` with the same id. What waits for that says so; nothing else is held up by a slow disk. */
  | { type: "persist"; id: number; change: StateChange }
  /** The agent goes by another uid. */
  | { type: "instanceUid"; uid: Uint8Array; previous: Uint8Array }
  | {
      type: "phase";
      phase: LaterPhase;
      previous: Phase;
      reason: PhaseReason;
      answered: boolean;
      inMs?: number;
      error?: unknown;
    }
  /** Where the newest offer of a kind stands. */
  | { type: "offer"; kind: OfferKind; status: OfferStatus }
  | { type: "serverCapabilities"; mask: bigint }
  | { type: "serverCustomCapabilities"; names: readonly string[] }
  | { type: "customMessage"; message: CustomMessage }
  | { type: "customSettled"; id: number; fate: CustomFate }
  | { type: "heartbeatInterval"; intervalMs: number }
  /** The server has answered the message with the request; what it asked for comes later, unless it was refused. */
  | { type: "settingsRequest"; fate: "answered" | "refused"; text: string }
  | { type: "notice"; notice: Notice };

/** The settings in force, or those that are on trial. */
export type Use = "committed" | "candidate";

/** Why other settings are not in force. The failure of the last attempt was told with the phase that it led to. */
export interface SwitchFailure {
  /**
   * They could not be stored; they are in force, and the store does not say that it has them; the process died of them too
   * often; another attempt cannot change what went wrong; they were not proved in time, or what answered was not seen to be
   * an OpAMP server; their server wants a longer pause than that; their server refused the report.
   */
  why: "unstored" | "unkept" | "crashed" | "final" | "overdue" | "unknown" | "paused" | "refused";
  /** In the words of the store or of the server. */
  text?: string;
}

/** An output that is not about the connection. */
export type HostOutput = Exclude<Output, { type: "dial" | "send" | "ping" | "close" }>;

/** Why the phase changed. */
export type PhaseReason =
  /** `start()` was called. */
  | "started"
  /** The connection is open. */
  | "opened"
  /** The server answered the first report. */
  | "answered"
  /** The server did not answer the first report in time, on a WebSocket that is alive. */
  | "silent"
  /** No connection was made, or it ended from the other side. */
  | "lost"
  /** No connection was made, or an HTTP request was not answered, in time. */
  | "timeout"
  /** Nothing came from the server any more, not even pongs. */
  | "unresponsive"
  /** The answer was not OpAMP, or was for another agent. */
  | "malformed"
  /** The server asked for a pause. */
  | "throttled"
  /** `reconnect()` was called, or another way to the server is tried. */
  | "reconnect"
  /** Other connection settings are tried. */
  | "settings"
  /** Other connection settings were not accepted, and the ones before are used again. */
  | "rolledBack"
  /** The wait before the next attempt is over. */
  | "retry"
  /** `stop()` was called, or the store is not for this version. */
  | "stopping"
  /** The end. */
  | "stopped";

/** Why a link is cut from this side. */
export type Failure = Extract<PhaseReason, "timeout" | "malformed" | "unresponsive">;
