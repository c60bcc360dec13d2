import type { Clock } from "../clock.js";
import type { ConnectionEvent } from "../connection-options.js";
import type { WarningEvent } from "../events.js";
import { WallTimer } from "./wall-timer.js";

/** What is watched, and what to do about its end. */
export interface WatchedCertificate {
  /** The client certificate that is in force; `undefined` while none is watched. */
  current(): ConnectionEvent["certificate"];
  readonly hint: string;
}

/** Says when a client certificate in force has ended, once for each. */
export class CertificateEnd {
  readonly #clock: Clock;
  readonly #watched: WatchedCertificate;
  readonly #warn: (event: WarningEvent) => void;
  readonly #timer: WallTimer;
  #isRunning = false;
  /** The fingerprint of the certificate whose end was told. */
  #told: string | undefined;

  constructor(clock: Clock, watched: WatchedCertificate, warn: (event: WarningEvent) => void) {
    this.#clock = clock;
    this.#watched = watched;
    this.#warn = warn;
    this.#timer = new WallTimer(clock, () => this.review());
  }

  /** The client begins to connect. */
  started(): void {
    this.#isRunning = true;
    this.review();
  }

  /** Another certificate may be in force, or the one that is may have ended. */
  review(): void {
    this.#timer.clear();
    const certificate = this.#isRunning ? this.#watched.current() : undefined;
    if (certificate === undefined) return;
    const { fingerprint, validUntil } = certificate;
    const isOver = validUntil.getTime() <= this.#clock.wallNow();
    // A clock that was ahead may be set back: what has ended is looked at again after a while.
    this.#timer.set(isOver ? Number.MAX_SAFE_INTEGER : validUntil.getTime());
    if (!isOver) this.#told = undefined;
    else if (this.#told !== fingerprint) {
      this.#told = fingerprint;
      const message = `the client certificate ended on ${validUntil.toISOString()}`;
      this.#warn({ code: "certificate-ended", message, hint: this.#watched.hint });
    }
  }

  /** The client ends. */
  stop(): void {
    this.#isRunning = false;
    this.#timer.clear();
  }
}
