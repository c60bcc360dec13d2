import { OpAMPError } from "../../errors.js";

/** What is to happen next, step by step, each as often as was said. */
export class Script<Step> {
  #steps: { step: Step; left: number }[] = [];

  /** Adds a step after those that are there. Throws ERR_OPAMP_OPTION unless `times` is a whole number, or Infinity. */
  add(step: Step, times = 1): void {
    if (!(times >= 0) || (times !== Number.POSITIVE_INFINITY && !Number.isSafeInteger(times))) {
      throw new OpAMPError("ERR_OPAMP_OPTION", `times: ${times} is not how often something can happen`, {
        hint: "give a whole number, or Infinity",
      });
    }
    if (times > 0) this.#steps.push({ step, left: times });
  }

  /** Uses up one turn of the first step that the probe makes something of, and returns what that is. */
  take<Found>(probe: (step: Step) => Found | undefined): Found | undefined {
    for (const entry of this.#steps) {
      const found = probe(entry.step);
      if (found !== undefined) {
        entry.left -= 1;
        if (entry.left === 0) this.#steps = this.#steps.filter((other) => other !== entry);
        return found;
      }
    }
    return undefined;
  }

  get isEmpty(): boolean {
    return this.#steps.length === 0;
  }

  clear(): void {
    this.#steps = [];
  }
}
