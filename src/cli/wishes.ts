/** What the agent is to do next. */
export type Wish = "stop" | "reload" | "fail";

/** What signals and the agent wish for, in order. A second signal to end ends the process at once. */
export class Wishes {
  readonly #waiting: Wish[] = [];
  #told: (() => void) | undefined;
  readonly #stop = (): void => this.add("stop");
  readonly #reload = (): void => this.add("reload");

  constructor() {
    process.once("SIGTERM", this.#stop).once("SIGINT", this.#stop).on("SIGHUP", this.#reload);
  }

  add(wish: Wish): void {
    this.#waiting.push(wish);
    this.#told?.();
  }

  async next(): Promise<Wish> {
    for (;;) {
      const wish = this.#waiting.shift();
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
