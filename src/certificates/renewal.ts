/** When a certificate is valid, in milliseconds since the Unix epoch. */
export interface Validity {
  readonly from: number;
  readonly until: number;
}

/** How much of the validity is left when another certificate is asked for. */
const SHARE_LEFT = 1 / 3;
/** Never so soon that a certificate has not been of use for half of its time. */
const MAX_SHARE_LEFT = 1 / 2;
/** So much earlier at most, so that agents that were issued theirs together do not ask together. */
const SPREAD = 1 / 10;

/**
 * When to ask for the next certificate, in milliseconds since the Unix epoch.
 *
 * @param renewBeforeMs how long before the end; `undefined` for when a third is left
 * @param jitter from 0 to 1
 */
export function renewAt({ from, until }: Validity, renewBeforeMs: number | undefined, jitter: number): number {
  const whole = until - from;
  const left = Math.min(renewBeforeMs ?? whole * SHARE_LEFT, whole * MAX_SHARE_LEFT);
  return until - left * (1 + jitter * SPREAD);
}
