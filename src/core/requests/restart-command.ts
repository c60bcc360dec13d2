import type { Output } from "../io.js";
import type { PartValues } from "../parts.js";

/** Before the error of a restart that failed, until one goes well. */
const RESTART_FAILED = "restart failed: ";

/** The server's command to restart: one at a time; a host that does not come back from one can be told again later. */
export class RestartCommand {
  readonly #limitMs: number;
  #until = 0;

  /** @param limitMs how long a restart may take before another command counts */
  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** @returns whether the host is told to restart */
  commanded(now: number, out: Output[]): boolean {
    if (now < this.#until) return false;
    this.#until = now + this.#limitMs;
    out.push({ type: "restart" });
    return true;
  }

  /**
   * The handler ended. A restart that failed has no status of its own: it shows as the agent's last error, healthy or not.
   *
   * @returns the health to report, if it is another one
   */
  ended(error: string | undefined, health: PartValues["health"] | undefined): PartValues["health"] | undefined {
    this.#until = 0;
    const isOurs = health?.lastError.startsWith(RESTART_FAILED) === true;
    if (health === undefined || (error === undefined && !isOurs)) return undefined;
    return { ...health, lastError: error === undefined ? "" : RESTART_FAILED + error };
  }
}
