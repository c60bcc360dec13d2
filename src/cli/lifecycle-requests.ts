import { constants } from "node:os";

/** What the agent is to do next. */
export type LifecycleRequest = "stop" | "reload" | "fail" | "refuse";

/** The most pressing first: nothing is started again only to be stopped. */
const ORDER: readonly LifecycleRequest[] = ["refuse", "fail", "stop", "reload"];
/** What a shell adds to a signal's number to make an exit code. */
const ENDED_BY_SIGNAL = 128;
/** A key pressed in a terminal comes to the whole group at once, and again from those that pass it on, as npx does. */
const SAME_SIGNAL_MS = 500;

/**
 * What signals and the agent ask for; what is asked for twice before it is done is done once. A second signal to end
 * ends the process at once, whichever of the two it is, unless it comes with the first.
 */
export class LifecycleRequests {
  readonly #waiting = new Set<LifecycleRequest>();
  #onRequest: (() => void) | undefined;
  #endingSince: number | undefined;
  readonly #stop = (signal: NodeJS.Signals): void => {
    const now = performance.now();
    this.#endingSince ??= now;
    if (now - this.#endingSince > SAME_SIGNAL_MS) this.endAtOnce(signal);
    this.add("stop");
  };
  readonly #reload = (): void => this.add("reload");

  constructor() {
    process.on("SIGTERM", this.#stop).on("SIGINT", this.#stop).on("SIGHUP", this.#reload);
  }

  add(request: LifecycleRequest): void {
    this.#waiting.add(request);
    this.#onRequest?.();
  }

  async next(): Promise<LifecycleRequest> {
    for (;;) {
      const request = ORDER.find((one) => this.#waiting.delete(one));
      if (request !== undefined) return request;
      await new Promise<void>((resolve) => {
        this.#onRequest = resolve;
      });
    }
  }

  end(): void {
    process.off("SIGTERM", this.#stop).off("SIGINT", this.#stop).off("SIGHUP", this.#reload);
  }

  /** Ends the process as a signal does that nobody listens for, whatever is under way. */
  endAtOnce(signal: NodeJS.Signals): never {
    this.end();
    process.kill(process.pid, signal);
    // The first process of a container goes on: it has no signals but those that it listens for.
    process.exit(ENDED_BY_SIGNAL + constants.signals[signal]);
  }
}
