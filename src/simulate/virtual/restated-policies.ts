/** When a client dials, as data. All times are milliseconds, `random` is uniform in [0, 1). */
export interface RestatedPolicy {
  /** After a connection broke or was closed, or a poll failed. */
  firstMs(what: "broken" | "closed" | "poll", random: number): number;
  /** After a failure, with so many before it. */
  nextMs(failures: number, random: number): number;
  /** After 503, or UNAVAILABLE. */
  pauseMs(askedMs: number | undefined, pauses: number, failures: number, random: number): number;
  /** An attempt without an answer ends after this. */
  limitMs: number;
  /** UNAVAILABLE is told to the host, and the connection stays. */
  staysIfUnavailable: boolean;
}

/**
 * The client of opamp-go v0.23.0, from its client/wsclient.go and client/internal/httpsender.go: the first attempt at
 * once, then the defaults of NewExponentialBackOff of cenkalti/backoff v4.3.0 without an end (0.5 s, times 1.5, up to
 * 60 s, give or take half), or Retry-After where that is longer. An attempt has gorilla/websocket's 45 s.
 */
export const goPolicy: RestatedPolicy = {
  firstMs: (what, random) => (what === "poll" ? goMs(0, random) : 0),
  nextMs: goMs,
  pauseMs: (askedMs, _pauses, failures, random) => Math.max(askedMs ?? 0, goMs(failures, random)),
  limitMs: 45_000,
  staysIfUnavailable: true,
};

function goMs(failures: number, random: number): number {
  return Math.min(60_000, 500 * 1.5 ** failures) * (0.5 + random);
}

/** This package before fleets were spread over windows: full jitter below a ceiling that doubles, a tenth above a pause. */
export const earlierPolicy: RestatedPolicy = {
  firstMs: (what, random) => (what === "closed" ? 1_000 + random * 1_000 : random * 500),
  nextMs: (failures, random) => 1_000 + random * (Math.min(60_000, 1_000 * 2 ** (failures + 2)) - 1_000),
  pauseMs: (askedMs, pauses, _failures, random) =>
    askedMs === undefined ? 30_000 * 2 ** Math.min(pauses, 4) * (1 + random / 2) : askedMs * (1 + random / 10),
  limitMs: 30_000,
  staysIfUnavailable: false,
};
