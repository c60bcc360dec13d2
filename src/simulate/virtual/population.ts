/** What an agent hears from the network. */
export type Heard =
  /** The connection is open. */
  | "opened"
  /** The attempt or the request failed at once. */
  | "reset"
  /** 503, with Retry-After where the scenario says so. */
  | "busy"
  /** The report is answered. */
  | "answer"
  /** It is answered with UNAVAILABLE. */
  | "unavailable"
  /** The connection broke. */
  | "broken"
  /** The server closed the connection, or answered the Close of the agent. */
  | "closed"
  | "pong";

/** What agents do to the network. */
export interface Network {
  /** Over WebSocket: dials. */
  connect(agent: number, nowMs: number): void;
  /** Sends a first report, or a poll. */
  report(agent: number, nowMs: number): void;
  ping(agent: number, nowMs: number): void;
  /** Sends Close. */
  leave(agent: number, nowMs: number): void;
  /** Hears no more of the connection. */
  cut(agent: number): void;
}

/** Agents that follow one policy. */
export interface Population {
  /** Whether it notices that a connection is dead although nothing says so. */
  readonly isWatching: boolean;
  start(agent: number, nowMs: number): void;
  hear(agent: number, heard: Heard, nowMs: number): void;
  /** Its deadline has come. */
  due(agent: number, nowMs: number): void;
  /** When it has something to do by itself; `Infinity` for never. */
  deadline(agent: number): number;
}
