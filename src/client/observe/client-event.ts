import type { CustomFate, OfferKind, Outgoing } from "../../core/io.js";
import type { OfferStatus } from "../../core/parts.js";
import type { OpAMPError } from "../../errors.js";
import type { ServerToAgent } from "../../gen/opamp/v1/opamp_pb.js";
import type { ConnectionEvent, ConnectionFacts } from "../connection-options.js";
import type { InstanceUidEvent, PhaseEvent, ServerErrorEvent, WarningEvent } from "../events.js";

/** What passes between client and server; it comes with every message. */
export type TrafficEvent =
  /** A message was handed to the transport; its size is before compression and without framing. */
  | { type: "sent"; message: Outgoing; bytes: number }
  /** Bytes came, inflated and without framing; without a message where they could not be decoded. */
  | { type: "received"; message: ServerToAgent | undefined; bytes: number }
  /** The server was asked for a sign of life. */
  | { type: "pinged" }
  /** It gave one. */
  | { type: "alive" };

/** The status of an offer changed. */
export interface OfferMoved extends OfferStatus {
  type: "offer";
  kind: OfferKind;
  /** What people call the kind. */
  title: string;
  /** From the offer to its end; `undefined` while it is being applied. */
  durationMs: number | undefined;
}

/** What an error counts as, besides being one. */
export type ErrorCount = "malformed" | "dropped";

/** Tells of an error. @param isLogged whether another event says so in the log */
export type Failed = (error: OpAMPError, isLogged?: boolean, counts?: ErrorCount) => void;

/** Everything that can be observed of a client. Errors in it hold no secrets; other text from outside may. */
export type ClientEvent =
  | TrafficEvent
  | OfferMoved
  | { type: "phase"; event: PhaseEvent; inMs: number | undefined }
  /** `isLogged`: another event says so in the log. */
  | { type: "error"; error: OpAMPError; isLogged: boolean; counts: ErrorCount | undefined }
  /** A listener of `error` threw, so there is no listener left to tell. */
  | { type: "errorListenerFailed"; error: OpAMPError }
  | { type: "warning"; event: WarningEvent }
  /** `isRequest`: only the request for a certificate is another one; `trying`: what is dialled while that is on trial. */
  | { type: "connection"; event: ConnectionEvent; isRequest: boolean; trying?: ConnectionFacts | undefined }
  | { type: "instanceUid"; event: InstanceUidEvent }
  | { type: "serverCapabilities"; mask: bigint }
  | { type: "serverCustomCapabilities"; names: readonly string[] }
  | { type: "serverError"; event: ServerErrorEvent }
  | { type: "heartbeatInterval"; intervalMs: number }
  /** A custom message waits for a capability that the server has not announced. */
  | { type: "customWaits"; capability: string }
  | { type: "customReceived" }
  | { type: "customSettled"; fate: CustomFate }
  | { type: "ignored"; what: string }
  /** The server asks for everything over and over. */
  | { type: "storm" }
  /** The first report was not answered. */
  | { type: "silent"; afterMs: number };

/** Is called with everything that happens to a client; must not throw. */
export type Observer = (event: ClientEvent) => void;
