/** Bounds of the wait between connection attempts. */
export interface BackoffBounds {
  /** The shortest wait, in milliseconds. */
  minMs: number;
  /** The longest wait, in milliseconds. */
  maxMs: number;
}

/** 1 s to 60 s (D5). */
export const DEFAULT_BACKOFF: Readonly<BackoffBounds> = { minMs: 1_000, maxMs: 60_000 };

/**
 * How long to wait before the next attempt: anywhere between the shortest wait and a ceiling that doubles with each
 * failure. The jitter comes after the cap, so that a fleet at the cap stays spread out.
 *
 * @param failures attempts that failed in a row before this one, 0 or more
 * @param random uniform in [0, 1)
 * @returns milliseconds
 * @see EST-02
 */
export function backoffMs(failures: number, random: number, bounds: BackoffBounds = DEFAULT_BACKOFF): number {
  const ceiling = Math.min(bounds.maxMs, bounds.minMs * 2 ** Math.min(failures + 1, 50));
  return Math.round(bounds.minMs + random * Math.max(0, ceiling - bounds.minMs));
}

/**
 * How long to stay away after the server asked for a pause without saying how long: each pause is longer than the one
 * before, up to sixteen times the floor and half again.
 *
 * @param pauses such pauses in a row before this one, 0 or more
 * @see THR-03, THR-06
 */
export function throttleMs(pauses: number, random: number, floorMs: number): number {
  return Math.round(floorMs * 2 ** Math.min(pauses, 4) * (1 + random / 2));
}

/**
 * How long to stay away when the server did say: never less, and up to a tenth more, so that a fleet told the same
 * number does not come back in the same instant.
 *
 * @param maxMs the longest pause a server may impose, in milliseconds
 * @see THR-02, THR-04
 */
export function obeyMs(askedMs: number, random: number, maxMs: number): number {
  return Math.ceil(Math.min(Math.max(0, askedMs), maxMs) * (1 + random / 10));
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
