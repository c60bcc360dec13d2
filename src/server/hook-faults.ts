import { isThenable } from "../base/checks.js";
import { messageOf, OpAMPError } from "../errors.js";
import { quoted } from "./quoted.js";

/** How many different faults are kept and told: the newest. */
const MOST_FAULTS = 5;

/** What went wrong in the functions that a test gave to its server, for the text of a wait that fails. */
export class HookFaults {
  readonly #counts = new Map<string, number>();

  /** @param how what the hook did: `threw` and the like */
  add(hook: string, how: string, thrown: unknown): void {
    const line = `${hook} ${how}: ${quoted(messageOf(thrown))}`;
    const count = this.#counts.get(line) ?? 0;
    // To the end, as the newest.
    this.#counts.delete(line);
    this.#counts.set(line, count + 1);
    for (const oldest of [...this.#counts.keys()].slice(0, -MOST_FAULTS)) this.#counts.delete(oldest);
  }

  /** Calls a hook that has to answer at once. Throws what it throws, and what the check does, after taking note of it. */
  ask<Answer>(hook: string, call: () => Answer, check: (answer: Answer) => void): Answer {
    let how = "threw";
    try {
      const answer = call();
      how = "returned what it must not";
      if (isThenable(answer)) {
        // Nobody else looks at what becomes of it.
        Promise.resolve(answer).catch(() => undefined);
        throw new OpAMPError("ERR_OPAMP_OPTION", "a promise: it must not be async");
      }
      check(answer);
      return answer;
    } catch (thrown) {
      this.add(hook, how, thrown);
      throw thrown;
    }
  }

  /** A line each. */
  outline(): readonly string[] {
    return [...this.#counts].map(([line, count]) => `${line}${count === 1 ? "" : `, ${count} times`}`);
  }
}
