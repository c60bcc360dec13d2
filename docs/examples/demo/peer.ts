import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Told } from "./messages.js";
import type { Timeline } from "./timeline.js";

const running = new Set<ChildProcess>();

/** Ends whatever still runs; nothing of the demo outlives it. */
export function killAll(): void {
  for (const child of running) child.kill("SIGKILL");
}

/** How a process ended. */
export interface End {
  code: number | null;
  signal: string | null;
}

/** How a process of the demo is started. */
export interface PeerSetup<Said> {
  name: "agent" | "server";
  script: string;
  args?: readonly string[];
  /** The lines to print for what it says. */
  words: (said: Said) => readonly string[];
}

/** A process of the demo, and everything it has said. */
export class Peer<Said extends { what: string }, Order extends object = never> {
  readonly #name: string;
  readonly #timeline: Timeline;
  readonly #child: ChildProcess;
  readonly #said: Said[] = [];
  /** Resolves when the process has ended and everything it said is known. */
  readonly ended: Promise<End>;
  #mayEnd = false;
  #end: End | undefined;

  constructor({ name, script, args = [], words }: PeerSetup<Said>, timeline: Timeline) {
    this.#name = name;
    this.#timeline = timeline;
    this.#child = fork(fileURLToPath(new URL(script, import.meta.url)), args);
    running.add(this.#child);
    this.#child.on("message", ({ at, said }: Told<Said>) => {
      this.#said.push(said);
      timeline.line(name, words(said), at);
      timeline.changed();
    });
    this.#child.on("error", (error) => timeline.break(error));
    this.ended = this.#watch();
    // Those who wait for a step hear of it through the timeline.
    this.ended.catch(() => undefined);
  }

  /** What {@link ended} resolves with, once it has. */
  get end(): End | undefined {
    return this.#end;
  }

  order(order: Order): void {
    this.#child.send(order, (error) => error !== null && this.#timeline.break(error));
  }

  /** The first thing it said of this kind that matches. */
  find<What extends Said["what"]>(
    what: What,
    matches: (said: Extract<Said, { what: What }>) => boolean = () => true,
  ): Extract<Said, { what: What }> | undefined {
    return this.all(what).find((said) => matches(said));
  }

  /** Everything it said of this kind, in order. */
  all<What extends Said["what"]>(what: What): Extract<Said, { what: What }>[] {
    return this.#said.filter((said): said is Extract<Said, { what: What }> => said.what === what);
  }

  /** Sends a signal after which the process is meant to end. */
  signal(signal: "SIGTERM" | "SIGKILL"): void {
    this.#mayEnd = true;
    this.#child.kill(signal);
  }

  async #watch(): Promise<End> {
    const exit = new Promise<End>((resolve) => this.#child.once("exit", (code, signal) => resolve({ code, signal })));
    // Only the end of the channel says that nothing more will come through it.
    await once(this.#child, "disconnect");
    this.#end = await exit;
    running.delete(this.#child);
    const { code, signal } = this.#end;
    const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
    this.#timeline.line(this.#name, [`process has ended ${how}`]);
    if (!this.#mayEnd) this.#timeline.break(new Error(`the ${this.#name} process ended unexpectedly, ${how}`));
    this.#timeline.changed();
    return this.#end;
  }
}
