import { type NetConnectOpts, Socket } from "node:net";
import type { Direction, Fault, StreamSetup, Trap } from "./fault-proxy-faults.js";
import { FaultyStream } from "./fault-proxy-stream.js";

/** One client's connection, and the one to the server that belongs to it. */
export class FaultyConnection {
  readonly streams: Readonly<Record<Direction, FaultyStream>>;
  /** Resolves when both ends are closed. */
  readonly closed: Promise<unknown>;
  readonly #client: Socket;
  readonly #server = new Socket({ allowHalfOpen: true });

  /**
   * @param client just accepted; it may be half open
   * @param target undefined for a connection whose very beginning is swallowed on its way to the server
   */
  constructor(client: Socket, target: NetConnectOpts | undefined, setups: Readonly<Record<Direction, StreamSetup>>) {
    this.#client = client;
    const up = new FaultyStream(setups.up, client, this.#server, this);
    const down = new FaultyStream(setups.down, this.#server, client, this);
    this.streams = { up, down };
    this.closed = Promise.all([watch(client, this.#server, up, down), watch(this.#server, client, down, up)]);
    if (target === undefined) {
      up.swallow();
      down.sourceGone();
    } else {
      this.#server.connect(target);
    }
  }

  /** Sets a trap, which counts from here. */
  arm(trap: Trap): void {
    for (const direction of trap.directions) this.streams[direction].arm(trap);
  }

  /** Does to the connection, or to these streams of it, what the fault is. */
  strike(fault: Fault, directions: readonly Direction[]): void {
    switch (fault) {
      case "cut":
        for (const stream of Object.values(this.streams)) stream.end();
        return;
      case "reset":
        this.#client.resetAndDestroy();
        this.#server.resetAndDestroy();
        this.#swallow();
        return;
      case "blackhole":
        for (const direction of directions) this.streams[direction].swallow();
        return;
      case "half-close":
        for (const direction of directions) this.streams[direction].end();
        return;
      case "corrupt":
        this.arm({ fault, directions, afterBytes: 0, timesLeft: 1, struck: new WeakSet() });
        return;
      default:
        fault satisfies never;
    }
  }

  /** Ends it at once. Resolves when both ends are closed. */
  async destroy(): Promise<void> {
    this.#swallow();
    this.#client.destroy();
    this.#server.destroy();
    await this.closed;
  }

  /** Ends what neither end waits for and neither end was told. */
  settle(): void {
    const { up, down } = this.streams;
    if (!up.over || !down.over || !(up.hidden || down.hidden)) return;
    this.#client.destroy();
    this.#server.destroy();
  }

  #swallow(): void {
    for (const stream of Object.values(this.streams)) stream.swallow();
  }
}

/** Tells the other end when this one fails, unless that is hidden from it. Resolves when this one is closed. */
function watch(socket: Socket, other: Socket, onwards: FaultyStream, backwards: FaultyStream): Promise<void> {
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
