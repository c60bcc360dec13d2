import { wrongOption } from "../base/checks.js";
import { checkByRules, isAmount, isOneOf, isTimes, type RulesFor } from "../base/rules.js";
import type { Clock } from "../client/clock.js";

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

const DIRECTION: RulesFor<FaultDirection> = { direction: isOneOf("up", "down") };
const TIMING: RulesFor<FaultTiming> = { ...DIRECTION, after: isAmount, times: isTimes };

/** Throws ERR_OPAMP_OPTION for what does not say when and where a fault strikes. */
export function checkTiming(call: string, timing: FaultTiming): void {
  checkByRules(call, timing, TIMING);
  if (timing.times !== undefined && timing.after === undefined) {
    throw wrongOption(`${call}.times`, "goes with `after`, without which a fault strikes at once");
  }
}

/** The same for a fault that lasts. */
export function checkDirection(call: string, options: FaultDirection): void {
  checkByRules(call, options, DIRECTION);
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

/** The faults in force, a line each. */
export function faultLines(
  conditions: Readonly<Record<Direction, Conditions>>,
  traps: readonly Trap[],
  turnsAway: string | undefined,
): readonly string[] {
  const lasting = Object.entries(conditions).flatMap(
    ([direction, { latencyMs, jitterMs, bytesPerSecond, blackhole }]) => [
      ...(latencyMs > 0 || jitterMs > 0 ? [`latency ${direction}: ${latencyMs} ms, jitter ${jitterMs} ms`] : []),
      ...(bytesPerSecond < Number.POSITIVE_INFINITY
        ? [`bandwidth ${direction}: ${bytesPerSecond} bytes a second`]
        : []),
      ...(blackhole ? [`blackhole ${direction}`] : []),
    ],
  );
  const waiting = traps
    .filter(({ timesLeft }) => timesLeft > 0)
    .map(({ fault, directions, afterBytes }) => `${fault} ${directions.join(" and ")} after ${afterBytes} bytes`);
  return [...lasting, ...waiting, ...(turnsAway === undefined ? [] : [`new connections: ${turnsAway}`])];
}
