import type { OpAMPError } from "../errors.js";

/** What became of the payload that was under way when a link was lost. */
export type Fate =
  /** No byte of it left. */
  | "unsent"
  /** It may have arrived. */
  | "unknown"
  /** The server, or something in between, answered it with an HTTP status that brought no message. */
  | "answered"
  /**
   * It, or the oldest one that has no answer, is too large for the server; it must not be sent again as it is (HTTP 413,
   * close code 1009).
   */
  | "refused";

/** Why a link ended. */
export interface Loss {
  /** What ended the connection. */
  error: OpAMPError;
  /** What became of the message sent last. */
  fate: Fate;
  /** The peer closed in good order, or answered; otherwise the link broke. */
  orderly: boolean;
  /** The server asked for a pause (HTTP 429, 503), with or without saying how long. */
  throttled: boolean;
  /** How long the server asked to stay away, in milliseconds. */
  retryAfterMs?: number | undefined;
  /**
   * The transport can do better on the next attempt, so one attempt may be made at once: `"credentials"`, fresh ones
   * will be fetched (AUTH-02); `"transport"`, nothing is wrong and another way to the server is to be tried.
   */
  renewed?: "credentials" | "transport" | undefined;
}

/**
 * Where a transport reports to. Each `open` gets a sink of its own; what a transport tells an older one is ignored. Its methods
 * belong to it: they cannot be copied to another object.
 */
export interface Sink {
  /** The link can carry payloads. At most once for each `open`. */
  opened(): void;
  /**
   * Where not `duplex`: a connection is being made for what was sent, so that the time for a connection runs as well as
   * the time for an answer. A transport that has nothing to dial need not call it.
   */
  dialing(): void;
  /** The connection of the last `dialing` has been made. */
  dialed(): void;
  /**
   * More of a payload has left this process, or has come: the peer is there, and the time for an answer begins only now. For
   * payloads so large that they may take long; a transport that cannot tell need not call it.
   */
  progress(): void;
  /**
   * Where not `duplex`: the connection kept from an earlier exchange was closed by the peer before anything came in answer
   * to the last payload, which may have arrived. The link goes on, and another payload is sent in its place.
   */
  stale(): void;
  /** A whole payload arrived: a serialized ServerToAgent, without any framing, within the size limit. */
  payload(bytes: Uint8Array): void;
  /**
   * The pong to the last `ping` came: the peer has read all that was sent before it. A transport that cannot tell calls
   * {@link Sink.alive}.
   */
  pong(): void;
  /** A ping, or another pong, came: the peer is there, though it has nothing to say. */
  alive(): void;
  /** Something arrived that is not a payload; the link goes on. */
  malformed(error: OpAMPError): void;
  /** The link is gone. At most once for each `open`, and the last call. */
  lost(loss: Loss): void;
}

/**
 * Carries payloads to and from one server. No retry, no timer and no protocol knowledge: its caller bounds every wait
 * and calls {@link Transport.close} when one runs out.
 *
 * @see OpAMP specification, "Communication Model"
 */
export interface Transport {
  /**
   * Whether payloads flow both ways at any time (WebSocket). Where not (HTTP), one payload is in flight at a time, each
   * is answered by exactly one `payload` or ends the link, and nothing arrives unasked.
   */
  readonly duplex: boolean;
  /** What people call it: `"websocket"`, `"http"`. Both this and `duplex` hold for the link that is open. */
  readonly name: string;
  /** Dials. Ends in `opened` or `lost`, never in an exception. Called again only after the previous link was lost or closed. */
  open(sink: Sink): void;
  /** Sends one serialized AgentToServer. Called only between `opened` and `lost` or `close`. */
  send(payload: Uint8Array): void;
  /** Asks the peer for a `pong`, behind all that was sent. Called only where `duplex`, while a link is open. */
  ping(): void;
  /**
   * Ends the link and then reports `lost`, with what was waited for as its error where the reason is {@link OVERDUE}.
   * {@link CLOSE_NOW} cuts it without a handshake; any other code is an orderly
   * close, which a later `close(CLOSE_NOW)` may cut short.
   */
  close(code: number, reason: string): void;
}

/** Never on the wire (RFC 6455, 7.4.1): the socket is destroyed at once. */
export const CLOSE_NOW = 1006;
/** The reason given where the link is cut because something took too long. */
export const OVERDUE = "timeout";
