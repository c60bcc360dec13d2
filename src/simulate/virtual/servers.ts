import type { Scenario } from "./scenarios.js";

/** What becomes of an attempt to connect, or of a first report. */
export type Verdict = "accepted" | "refused" | "lost";

/** Unused capacity is kept for so long. */
const SLOT_MS = 1_000;

/** Servers that take so many connections a second and no more, behind a balancer that knows which are up. */
export class Servers {
  readonly #perMs: number;
  readonly #upFrom: Float64Array;
  readonly #credit: Float64Array;
  readonly #creditAt: Float64Array;
  readonly #limited: boolean;
  readonly #zoned: boolean;
  #turn = 0;

  constructor(agents: number, { servers, idealSeconds, ending }: Scenario) {
    this.#limited = idealSeconds > 0;
    this.#zoned = ending === "unnoticed";
    this.#perMs = this.#limited ? agents / servers / idealSeconds / 1_000 : 0;
    this.#upFrom = new Float64Array(servers);
    this.#credit = new Float64Array(servers);
    this.#creditAt = new Float64Array(servers);
  }

  get count(): number {
    return this.#upFrom.length;
  }

  /** A server goes away until then. */
  stop(server: number, untilMs: number): void {
    this.#upFrom[server] = untilMs;
    this.#credit[server] = 0;
    this.#creditAt[server] = untilMs;
  }

  isUp(server: number, nowMs: number): boolean {
    return nowMs >= (this.#upFrom[server] ?? 0);
  }

  /** Where the balancer sends the next attempt: in turn to those that are up; in zones, to the agent's own. */
  choose(own: number, nowMs: number): number {
    if (this.#zoned) return own;
    for (let tried = 0; tried < this.count; tried++) {
      this.#turn = (this.#turn + 1) % this.count;
      if (this.isUp(this.#turn, nowMs)) break;
    }
    return this.#turn;
  }

  /** Takes one more, if there is room. */
  take(server: number, nowMs: number): Verdict {
    if (!this.isUp(server, nowMs)) return "lost";
    if (!this.#limited) return "accepted";
    const since = nowMs - (this.#creditAt[server] ?? 0);
    const most = Math.max(1, this.#perMs * SLOT_MS);
    const credit = Math.min((this.#credit[server] ?? 0) + since * this.#perMs, most);
    this.#creditAt[server] = nowMs;
    this.#credit[server] = credit >= 1 ? credit - 1 : credit;
    return credit >= 1 ? "accepted" : "refused";
  }
}
