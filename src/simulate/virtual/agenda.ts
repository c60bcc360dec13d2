const NOBODY = -1;

/** When each agent has its next turn: one bucket for each millisecond, with the agents of a bucket in a linked list. */
export class Agenda {
  readonly #heads: Int32Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** The bucket of each agent. */
  readonly #at: Int32Array;

  /** @param endMs what comes later never comes */
  constructor(agents: number, endMs: number) {
    this.#heads = new Int32Array(endMs).fill(NOBODY);
    this.#next = new Int32Array(agents).fill(NOBODY);
    this.#previous = new Int32Array(agents).fill(NOBODY);
    this.#at = new Int32Array(agents).fill(NOBODY);
  }

  /** Gives an agent its next turn in place of the one it had; `Infinity` for none. */
  set(agent: number, atMs: number): void {
    const at = atMs < this.#heads.length ? Math.ceil(atMs) : NOBODY;
    if (this.#at[agent] === at) return;
    this.#remove(agent);
    if (at === NOBODY || at >= this.#heads.length) return;
    const head = this.#heads[at] ?? NOBODY;
    this.#at[agent] = at;
    this.#next[agent] = head;
    this.#previous[agent] = NOBODY;
    if (head !== NOBODY) this.#previous[head] = agent;
    this.#heads[at] = agent;
  }

  /** An agent whose turn it is now, which has none then; `undefined` once there is none left. */
  take(nowMs: number): number | undefined {
    const agent = this.#heads[nowMs] ?? NOBODY;
    if (agent === NOBODY) return undefined;
    this.#remove(agent);
    return agent;
  }

  #remove(agent: number): void {
    const at = this.#at[agent] ?? NOBODY;
    if (at === NOBODY) return;
    const next = this.#next[agent] ?? NOBODY;
    const previous = this.#previous[agent] ?? NOBODY;
    if (previous === NOBODY) this.#heads[at] = next;
    else this.#next[previous] = next;
    if (next !== NOBODY) this.#previous[next] = previous;
    this.#at[agent] = NOBODY;
  }
}
