import type { ServerCapabilityName } from "../core/capabilities.js";
import type { OfferKind, PhaseReason } from "../core/io.js";
import type { Phase } from "../core/phases.js";
import type { OpAMPError } from "../errors.js";
import type { ConnectionEvent } from "./connection-options.js";

/** What every phase event tells; what comes with some phases only is absent from the others. */
interface PhaseChange {
  /** The phase before. */
  previous: Phase;
  /** Why the phase changed. */
  reason: PhaseReason;
  /** The name of the transport in use, or used last: `"websocket"`, `"http"`; `undefined` before the first attempt. */
  transport: string | undefined;
  answered?: undefined;
  retryAt?: undefined;
  error?: undefined;
}

/** The client is connecting. */
export interface ConnectingEvent extends PhaseChange {
  /** The client is dialling; or the connection is open, and the first report has no answer yet. */
  phase: "connecting" | "reporting";
}

/** The server has been reached. */
export interface OnlineEvent extends Omit<PhaseChange, "answered"> {
  /** The server has answered the first report, or keeps silent on a connection that is alive. */
  phase: "online";
  /** Whether the server has answered on this connection. */
  answered: boolean;
}

/** The client waits before it connects again. */
export interface WaitingEvent extends Omit<PhaseChange, "retryAt" | "error"> {
  /** There is no connection, and the next attempt is due at `retryAt`. */
  phase: "waiting";
  /** When the next attempt is due. */
  retryAt: Date;
  /** What went wrong; `undefined` if nothing did: the server asked for a pause, or `reconnect()` was called. */
  error?: OpAMPError | undefined;
}

/** The client disconnects, or has stopped. */
export interface StoppingEvent extends Omit<PhaseChange, "error"> {
  /** agent_disconnect is being sent, before the end or a reconnect; or the client has stopped for good. */
  phase: "closing" | "stopped";
  /** Why, if the program did not ask for it: see `onForeignStore`. */
  error?: OpAMPError | undefined;
}

/** The connection moved on to another phase. */
export type PhaseEvent = ConnectingEvent | OnlineEvent | WaitingEvent | StoppingEvent;

/** What every offer event tells. */
interface OfferChange {
  /** What is offered, by the name of its handler. */
  kind: OfferKind;
  /** A copy. */
  hash: Uint8Array;
}

/** The status of an offer changed; `error` says why it failed, as the server is told. */
export type OfferEvent =
  /** Its handler is running, or has done what the offer wants. */
  | (OfferChange & { status: "applying" | "applied"; error?: undefined })
  /** Its handler failed, or was given up. */
  | (OfferChange & { status: "failed"; error: string });

/** The instance uid has changed. */
export interface InstanceUidEvent {
  /** UUID text. */
  instanceUid: string;
  /** The one before, as UUID text. */
  previous: string;
}

/** The server answered with an error (MSG-03). */
export interface ServerErrorEvent {
  /** What kind of error it is, in the words of the specification. */
  type: "badRequest" | "unavailable" | "unknown";
  /** The server's own words. */
  message: string;
  /** Parts of the refused report; they are not sent again until they change (RETRY-01). */
  dropped: readonly string[];
}

/** The client is set up in a way that is not safe, or the server does not do what it must. */
export interface WarningEvent {
  /**
   * `"insecure-skip-verify"`: a certificate is not verified; `"cleartext"`: what is sent leaves this machine without
   * being encrypted; `"offer-without-hash"`: the server sets no hash in what it offers, so the content tells one offer from
   * another, and the status reported has no hash either; `"settings-put-aside"`: connection settings that the server had
   * offered no longer count, are not used, or cannot be read for now; `"settings-wait"`: the server moves the agent too often;
   * `"settings-slow-start"`: a handler of connection settings has held up the start for 5 s; `"certificate-not-requested"`:
   * the connection is not one over which a certificate is asked for, or the server has the agent ask too often;
   * `"certificate-refused"`: the server refused a request for one; `"certificate-ended"`: that of the client is no longer valid.
   */
  code:
    | "insecure-skip-verify"
    | "cleartext"
    | "offer-without-hash"
    | "settings-put-aside"
    | "settings-wait"
    | "settings-slow-start"
    | "certificate-not-requested"
    | "certificate-refused"
    | "certificate-ended";
  /** What is wrong. */
  message: string;
  /** What to do. */
  hint: string;
}

/** The events of a client, with what their listeners get. A listener that throws is an `error` event and affects no other. */
export interface OpAMPClientEvents {
  /** The connection moved on to another phase. */
  phase: (event: PhaseEvent) => void;
  /**
   * Something failed. The client goes on by itself, unless it stopped because of it (`onForeignStore`); having no
   * listener is fine. Message, hint and stack hold no secrets; a `cause` that is not an `OpAMPError` is as it was thrown
   * and may hold some, so do not print it where secrets must not go.
   */
  error: (error: OpAMPError) => void;
  /** At `start`, for each setting in force that is not safe, or once one is; and whenever something is as its code says. */
  warning: (event: WarningEvent) => void;
  /** The server answered with an error. */
  serverError: (event: ServerErrorEvent) => void;
  /** The status of an offer changed. */
  offer: (event: OfferEvent) => void;
  /** The agent's own connection is another one, or is to be; only where `connectionSettings.opamp` is given. */
  connection: (event: ConnectionEvent) => void;
  /** The server assigned another instance uid. */
  instanceUid: (event: InstanceUidEvent) => void;
  /** The server declared its capabilities (CAP-07). */
  serverCapabilities: (capabilities: ReadonlySet<ServerCapabilityName>) => void;
  /** The server announced the custom capabilities it understands (CUSTOM-02). */
  serverCustomCapabilities: (names: readonly string[]) => void;
  /** The interval between heartbeats, or polls, in milliseconds; `Infinity` when the server turned them off (HB-03). */
  heartbeatInterval: (intervalMs: number) => void;
}
