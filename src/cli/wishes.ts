/** What the agent is to do next. */
export type Wish = "stop" | "reload" | "fail";

/** The most pressing first: nothing is started anew only to be stopped. */
const ORDER: readonly Wish[] = ["fail", "stop", "reload"];

/**
 * What signals and the agent wish for; what is wished for twice before it is done is done once. A second signal to end
 * ends the process at once.
 */
export class Wishes {
  readonly #waiting = new Set<Wish>();
  #told: (() => void) | undefined;
  readonly #stop = (): void => this.add("stop");
  readonly #reload = (): void => this.add("reload");

  constructor() {
    process.once("SIGTERM", this.#stop).once("SIGINT", this.#stop).on("SIGHUP", this.#reload);
  }

  add(wish: Wish): void {
    this.#waiting.add(wish);
    this.#told?.();
  }

  async next(): Promise<Wish> {
    for (;;) {
      const wish = ORDER.find((one) => this.#waiting.delete(one));
      if (wish !== undefined) return wish;
      await new Promise<void>((resolve) => {
        this.#told = resolve;
      });
    }
  }

  end(): void {
    process.off("SIGTERM", this.#stop).off("SIGINT", this.#stop).off("SIGHUP", this.#reload);
  }
}
