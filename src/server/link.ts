/** How messages travel: `ws` is WebSocket, `http` is plain HTTP. */
export type TransportName = "ws" | "http";

/** Where a link comes from. */
export interface LinkOrigin {
  /** The number of the TCP connection, from 1 in the order they were accepted. */
  readonly connection: number;
  /** The URL that the agent dialled, as its request tells it. */
  readonly endpoint: string;
}

interface LinkBase extends LinkOrigin {
  /** Whether a payload can still be sent; false as soon as either side has begun to close. */
  readonly open: boolean;
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
