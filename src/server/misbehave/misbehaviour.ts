import type { TransportName } from "../link/link.js";

/** How often, and where, a server misbehaves. */
interface Occasion {
  /** How often in all. Default: 1. Infinity until `behave()`. */
  times?: number | undefined;
  /** Only on this transport. Default: on whichever comes first. */
  transport?: TransportName | undefined;
}

/** What a server does to a TCP connection before TLS and before a byte is read, or in place of an HTTP answer. */
export type ConnectMisbehaviour =
  /** Never answers; under TLS not even the handshake, if it begins with the connection. */
  | { mode: "silence" }
  /** Sends these bytes and ends. Default: 64 bytes of 0xff. */
  | { mode: "garbage"; bytes?: Uint8Array | string | undefined }
  /** Closes in good order without an answer. */
  | { mode: "hang-up" }
  /** Cuts with a TCP reset. */
  | { mode: "reset" };

/** What a server does with an upgrade or a POST whose headers have come. */
export type RequestMisbehaviour =
  | ConnectMisbehaviour
  /** Redirects. Default: with 307 to the very URL that was asked for, so that a client that follows runs in circles. */
  | { mode: "redirect"; to?: string | undefined; status?: number | undefined };

/** What a server does instead of answering an AgentToServer as it should. The message itself is taken in first. */
export type MessageMisbehaviour =
  /** Never answers. On HTTP the request stays open. */
  | { mode: "silence" }
  /** Answers with a payload that is not a ServerToAgent. Default: 64 bytes of 0xff. */
  | { mode: "garbage"; bytes?: Uint8Array | undefined }
  /** Answers with a message padded to exactly so many bytes, WebSocket header included: valid, but for its size. */
  | { mode: "oversize"; bytes: number }
  /** Closes in good order without an answer: on WebSocket the connection below it, without a Close frame. */
  | { mode: "hang-up" }
  /** Cuts with a TCP reset. */
  | { mode: "reset" }
  /**
   * Sends a Close frame with this code, also one that must never be sent; 1005 is a frame without a code, 1006 no frame at
   * all. Over HTTP there is no occasion for it.
   */
  | { mode: "close"; code: number; reason?: string | undefined };

/** One way in which a server can be bad, when, and how often. */
export type Misbehaviour =
  /** When a TCP connection comes in. */
  | ({ on: "connect"; times?: number | undefined } & ConnectMisbehaviour)
  /** When an upgrade or a POST comes in. */
  | ({ on: "request" } & Occasion & RequestMisbehaviour)
  /** When a message comes in. */
  | ({ on?: "message" | undefined } & Occasion & MessageMisbehaviour);

/** A misbehaviour towards one agent, which is known by its messages only. */
export type AgentMisbehaviour = { on?: "message" | undefined } & Occasion & MessageMisbehaviour;
