import type { Link, LinkCounts, TransportName } from "../link/link.js";
import type { AgentExchange } from "./agent-exchange.js";

/** All links of a server, and which agents spoke over each: several may share one (UID-07). */
export class Links {
  readonly #speakers = new Map<Link, Set<AgentExchange>>();
  readonly #totals = { ws: 0, http: 0 };
  readonly #changed: () => void;

  constructor(
    /** Called when a link came or went. */
    changed: () => void,
  ) {
    this.#changed = changed;
  }

  add(link: Link): void {
    this.#speakers.set(link, new Set());
    this.#totals[link.transport] += 1;
    this.#changed();
  }

  spoke(link: Link, exchange: AgentExchange): void {
    this.#speakers.get(link)?.add(exchange);
  }

  /** The agent of a link, if there is exactly one. */
  soleSpeaker(link: Link): AgentExchange | undefined {
    const [first, second] = this.#speakers.get(link) ?? [];
    return second === undefined ? first : undefined;
  }

  /** Those over which something can still be sent. */
  open(): readonly Link[] {
    return [...this.#speakers.keys()].filter((link) => link.open);
  }

  counts(transport: TransportName): LinkCounts {
    const open = [...this.#speakers.keys()].filter((link) => link.transport === transport && link.open).length;
    return { open, total: this.#totals[transport] };
  }

  /** Takes note that a link is gone. */
  end(link: Link): void {
    const speakers = this.#speakers.get(link) ?? [];
    this.#speakers.delete(link);
    for (const exchange of speakers) {
      exchange.detach(link);
    }
    this.#changed();
  }

  destroyAll(): void {
    for (const link of this.#speakers.keys()) {
      link.destroy();
    }
  }
}
