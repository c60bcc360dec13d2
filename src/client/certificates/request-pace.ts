/** So many requests may follow each other at once. */
const AT_ONCE = 6;
/** After that there is one in so many milliseconds: an hour without any has room for as many as before. */
const EACH_MS = 600_000;

/**
 * When the agent may make a request of its own accord, in milliseconds since the Unix epoch: a server that gives another
 * instance uid with each answer, or certificates that end at once, would have one with each message.
 *
 * @param pacedUntil when the requests made so far count no more, as {@link paced} gives it
 */
export function mayMakeAt(pacedUntil: number | undefined, now: number): number {
  return within(pacedUntil, now) - (AT_ONCE - 1) * EACH_MS;
}

/** The same, once another one is made. */
export function paced(pacedUntil: number | undefined, now: number): number {
  return within(pacedUntil, now) + EACH_MS;
}

/** What is later than any that can be was counted before the wall clock was set back: it would hold requests until then. */
function within(pacedUntil: number | undefined, now: number): number {
  if (pacedUntil === undefined || pacedUntil > now + AT_ONCE * EACH_MS) return now;
  return Math.max(pacedUntil, now);
}
