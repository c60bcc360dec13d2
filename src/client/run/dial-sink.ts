import type { OpAMPError } from "../../errors.js";
import type { Loss, Sink } from "../../transport/transport.js";

/** Who hears what the sinks of its dials are told. */
export interface SinkEar {
  opened(sink: Sink): void;
  dialing(sink: Sink): void;
  dialed(sink: Sink): void;
  payload(sink: Sink, bytes: Uint8Array): void;
  alive(sink: Sink): void;
  malformed(sink: Sink, error: OpAMPError): void;
  lost(sink: Sink, loss: Loss): void;
}

/** The sink of one dial. An object of two words, as there is one for each of perhaps thousands of links. */
export class DialSink implements Sink {
  readonly #ear: SinkEar;

  constructor(ear: SinkEar) {
    this.#ear = ear;
  }

  opened(): void {
    this.#ear.opened(this);
  }

  dialing(): void {
    this.#ear.dialing(this);
  }

  dialed(): void {
    this.#ear.dialed(this);
  }

  payload(bytes: Uint8Array): void {
    this.#ear.payload(this, bytes);
  }

  alive(): void {
    this.#ear.alive(this);
  }

  malformed(error: OpAMPError): void {
    this.#ear.malformed(this, error);
  }

  lost(loss: Loss): void {
    this.#ear.lost(this, loss);
  }
}
