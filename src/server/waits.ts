import { isThenable, wrongKind, wrongOption } from "../base/checks.js";
import { realTimers } from "../base/real-timers.js";
import { MAX_TIMER_MS } from "../base/time.js";
import { beginAt, type Trace, traceOf } from "../base/trace.js";
import { checkWaitOptions, type WaitOptions, waitDefaults } from "../base/wait-options.js";
import { OpAMPError } from "../errors.js";
import { scrubbed } from "./quoted.js";

const LONGEST_SOURCE = 160;

/** What a user called, for the error and its stack. */
export interface WaitCall {
  /** Such as `agent.until`. */
  readonly name: string;
  /** The method that the user called: the stack begins at its caller. */
  readonly method: (...args: never[]) => unknown;
}

interface Wait {
  /** Asks the predicate; true once the wait is over. */
  settle(): boolean;
  reject(error: OpAMPError): void;
  release(): void;
}

/** Promises for a state. Each predicate is asked at once and after every change, so nothing can be missed. */
export class Waits {
  readonly #pending = new Set<Wait>();
  readonly #outline: () => readonly string[];
  #ended: OpAMPError | undefined;

  /** @param outline what has been seen, a line each, for the text of a wait that ends without it */
  constructor(outline: () => readonly string[]) {
    this.#outline = outline;
  }

  /** Resolves with the subject once the predicate holds for it. What the predicate throws ends the wait. */
  until<Subject>(
    call: WaitCall,
    subject: Subject,
    predicate: (subject: Subject) => boolean,
    options: WaitOptions,
  ): Promise<Subject> {
    const trace = traceOf(call.method);
    if (typeof predicate !== "function") {
      return Promise.reject(wrongKind(call.name, "given a function", predicate));
    }
    const holds = (): boolean => {
      const answer: unknown = predicate(subject);
      // Either would count as true, whatever comes of it.
      if (isThenable(answer)) {
        Promise.resolve(answer).catch(() => undefined);
        throw wrongOption(call.name, "the predicate must not be async");
      }
      if (typeof answer === "function") {
        throw wrongOption(call.name, "the predicate returned a function: call it, as in agent.hasApplied()");
      }
      return Boolean(answer);
    };
    const goal = (): string => `${call.name}(${sourceOf(predicate)})`;
    const found = this.#first(() => (holds() ? { subject } : undefined), { call, trace, goal }, options);
    return found.then((one) => one.subject);
  }

  /** Resolves with what the probe finds, once it finds something. What the probe throws ends the wait. */
  first<Found>(call: WaitCall, probe: () => Found | undefined, options: WaitOptions): Promise<Found> {
    const goal = (): string => (call.name.endsWith(")") ? call.name : `${call.name}()`);
    return this.#first(probe, { call, trace: traceOf(call.method), goal }, options);
  }

  #first<Found>(
    probe: () => Found | undefined,
    { call, trace, goal }: { call: WaitCall; trace: Trace; goal: () => string },
    options: WaitOptions,
  ): Promise<Found> {
    return new Promise((resolve, reject) => {
      checkWaitOptions(call.name, options);
      const { timeoutMs = waitDefaults.timeoutMs, signal } = options;
      const settle = (): boolean => {
        try {
          const found = probe();
          if (found === undefined) return false;
          resolve(found);
        } catch (thrown) {
          reject(thrown);
        }
        return true;
      };
      if (settle()) return;
      const fail = (error: OpAMPError): void => reject(withTrace(error, trace));
      if (this.#ended !== undefined) return fail(this.#ended);
      const giveUp = (why: string, cause?: unknown): void => {
        this.#pending.delete(wait);
        wait.release();
        fail(this.#gaveUp(`${goal()} ${why}`, cause));
      };
      const abort = (): void => giveUp("was aborted by its signal", signal?.reason);
      const late = (): void => giveUp(`timed out after ${timeoutMs} ms`);
      // Holds the process, so that a test does not end before its wait.
      const end = limit(timeoutMs, late);
      const wait: Wait = {
        settle,
        reject: fail,
        release() {
          end();
          signal?.removeEventListener("abort", abort);
        },
      };
      this.#pending.add(wait);
      if (signal?.aborted) abort();
      else signal?.addEventListener("abort", abort, { once: true });
    });
  }

  /** Asks every pending predicate again. Call it when a change is complete. */
  check(): void {
    for (const wait of [...this.#pending]) {
      if (wait.settle()) {
        this.#pending.delete(wait);
        wait.release();
      }
    }
  }

  /** Rejects what is pending, and whatever comes later and is not true already. */
  end(error: OpAMPError): void {
    this.#ended ??= error;
    for (const wait of this.#pending) {
      wait.release();
      wait.reject(error);
    }
    this.#pending.clear();
  }

  #gaveUp(goal: string, cause: unknown): OpAMPError {
    return new OpAMPError("ERR_OPAMP_TIMEOUT", [goal, ...this.#outline().map((line) => `  ${line}`)].join("\n"), {
      cause,
      hint: "compare what was waited for with what was seen; `timeoutMs` gives it longer",
    });
  }
}

/** The source of a function on one line. */
function sourceOf(predicate: (...args: never[]) => unknown): string {
  const line = scrubbed(String(predicate).replace(/\s+/g, " "));
  return line.length > LONGEST_SOURCE ? `${line.slice(0, LONGEST_SOURCE)}...` : line;
}

/** The error as thrown where the user called. */
function withTrace(error: OpAMPError, trace: Trace): OpAMPError {
  const { code, message, hint, cause } = error;
  const own = new OpAMPError(code, message, { hint, cause });
  beginAt(own, trace);
  return own;
}

/** Runs something after so long, or never. @returns what ends the wait */
function limit(ms: number, callback: () => void): () => void {
  const isEndless = ms > MAX_TIMER_MS;
  const again = (): void => {
    timer = realTimers.setTimeout(again, MAX_TIMER_MS);
  };
  let timer = isEndless ? realTimers.setTimeout(again, MAX_TIMER_MS) : realTimers.setTimeout(callback, ms);
  return () => realTimers.clearTimeout(timer);
}
