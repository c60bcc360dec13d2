import { messageOf, OpAMPError } from "../errors.js";
import { closedHere, ended } from "./loss.js";
import type { TransportSettings } from "./settings/settings.js";
import type { Sink, Transport } from "./transport.js";

/** What is known of a transport before it is loaded. */
export interface TransportKind {
  readonly name: string;
  readonly duplex: boolean;
  load(settings: TransportSettings): Promise<Transport>;
}

/**
 * A transport that is loaded when it is first opened, so that a program pays for none before it connects, and never for
 * those that it does not use.
 */
export class LazyTransport implements Transport {
  readonly #kind: TransportKind;
  readonly #settings: TransportSettings;
  #loaded: Transport | undefined;
  /** Whoever waits for the loading. */
  #waiting: Sink | undefined;

  constructor(kind: TransportKind, settings: TransportSettings) {
    this.#kind = kind;
    this.#settings = settings;
  }

  get name(): string {
    return this.#loaded?.name ?? this.#kind.name;
  }

  get duplex(): boolean {
    return this.#loaded?.duplex ?? this.#kind.duplex;
  }

  open(sink: Sink): void {
    if (this.#loaded !== undefined) return this.#loaded.open(sink);
    this.#waiting = sink;
    this.#kind.load(this.#settings).then(
      (transport) => {
        this.#loaded ??= transport;
        if (this.#forget(sink)) this.#loaded.open(sink);
      },
      (cause: unknown) => {
        const text = `the ${this.#kind.name} transport cannot be loaded: ${messageOf(cause)}`;
        const hint = "check that the package and its dependencies are installed whole";
        const error = new OpAMPError("ERR_OPAMP_CONNECT", text, { cause, hint });
        if (this.#forget(sink)) sink.lost({ ...ended(error), fate: "unsent" });
      },
    );
  }

  send(payload: Uint8Array): void {
    this.#loaded?.send(payload);
  }

  ping(): void {
    this.#loaded?.ping();
  }

  close(code: number, reason: string): void {
    const sink = this.#waiting;
    if (sink === undefined) this.#loaded?.close(code, reason);
    else if (this.#forget(sink)) sink.lost(closedHere(code, reason));
  }

  /** @returns whether this sink was the one that waited */
  #forget(sink: Sink): boolean {
    if (this.#waiting !== sink) return false;
    this.#waiting = undefined;
    return true;
  }
}
