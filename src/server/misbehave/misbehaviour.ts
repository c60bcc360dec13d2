import type { ServerToAgentFields } from "../answer.js";
import type { TransportName } from "../link/link.js";

/** How often, and where, a server misbehaves. */
interface Occasion {
  /** How often in all. Default: 1. Infinity until `behave()`. */
  times?: number;
  /** Only on this transport. Default: on whichever comes first. */
  transport?: TransportName;
}

/** What a server does to a TCP connection, before TLS, before a byte is read. */
export type ConnectMisbehaviour =
  /** Accepts and says nothing; under TLS the handshake never gets an answer. */
  | { mode: "silence" }
  /** Sends these bytes and ends. Default: 64 bytes of 0xff. */
  | { mode: "garbage"; bytes?: Uint8Array | string }
  /** Closes in good order. */
  | { mode: "hang-up" }
  /** Cuts with a TCP reset. */
  | { mode: "reset" };

/** What a server does with an upgrade or a POST whose headers have come. */
export type RequestMisbehaviour =
  /** Never answers. */
  | { mode: "silence" }
  /** Answers with these bytes instead of HTTP, and ends. Default: 64 bytes of 0xff. */
  | { mode: "garbage"; bytes?: Uint8Array | string }
  /** Closes in good order without an answer. */
  | { mode: "hang-up" }
  /** Ends its own direction only, and goes on reading. */
  | { mode: "half-close" }
  /** Cuts with a TCP reset. */
  | { mode: "reset" }
  /** Redirects. Default: with 307 to the very URL that was asked for, so that whoever follows runs in circles. */
  | { mode: "redirect"; to?: string; status?: number }
  /** Begins an answer and never ends its headers. */
  | { mode: "stuck-headers" }
  /** Answers with so many bytes of headers. Default: 1 MiB. */
  | { mode: "huge-headers"; bytes?: number }
  /** WebSocket: sends half of the 101 answer, then closes. */
  | { mode: "half-handshake" }
  /** WebSocket: a 101 answer whose Sec-WebSocket-Accept is for another key. */
  | { mode: "wrong-accept" };

/** What a server does instead of answering an AgentToServer as it should. The message itself is taken in first. */
export type MessageMisbehaviour =
  /** Never answers. On HTTP the request stays open. */
  | { mode: "silence" }
  /** Answers with a payload that is no ServerToAgent. Default: 64 bytes of 0xff. */
  | { mode: "garbage"; bytes?: Uint8Array }
  /** Answers another agent. Default: one that does not exist. */
  | { mode: "wrong-uid"; uid?: Uint8Array }
  /** Asks for the full state once more; for ever with `times: Infinity`. */
  | { mode: "full-state" }
  /** Answers with a message padded to exactly so many bytes, WebSocket header included: valid, but for its size. */
  | { mode: "oversize"; bytes: number }
  /**
   * Answers with a small compressed message that inflates to so many bytes: valid, but for its size. Made piece by piece,
   * never held whole. On WebSocket it waits for a connection that has agreed on permessage-deflate.
   */
  | { mode: "bomb"; bytes: number }
  /** Closes in good order without an answer: on WebSocket the connection below it, without a Close frame. */
  | { mode: "hang-up" }
  /** Ends its own direction only, and goes on reading. */
  | { mode: "half-close" }
  /** Cuts with a TCP reset. */
  | { mode: "reset" }
  | WebSocketMisbehaviour
  | HttpMisbehaviour;

/** Bad answers that only a WebSocket can carry. */
export type WebSocketMisbehaviour =
  /** A text message. Default: `hello`. */
  | { mode: "text"; text?: string }
  /** The right answer in frames of so many bytes. Default: 1. */
  | { mode: "fragments"; bytes?: number }
  /** The answer so many times, or others: what is in `fields`. Default: 1000. */
  | { mode: "flood"; messages?: number; fields?: ServerToAgentFields }
  /** A Close frame with this code, also one that must never be sent; 1005 is a frame without a code, 1006 no frame at all. */
  | { mode: "close"; code: number; reason?: string }
  /** Bytes that are no WebSocket frame. Default: 64 bytes of 0xff. */
  | { mode: "bad-frame"; bytes?: Uint8Array };

/** Bad answers that only a POST can get. */
export type HttpMisbehaviour =
  /** Status 200 with another media type. Default: `text/html`, and a page to go with it. */
  | { mode: "wrong-type"; contentType?: string; body?: string }
  /** The right answer, a few bytes at a time. Default: 1 byte. */
  | { mode: "drip"; everyMs: number; bytes?: number }
  /** Half of the body, then the connection closes. */
  | { mode: "truncated" }
  /** Half of the body, then nothing. */
  | { mode: "stuck-body" }
  /** A body that goes on for ever, as fast as the agent takes it. */
  | { mode: "endless-body" }
  /** Half of a gzip body, which HTTP takes for complete. */
  | { mode: "truncated-gzip" }
  /** Says gzip, and is not. */
  | { mode: "false-gzip" };

/** One way in which a server can be bad, when, and how often. */
export type Misbehaviour =
  /** When a TCP connection comes in. */
  | ({ on: "connect"; times?: number } & ConnectMisbehaviour)
  /** When an upgrade or a POST comes in. */
  | ({ on: "request" } & Occasion & RequestMisbehaviour)
  /** When a message comes in. */
  | ({ on?: "message" } & Occasion & MessageMisbehaviour);

/** A misbehaviour towards one agent, which is known by its messages only. */
export type AgentMisbehaviour = { on?: "message" } & Occasion & MessageMisbehaviour;

/** What stands in for bytes nobody can read: neither HTTP nor TLS, no WebSocket frame and no protobuf. */
export const GARBAGE: Uint8Array = new Uint8Array(64).fill(0xff);
