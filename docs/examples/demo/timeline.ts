import { EventEmitter, once } from "node:events";
import { now } from "./messages.js";
import { paint } from "./paint.js";

const BEGAN = now() - performance.now();
const STEP_LIMIT_MS = 10_000;
/** How long a line waits for one that is older and comes from another process. */
const SETTLE_MS = 40;

interface Line {
  at: number;
  actor: string;
  words: readonly string[];
}

/** Prints what is observed, in the order in which it happened, and waits for what is expected. */
export class Timeline<Step extends string = string> {
  /** When each step was seen, in seconds; `undefined` if it failed. */
  readonly results = new Map<Step, number | undefined>();
  readonly #events = new EventEmitter();
  readonly #lastWords = new Map<string, string>();
  #lines: Line[] = [];
  #broken: Error | undefined;

  /** Notes what somebody did or noticed: a line, and what belongs to it. Nothing without words. */
  line(actor: string, words: readonly string[], at: number = now()): void {
    const [first] = words;
    if (first === undefined) return;
    this.#lastWords.set(actor, first);
    this.#lines.push({ at, actor, words });
    setTimeout(() => this.#print(now() - SETTLE_MS), SETTLE_MS + 1);
  }

  /** Prints what still waits to be printed. */
  end(): void {
    this.#print(Number.POSITIVE_INFINITY);
  }

  /** Something was observed: those who wait look again. */
  changed(): void {
    this.#events.emit("changed");
  }

  /** Ends all waiting. */
  break(error: Error): void {
    this.#broken ??= error;
    this.changed();
  }

  /** Resolves with what the probe finds once it finds something. */
  async seen<Found>(probe: () => Found | undefined): Promise<Found> {
    const signal = AbortSignal.timeout(STEP_LIMIT_MS);
    for (;;) {
      const found = probe();
      if (found !== undefined) return found;
      if (this.#broken !== undefined) throw this.#broken;
      await once(this.#events, "changed", { signal }).catch(() => {
        throw new Error(`not seen within ${STEP_LIMIT_MS / 1000} s`);
      });
    }
  }

  /** Runs a step and keeps its result. */
  async step<Result>(name: Step, run: () => Promise<Result>): Promise<Result> {
    try {
      const result = await run();
      this.results.set(name, seconds(now()));
      return result;
    } catch (error) {
      this.results.set(name, undefined);
      const last = [...this.#lastWords].map(([actor, words]) => `\n  last seen of the ${actor}: ${words}`).join("");
      throw new Error(`step "${name}": ${error instanceof Error ? error.message : String(error)}${last}`);
    }
  }

  #print(until: number): void {
    const due = this.#lines.filter(({ at }) => at <= until).sort((one, other) => one.at - other.at);
    this.#lines = this.#lines.filter(({ at }) => at > until);
    for (const { at, actor, words } of due) {
      const [first = "", ...others] = words;
      console.log(`${seconds(at).toFixed(2).padStart(6)} s  ${paint(actor, actor.padEnd(6))}  ${first}`);
      for (const other of others) console.log(paint("detail", `${" ".repeat(20)}${other}`));
    }
  }
}

/** Seconds since the demo began. */
export function seconds(at: number): number {
  return (at - BEGAN) / 1000;
}
