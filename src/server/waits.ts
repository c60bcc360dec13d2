import { OpAMPError } from "../errors.js";

/** Options of every `until`. */
export interface WaitOptions {
  /** Gives up when aborted: the wait rejects with ERR_OPAMP_TIMEOUT, the signal's reason as its cause. Default: never. */
  signal?: AbortSignal | undefined;
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
  readonly #describe: () => string;
  #ended: OpAMPError | undefined;

  constructor(
    /** Says what is being waited for and how it stands, for the text of a wait that gives up. */
    describe: () => string,
  ) {
    this.#describe = describe;
  }

  /** Resolves with the subject once the predicate holds for it. What the predicate throws ends the wait. */
  until<Subject>(subject: Subject, predicate: (subject: Subject) => boolean, options: WaitOptions): Promise<Subject> {
    return this.first(() => (predicate(subject) ? { subject } : undefined), options).then((found) => found.subject);
  }

  /** Resolves with what the probe finds, once it finds something. What the probe throws ends the wait. */
  first<Found>(probe: () => Found | undefined, { signal }: WaitOptions): Promise<Found> {
    return new Promise((resolve, reject) => {
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
      if (this.#ended !== undefined) {
        reject(this.#ended);
        return;
      }
      const giveUp = (): void => {
        this.#pending.delete(wait);
        reject(this.#gaveUp(signal?.reason));
      };
      const wait: Wait = { settle, reject, release: () => signal?.removeEventListener("abort", giveUp) };
      this.#pending.add(wait);
      if (signal?.aborted) giveUp();
      else signal?.addEventListener("abort", giveUp, { once: true });
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

  #gaveUp(cause: unknown): OpAMPError {
    return new OpAMPError("ERR_OPAMP_TIMEOUT", `gave up waiting for ${this.#describe()}`, {
      cause,
      hint: "the state waited for did not come: read the server's log for what was exchanged",
    });
  }
}
