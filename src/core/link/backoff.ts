/** Bounds of the wait between connection attempts. */
export interface BackoffBounds {
  /** The shortest wait, in milliseconds. */
  minMs: number;
  /** The longest wait, in milliseconds. */
  maxMs: number;
  /** How long a fleet takes to come back, in milliseconds: each agent has its turn somewhere in it, and again after as long. */
  spreadMs?: number | undefined;
}

/** 1 s to 60 s (D5). */
export const DEFAULT_BACKOFF: Readonly<BackoffBounds> = { minMs: 1_000, maxMs: 60_000 };

/** The first window after a failure, in shortest waits: 20 s, so that a server gets all agents that it takes in as long. */
const FIRST_IN_MINIMA = 20;
/** The same while there has been no connection: programs start by themselves, often a moment before their server. */
const FIRST_AT_START_IN_MINIMA = 3;
/** The first window after a pause, in pauses. */
const FIRST_IN_PAUSES = 2.2;
/** How much wider each window is than the one before. */
const GROWTH = 2.5;
/** The widest window after pauses, in pauses. */
const WIDEST_IN_PAUSES = 16;

/**
 * Windows of time, each behind the one before and wider, up to a width that stays. An agent has one turn in each, always
 * at the same place. So a fleet spreads over each window evenly, those that were refused wait longer, and no agent comes twice
 * before everybody came once.
 */
export interface Windows {
  /** Where the first window begins, in milliseconds. */
  startMs: number;
  /** How wide it is. */
  widthMs: number;
  /** How wide they get. */
  maxMs: number;
}

/** The windows for attempts after a failure. @param wasConnected whether a server has answered since the start */
export function failureWindows({ minMs, maxMs, spreadMs }: BackoffBounds, wasConnected = true): Windows {
  if (spreadMs !== undefined) return { startMs: 0, widthMs: spreadMs, maxMs: spreadMs };
  const firstInMinima = wasConnected ? FIRST_IN_MINIMA : FIRST_AT_START_IN_MINIMA;
  const widthMs = Math.max(minMs, Math.min(firstInMinima * minMs, maxMs - minMs));
  return { startMs: minMs, widthMs, maxMs };
}

/**
 * The windows for returns to a server that asked for a pause, which is alive and busy: they have no end at the longest
 * wait after failures.
 *
 * @param leastMs the pause
 * @param roomMs how wide the first one may be
 * @param floorMs the shortest pause where the server names none
 */
export function pauseWindows(leastMs: number, roomMs: number, floorMs: number, backoff: BackoffBounds): Windows {
  const maxMs = Math.max(WIDEST_IN_PAUSES * Math.min(leastMs, floorMs), backoff.maxMs, backoff.spreadMs ?? 0);
  const usualMs = backoff.spreadMs ?? FIRST_IN_PAUSES * leastMs;
  return { startMs: leastMs, widthMs: Math.min(usualMs, roomMs, maxMs), maxMs };
}

/**
 * The first turn that is not earlier than that.
 *
 * @param leastMs milliseconds since the windows began
 * @param place of the agent in each window, in [0, 1)
 * @returns milliseconds since the windows began
 */
export function nextTurnMs(leastMs: number, place: number, windows: Windows): number {
  let from = windows.startMs;
  let nth = 0;
  for (; from + place * widthOf(nth, windows) < leastMs && widthOf(nth, windows) < windows.maxMs; nth++) {
    from += widthOf(nth, windows);
  }
  const width = widthOf(nth, windows);
  const turn = from + place * width;
  // Windows that stay as wide are passed over at once, however many they are.
  return Math.ceil(turn >= leastMs ? turn : turn + Math.ceil((leastMs - turn) / width) * width);
}

function widthOf(nth: number, { widthMs, maxMs }: Windows): number {
  // A pause of no length at all has a window without width, and wider ones behind it.
  return Math.min(nth === 0 ? widthMs : Math.max(1, widthMs) * GROWTH ** Math.min(nth, 50), maxMs);
}

/**
 * How long to wait before the next attempt. The first wait ends anywhere in a window of 20 times the shortest wait; each
 * later one is as long as from there to the same place in the next window, which is 2.5 times as wide, up to the longest
 * wait. With `spreadMs` all windows are as wide as that.
 *
 * @param failures attempts that failed in a row before this one, 0 or more
 * @param random uniform in [0, 1); the same one for as long as attempts fail keeps a fleet spread out
 * @returns milliseconds
 * @see EST-02
 */
export function backoffMs(failures: number, random: number, bounds: BackoffBounds = DEFAULT_BACKOFF): number {
  const windows = failureWindows(bounds);
  const before = failures === 0 ? windows.startMs : widthOf(failures - 1, windows);
  const after = failures === 0 ? windows.startMs + windows.widthMs : widthOf(failures, windows);
  return Math.round(within(before + random * (after - before), bounds, failures === 0));
}

/** The wait, within the bounds; the first one of a fleet that is spread may be shorter. */
function within(waitMs: number, { minMs, maxMs, spreadMs }: BackoffBounds, isFirst: boolean): number {
  const leastMs = isFirst && spreadMs !== undefined ? 0 : minMs;
  return Math.min(Math.max(waitMs, leastMs), Math.max(maxMs, spreadMs ?? 0));
}

/** The first reconnect after a break: at once for one agent, spread over half a second for a fleet (EST-03). */
export function promptMs(random: number): number {
  return Math.round(random * 500);
}

/** A small generator of uniform numbers in [0, 1), so that the core repeats exactly from its seed. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    mixed ^= mixed >>> 15;
    return (mixed >>> 0) / 0x1_0000_0000;
  };
}
