import { type NetConnectOpts, Socket } from "node:net";
import { type Direction, directionsOf, type Fault, type Trap } from "./fault-proxy-faults.js";
import { FaultyStream, type StreamSetup } from "./fault-proxy-stream.js";

/** What a connection needs from its proxy. */
export interface ConnectionSetup {
  /** Undefined for a connection whose very beginning is swallowed on its way to the server. */
  readonly target: NetConnectOpts | undefined;
  /** Faults that wait for their byte. */
  readonly traps: readonly Trap[];
  readonly streams: Readonly<Record<Direction, StreamSetup>>;
  /** Both ends are closed. */
  closed(connection: FaultyConnection): void;
}

/** One client's connection, and the one to the server that belongs to it. */
export class FaultyConnection {
  readonly #client: Socket;
  readonly #server = new Socket({ allowHalfOpen: true });
  readonly #streams: Readonly<Record<Direction, FaultyStream>>;
  readonly #closed: Promise<unknown>;

  /** @param client just accepted; it may be half open */
  constructor(client: Socket, setup: ConnectionSetup) {
    this.#client = client;
    this.#streams = {
      up: this.#stream(setup.streams.up, client, this.#server),
      down: this.#stream(setup.streams.down, this.#server, client),
    };
    this.#closed = Promise.all([
      this.#watch(client, this.#server, "up"),
      this.#watch(this.#server, client, "down"),
    ]).then(() => setup.closed(this));
    if (setup.target === undefined) {
      this.#streams.up.swallow();
      this.#streams.down.sourceGone();
    } else {
      this.#server.connect(setup.target);
    }
    for (const trap of setup.traps) this.arm(trap);
  }

  /** What changes for the streams of one direction. */
  stream(direction: Direction): FaultyStream {
    return this.#streams[direction];
  }

  /** Sets a trap, which counts from here. */
  arm(trap: Trap): void {
    const armed = { trap, sprung: false };
    for (const direction of trap.directions) this.#streams[direction].arm(armed);
  }

  /** Does to the connection, or to these streams of it, what the fault is. */
  strike(fault: Fault, directions: readonly Direction[]): void {
    switch (fault) {
      case "cut":
        for (const direction of directionsOf({})) this.#streams[direction].end();
        return;
      case "reset":
        this.#client.resetAndDestroy();
        this.#server.resetAndDestroy();
        for (const direction of directionsOf({})) this.#streams[direction].swallow();
        return;
      case "blackhole":
        for (const direction of directions) this.#streams[direction].swallow();
        return;
      case "half-close":
        for (const direction of directions) this.#streams[direction].end();
        return;
      case "corrupt":
        this.arm({ fault, directions, afterBytes: 0, timesLeft: 1 });
        return;
      default:
        fault satisfies never;
    }
  }

  /** Ends it at once. Resolves when both ends are closed. */
  async destroy(): Promise<void> {
    for (const direction of directionsOf({})) this.#streams[direction].swallow();
    this.#client.destroy();
    this.#server.destroy();
    await this.#closed;
  }

  #stream(setup: StreamSetup, source: Socket, sink: Socket): FaultyStream {
    return new FaultyStream(setup, {
      source,
      sink,
      strike: ({ fault, directions }) => this.strike(fault, directions),
      ended: () => this.#settle(),
    });
  }

  /** Ends what neither end waits for and neither end was told. */
  #settle(): void {
    const { up, down } = this.#streams;
    if (!up.over || !down.over || !(up.hidden || down.hidden)) return;
    this.#client.destroy();
    this.#server.destroy();
  }

  /** Tells the other end when this one fails, unless that is hidden from it. Resolves when this one is closed. */
  #watch(socket: Socket, other: Socket, direction: Direction): Promise<void> {
    const { up, down } = this.#streams;
    const [onwards, backwards] = direction === "up" ? [up, down] : [down, up];
    socket.on("error", () => undefined);
    return new Promise((resolve) => {
      socket.on("close", (hasFailed) => {
        if (other.pending && !other.connecting) other.destroy();
        else if (hasFailed && !onwards.hidden) other.resetAndDestroy();
        if (hasFailed) onwards.sourceGone();
        backwards.swallow();
        resolve();
      });
    });
  }
}
