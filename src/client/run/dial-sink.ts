import type { Input } from "../../core/io.js";
import type { OpAMPError } from "../../errors.js";
import type { Loss, Sink } from "../../transport/transport.js";

const DIALING = { type: "dialing" } as const;
const DIALED = { type: "dialed" } as const;
const STALE = { type: "stale" } as const;
const PROGRESS = { type: "progress" } as const;
const ALIVE = { type: "alive" } as const;
const PONG = { type: "pong" } as const;

/** A sign of life from the other side. */
export type Sign = typeof ALIVE | typeof PONG;

/** Who is told what a transport reports, and through which sink. */
export interface SinkOwner {
  opened(sink: Sink): void;
  alive(sink: Sink, sign: Sign): void;
  payload(sink: Sink, bytes: Uint8Array): void;
  hear(sink: Sink, input: Input): void;
  lost(sink: Sink, loss: Loss): void;
}

/** The sink of one dial. An object of two words, as there is one for each of perhaps thousands of links. */
export class DialSink implements Sink {
  readonly #owner: SinkOwner;

  constructor(owner: SinkOwner) {
    this.#owner = owner;
  }

  opened(): void {
    this.#owner.opened(this);
  }

  dialing(): void {
    this.#owner.hear(this, DIALING);
  }

  dialed(): void {
    this.#owner.hear(this, DIALED);
  }

  progress(): void {
    this.#owner.hear(this, PROGRESS);
  }

  stale(): void {
    this.#owner.hear(this, STALE);
  }

  payload(bytes: Uint8Array): void {
    this.#owner.payload(this, bytes);
  }

  pong(): void {
    this.#owner.alive(this, PONG);
  }

  alive(): void {
    this.#owner.alive(this, ALIVE);
  }

  malformed(error: OpAMPError): void {
    this.#owner.hear(this, { type: "malformed", error });
  }

  lost(loss: Loss): void {
    this.#owner.lost(this, loss);
  }
}
