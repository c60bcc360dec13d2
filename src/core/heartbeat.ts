import { DAY_MS } from "../base/time.js";
import type { HeartbeatBounds } from "./config.js";

/** An agent that polls more seldom could not be reached any more: no server may make it so. */
const LONGEST_POLL_MS = DAY_MS;

/**
 * The interval that a server asks for.
 *
 * @param seconds 0 is no heartbeats at all, which polling cannot do: there it changes nothing (AMB-04)
 * @param duplex whether the link carries messages both ways at any time
 * @returns milliseconds, `Infinity` for no heartbeats; `undefined` where nothing changes
 */
export function wishMs(seconds: bigint, duplex: boolean): number | undefined {
  if (seconds === 0n) return duplex ? Number.POSITIVE_INFINITY : undefined;
  return Number(seconds) * 1_000;
}

/** What becomes of such a wish: it stays within the user's bounds (D8). */
export function boundedMs(askedMs: number, { minMs, maxMs }: HeartbeatBounds): number {
  return Math.min(maxMs, Math.max(minMs, askedMs));
}

/**
 * The interval that applies on one kind of link, whichever kind the server's wish came on.
 *
 * @param wishedMs what {@link boundedMs} made of that wish; `undefined` before there was one
 */
export function intervalMs(wishedMs: number | undefined, duplex: boolean, bounds: HeartbeatBounds): number {
  if (wishedMs === undefined) return bounds.intervalMs;
  if (duplex) return wishedMs;
  return wishedMs === Number.POSITIVE_INFINITY ? bounds.intervalMs : Math.min(wishedMs, LONGEST_POLL_MS);
}
