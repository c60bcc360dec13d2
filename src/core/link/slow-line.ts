/** So much of a large message may lie in buffers on the way when its last byte has left. */
const MAX_BUFFERED_BYTES = 4_194_304;
/** On the slowest line that is reckoned with, 32 KiB a second, by those who wait as long as is usual for everything. */
const SLOWEST_BYTES_PER_MS = 32.768;
const USUAL_PATIENCE_MS = 30_000;
/** What has left needs no longer than so many times the longest pause between two pieces. */
const PAUSES = 3;
const LONGEST_BUFFERED_MS = 300_000;

/** How far a large message has got on its way out. Times are milliseconds on the core's clock. */
export interface SlowLine {
  /** How long what has left may take to arrive. */
  readonly bufferedMs: number;
  /** When a piece left last, or the first one began to. */
  readonly pieceAt: number;
  /** Until then what has left may still be arriving. */
  readonly arrivingUntil: number;
}

/** With nothing large on it. */
export const IDLE_LINE: SlowLine = { bufferedMs: 0, pieceAt: 0, arrivingUntil: 0 };

/**
 * A large message begins to leave.
 *
 * @param patienceMs how long a silent peer is waited for
 */
export function sending(bytes: number, patienceMs: number, now: number): SlowLine {
  const usualMs = Math.min(bytes, MAX_BUFFERED_BYTES) / SLOWEST_BYTES_PER_MS;
  const bufferedMs = usualMs * Math.min(1, patienceMs / USUAL_PATIENCE_MS);
  return { bufferedMs, pieceAt: now, arrivingUntil: now + bufferedMs };
}

/** More of it has left; or of one that comes, which has nothing in buffers here. */
export function progressed(line: SlowLine, now: number): SlowLine {
  if (line.bufferedMs === 0) return line;
  const pausedMs = Math.min(PAUSES * (now - line.pieceAt), LONGEST_BUFFERED_MS);
  const bufferedMs = Math.max(line.bufferedMs, pausedMs);
  return { bufferedMs, pieceAt: now, arrivingUntil: now + bufferedMs };
}
