import { X509Certificate } from "node:crypto";
import { attempt } from "../../base/checks.js";

/** When a certificate is valid, in milliseconds since the Unix epoch, and what is particular to it. */
export interface Validity {
  readonly from: number;
  readonly until: number;
  /** From 0 to 1: the same for the same certificate, and spread evenly over many. */
  readonly jitter: number;
}

/** How much of the validity is left when another certificate is asked for. */
const SHARE_LEFT = 1 / 3;
/** Never so soon that a certificate has not been of use for half of its time. */
const MAX_SHARE_LEFT = 1 / 2;
/** So much earlier at most, so that agents that were issued theirs together do not ask together. */
const SPREAD = 1 / 10;
const MAX_BYTE = 0xff;

/** @returns `undefined` for other text, such as the path of a certificate */
export function validityOf(certificate: string): Validity | undefined {
  return attempt(() => {
    const { validFrom, validTo, fingerprint256 } = new X509Certificate(certificate);
    const jitter = Number.parseInt(fingerprint256.slice(0, 2), 16) / MAX_BYTE;
    return { from: Date.parse(validFrom), until: Date.parse(validTo), jitter };
  });
}

/**
 * When to ask for the next certificate, in milliseconds since the Unix epoch.
 *
 * @param renewBeforeMs how long before the end; `undefined` for when a third is left
 */
export function renewAt({ from, until, jitter }: Validity, renewBeforeMs: number | undefined): number {
  const whole = until - from;
  const left = Math.min(renewBeforeMs ?? whole * SHARE_LEFT, whole * MAX_SHARE_LEFT);
  return until - left * (1 + jitter * SPREAD);
}
