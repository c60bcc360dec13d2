import type { Clock } from "../clock.js";
import type { ConnectionEvent } from "../connection-options.js";
import type { WarningEvent } from "../events.js";

/** Timers go by a clock that may stand still while the machine sleeps: the time of day is looked at so often. */
const LOOK_MS = 3_600_000;
const SOONEST_MS = 1_000;

/** What is watched: the client certificate that the server offered, as long as one is in force. */
export type OfferedCertificate = () => ConnectionEvent["certificate"];

/** Says when an offered client certificate has ended, once for each, where the agent does not ask for certificates. */
export class CertificateEnd {
  readonly #clock: Clock;
  readonly #offered: OfferedCertificate;
  readonly #warn: (event: WarningEvent) => void;
  #isRunning = false;
  /** The fingerprint of the certificate whose end was told. */
  #told: string | undefined;
  #endTimer: (() => void) | undefined;

  constructor(clock: Clock, offered: OfferedCertificate, warn: (event: WarningEvent) => void) {
    this.#clock = clock;
    this.#offered = offered;
    this.#warn = warn;
  }

  /** The client begins to connect. */
  started(): void {
    this.#isRunning = true;
    this.review();
  }

  /** Another certificate may be in force. */
  review(): void {
    this.#endTimer?.();
    this.#endTimer = undefined;
    const certificate = this.#isRunning ? this.#offered() : undefined;
    if (certificate === undefined || certificate.fingerprint === this.#told) return;
    const inMs = certificate.validUntil.getTime() - this.#clock.wallNow();
    if (inMs > 0) {
      this.#endTimer = this.#clock.after(Math.min(Math.max(inMs, SOONEST_MS), LOOK_MS), () => this.review());
      return;
    }
    this.#told = certificate.fingerprint;
    const message = `the client certificate that the server offered ended on ${certificate.validUntil.toISOString()}`;
    const hint =
      "have the server offer another one, or give another connectionSettings.settingsEpoch to go back to the options";
    this.#warn({ code: "certificate-ended", message, hint });
  }

  /** The client ends. */
  stop(): void {
    this.#isRunning = false;
    this.review();
  }
}
