import type { Clock } from "../client/clock.js";
import { OpAMPError } from "../errors.js";

/** A stream of bytes through the proxy: `up` to the server, `down` to the client. */
export type Direction = "up" | "down";

/** Which streams a fault is for. */
export interface FaultDirection {
  /** Default: both. */
  direction?: Direction | undefined;
}

/** Which streams a fault strikes, when, and how often. */
export interface FaultTiming extends FaultDirection {
  /**
   * Strikes every connection, those to come included, once this many more bytes have entered one of the streams; a
   * connection to come counts from its beginning. Default: strikes at once, and only what is connected.
   */
  after?: number | undefined;
  /** With `after`: how many connections it strikes at most. Default: all. */
  times?: number | undefined;
}

/** What strikes a connection at one moment. */
export type Fault = "cut" | "reset" | "blackhole" | "half-close" | "corrupt";

/** A fault that waits for its byte. */
export interface Trap {
  readonly fault: Fault;
  readonly directions: readonly Direction[];
  readonly afterBytes: number;
  /** How many connections it may still strike. */
  timesLeft: number;
  /** Those it has struck. */
  readonly struck: WeakSet<object>;
}

/** What all streams of one direction have to bear: the proxy writes it, the streams read it. */
export interface Conditions {
  latencyMs: number;
  jitterMs: number;
  /** 0 holds everything up, Infinity: no limit. */
  bytesPerSecond: number;
  blackhole: boolean;
}

/** What has become of the bytes of one direction, over all connections. */
export interface ByteCounts {
  /** Read from the one end. */
  readonly received: number;
  /** Handed to the other. */
  readonly delivered: number;
  /** Swallowed, or on their way when the connection ended. */
  readonly lost: number;
}

/** What a stream needs from its proxy. */
export interface StreamSetup {
  readonly conditions: Conditions;
  readonly clock: Pick<Clock, "now" | "after">;
  /** From 0 to 1, for the jitter. */
  readonly random: () => number;
  readonly counts: { -readonly [Name in keyof ByteCounts]: number };
  /** The counts have changed. */
  changed(): void;
}

/** A line that bears nothing. */
export function fairConditions(): Conditions {
  return { latencyMs: 0, jitterMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY, blackhole: false };
}

/** The streams that are meant. */
export function directionsOf({ direction }: FaultDirection): readonly Direction[] {
  return direction === undefined ? ["up", "down"] : [direction];
}

/** Lets a trap strike a connection. @returns whether it does; it does so once */
export function spring(trap: Trap, connection: object): boolean {
  if (trap.struck.has(connection) || trap.timesLeft <= 0) return false;
  trap.struck.add(connection);
  trap.timesLeft -= 1;
  return true;
}

/** Throws ERR_OPAMP_OPTION for a value that is not a number, or is below 0. */
export function requireAmount(name: string, amount: number): void {
  if (!(amount >= 0)) throw new OpAMPError("ERR_OPAMP_OPTION", `${name} must be a number and at least 0: ${amount}`);
}
