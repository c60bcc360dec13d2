import { NANOSECONDS_PER_MS } from "../../base/time.js";

/** In nanoseconds, as Go counts. */
const UNITS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: NANOSECONDS_PER_MS,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

const DURATION = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/;
const PART = /(\d*)\.?(\d*)(ns|us|µs|μs|ms|s|m|h)/g;
const MOST_NS = 2n ** 63n - 1n;

/**
 * Reads a duration as Go writes it: `300ms`, `1.5h`, `1h2m3s`, `-1s`, `0`.
 *
 * @returns milliseconds, with what is below the nanosecond cut off; `undefined` for a text that is none, or is longer than
 * Go can count
 */
export function parseDuration(text: string): number | undefined {
  if (/^[+-]?0$/.test(text)) return 0;
  if (!DURATION.test(text)) return undefined;
  let ns = 0n;
  for (const [, whole = "", fraction = "", name = ""] of text.matchAll(PART)) {
    const unit = UNITS[name] ?? 0n;
    ns += BigInt(whole === "" ? 0 : whole) * unit;
    if (fraction !== "") ns += (BigInt(fraction) * unit) / 10n ** BigInt(fraction.length);
    if (ns > MOST_NS) return undefined;
  }
  const ms = Number(ns) / Number(NANOSECONDS_PER_MS);
  return text.startsWith("-") && ms !== 0 ? -ms : ms;
}
