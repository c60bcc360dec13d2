import { oneLine } from "../../diagnostics/one-line.js";
import type { Redactor } from "../../diagnostics/redactor.js";
import { messageOf, OpAMPError } from "../../errors.js";
import {
  type DiagnoseOptions,
  exitCodeOf,
  exitCodes,
  type Finding,
  type RedirectStep,
  type Step,
  type StepName,
} from "./diagnosis.js";
import { pauseOf } from "./explain-answers.js";

/** What a step does. */
export type Look = () => Finding | Promise<Finding>;

/** What is known of a step besides what it finds. */
interface About {
  /** When it began, by `performance.now()`. Default: now. */
  beganAt?: number;
  /** When it ended. Default: with its finding. */
  endedAt?: number;
  /** How long the server asked to stay away, in milliseconds. */
  retryAfterMs?: number | undefined;
  redirect?: RedirectStep;
}

/** The steps that have been taken, and what they come to. */
export class Steps {
  readonly done: Step[] = [];
  exitCode: number = exitCodes.healthy;
  readonly #options: Pick<DiagnoseOptions, "words" | "hinted">;
  readonly #redactor: Redactor;
  readonly #told: (step: Step) => void;

  /** @param told hears of each step as soon as it is done */
  constructor(options: Pick<DiagnoseOptions, "words" | "hinted">, redactor: Redactor, told: (step: Step) => void) {
    this.#options = options;
    this.#redactor = redactor;
    this.#told = told;
  }

  get failed(): boolean {
    return this.exitCode !== exitCodes.healthy;
  }

  /** Much of it comes from the other side: none of it may move the cursor, pass for a line of its own, or show a secret. */
  shown(text: string): string {
    return oneLine(this.#options.words(text), this.#redactor.text);
  }

  /** Takes a step, unless one before it has failed. */
  async take(name: StepName, look: Look, about: About = {}): Promise<void> {
    if (this.failed) this.#add({ name, status: "skipped", detail: "not tried after the failure above" });
    else this.#add(await this.#tried(name, look, about));
  }

  /** Takes all of several steps, whichever fail. */
  async all(name: StepName, looks: readonly Look[]): Promise<void> {
    for (const look of looks) this.#add(await this.#tried(name, look, {}));
  }

  #add(step: Step): void {
    this.done.push(step);
    this.#told(step);
  }

  async #tried(name: StepName, look: Look, about: About): Promise<Step> {
    const { beganAt = performance.now(), endedAt, retryAfterMs, redirect } = about;
    const more = (): Pick<Step, "durationMs" | "redirect"> => {
      // A redirect takes no time of its own.
      if (redirect === undefined) return { durationMs: Math.round((endedAt ?? performance.now()) - beganAt) };
      return { redirect: { ...redirect, from: this.shown(redirect.from), to: redirect.to && this.shown(redirect.to) } };
    };
    try {
      const { detail, warning, hint, skipped: isNotNeeded } = await look();
      const status = isNotNeeded === true ? "skipped" : warning === undefined ? "ok" : "warning";
      const text = this.shown(warning === undefined ? detail : `${detail}; ${warning}`);
      const step: Step = { name, status, detail: text, ...(hint && { hint: this.shown(hint) }) };
      return isNotNeeded === true ? step : { ...step, ...more() };
    } catch (thrown) {
      const error = thrownOf(thrown);
      if (!this.failed) this.exitCode = exitCodeOf(error, name);
      const hinted = /^(resolve|connect|tls|open|report)$/.test(name) ? this.#options.hinted?.(error) : undefined;
      const { message, hint, ...pause } = pauseOf(hinted ?? error, retryAfterMs, Date.now());
      const [detail, fix] = [this.shown(message), this.shown(hint)];
      return { name, status: "failed", detail, hint: fix, code: error.code, ...more(), ...pause };
    }
  }
}

/** Whatever was thrown, as an error with a code. */
export function thrownOf(thrown: unknown): OpAMPError {
  return thrown instanceof OpAMPError ? thrown : new OpAMPError("ERR_OPAMP_CONNECT", messageOf(thrown));
}
