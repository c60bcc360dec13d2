import type { HostOutput, Output } from "../../core/io.js";
import { OpAMPError } from "../../errors.js";
import type { Sink } from "../../transport/transport.js";

/** What took too long, which a transport says of a link that is cut for that, where the core only knows that something did. */
export class Overdue {
  #cutting: Sink | undefined;
  #error: unknown;

  /** A link is cut. @param sink its sink, if something took too long */
  cut(sink: Sink | undefined): void {
    this.#cutting = sink;
  }

  /** A transport reports the end of a link. */
  lost(sink: Sink, error: unknown): void {
    if (sink === this.#cutting) this.#error = error;
  }

  /** The change of phase that follows the cut, with what took too long. */
  explained(output: Extract<Output, { type: "phase" }>): HostOutput {
    const error = this.#error;
    this.#cutting = undefined;
    this.#error = undefined;
    // A transport that knows no more says that it was closed.
    const isKnown = error instanceof OpAMPError && error.code !== "ERR_OPAMP_CLOSED";
    return isKnown && output.reason === "timeout" ? { ...output, error } : output;
  }
}
