import type { Socket } from "node:net";
import type { TlsPeer } from "./server-tls.js";

/** How messages travel: `ws` is WebSocket, `http` is plain HTTP. */
export type TransportName = "ws" | "http";

/** Where a link comes from. */
export interface LinkOrigin {
  /** The number of the TCP connection, from 1 in the order they were accepted. */
  readonly connection: number;
  /** The URL that the agent dialled, as its request tells it. */
  readonly endpoint: string;
  /** The TLS session; undefined without TLS. */
  readonly tls: TlsPeer | undefined;
  /**
   * Whether the agent's messages come compressed: on `ws`, whether permessage-deflate was agreed on, which still leaves
   * it to either side for each message; on `http`, whether this POST was gzipped.
   */
  readonly receivesCompressed: boolean;
  /** Whether answers go compressed: agreed on for `ws`, gzipped on `http`. */
  readonly sendsCompressed: boolean;
}

interface LinkBase {
  readonly origin: LinkOrigin;
  /** What it runs over; undefined in memory. */
  readonly socket?: Socket | undefined;
  /** Whether a payload can still be sent; false as soon as either side has begun to close. */
  isOpen(): boolean;
  /** Sends one serialized ServerToAgent. On `http` this is the answer and completes the link. */
  send(payload: Uint8Array): void;
  /** Cuts the TCP connection. The link is no longer open when this returns. */
  destroy(): void;
}

/** An open WebSocket. */
export interface WebSocketLink extends LinkBase {
  readonly transport: "ws";
  /** Sends a binary (bytes) or text (string) WebSocket message exactly as given. */
  sendAsIs(message: Uint8Array | string): void;
  /** Starts the closing handshake. */
  close(code: number, reason: string): void;
}

/** A POST that waits for its answer. */
export interface HttpLink extends LinkBase {
  readonly transport: "http";
  /** Answers 400 in place of a message. */
  refuse(reason: string): void;
}

/** One way to reach an agent. */
export type Link = WebSocketLink | HttpLink;

/** How many links there were: WebSocket connections, or POSTs. */
export interface LinkCounts {
  /** Open now: connections, or POSTs that wait for their answer. */
  readonly open: number;
  /** All there ever were. */
  readonly total: number;
}

/** How many links one agent has had. */
export interface AgentLinkCounts extends LinkCounts {
  /** The most that were open at the same time (DUP-01, HTTP-05). */
  readonly maxOpen: number;
}

/** How many links a server has had. */
export interface ServerLinkCounts extends LinkCounts {
  /** The most that a single agent had open at the same time (DUP-01, HTTP-05). */
  readonly maxOpenPerAgent: number;
}

/** The link over which an agent spoke. */
export interface AgentLink extends LinkOrigin {
  /** Over what it runs. */
  readonly transport: TransportName;
}
