import type { Socket } from "node:net";
import { type Clock, systemClock } from "../client/clock.js";
import { OpAMPError } from "../errors.js";
import { type WaitOptions, Waits } from "../server/waits.js";
import { type FaultProxyTarget, FaultyConnection, targetOf, throughProxy } from "./fault-proxy-connection.js";
import {
  type ByteCounts,
  type Conditions,
  type Direction,
  directionsOf,
  type Fault,
  type FaultDirection,
  type FaultTiming,
  fairConditions,
  requireAmount,
  type StreamSetup,
  type Trap,
} from "./fault-proxy-faults.js";
import { FaultProxyPort } from "./fault-proxy-port.js";

/** How a {@link FaultProxy} is set up. */
export interface FaultProxyOptions {
  /** Where connections go: a URL of any scheme, or anything with a port, an `OpAMPServer` for instance. */
  target: FaultProxyTarget;
  /** The port to listen on, at 127.0.0.1. Default: 0, any free one. */
  port?: number | undefined;
  /** What latency and bandwidth are measured by; a `virtualClock` for instance. Default: the system's. */
  clock?: Pick<Clock, "now" | "after"> | undefined;
  /** The chance behind the jitter: numbers from 0 to 1. Default: `Math.random`. */
  random?: (() => number) | undefined;
}

/** How many connections a {@link FaultProxy} has had. */
export interface FaultProxyConnections {
  /** Those of which an end is still open. */
  readonly open: number;
  /** All that were accepted. */
  readonly total: number;
  /** Those that were accepted just to be reset. */
  readonly refused: number;
}

/**
 * A network that fails on demand: stands between a client and its server, at the level of TCP, so that it goes with any
 * protocol, TLS included. It does nothing to the traffic until it is told to.
 *
 * Latency, bandwidth, blackhole and refusal last, for connections that are there and those to come, until `restore()`.
 * Cuts, resets, half-closes and corruption strike once.
 */
export class FaultProxy {
  readonly #target: { host: string; port: number };
  readonly #streams: Readonly<Record<Direction, StreamSetup>>;
  readonly #connections = new Set<FaultyConnection>();
  readonly #waits: Waits;
  readonly #defaultUrl: string | undefined;
  readonly #listening: FaultProxyPort;
  #traps: Trap[] = [];
  #closing: Promise<void> | undefined;
  #total = 0;

  private constructor({ target, port = 0, clock = systemClock(false), random = Math.random }: FaultProxyOptions) {
    this.#target = targetOf(target);
    this.#defaultUrl = typeof target === "string" || target instanceof URL ? String(target) : undefined;
    const changed = (): void => this.#waits.check();
    this.#listening = new FaultProxyPort(port, (socket) => this.#accept(socket), changed);
    const stream = (): StreamSetup => {
      const counts = { received: 0, delivered: 0, lost: 0 };
      return { conditions: fairConditions(), counts, clock, random, changed };
    };
    this.#streams = { up: stream(), down: stream() };
    this.#waits = new Waits(
      () => `the fault proxy on port ${this.port} (connections: ${this.#connections.size} of ${this.#total} open)`,
    );
  }

  /** Starts listening. Rejects with ERR_OPAMP_OPTION for a target that is none, or a port that cannot be used. */
  static async start(options: FaultProxyOptions): Promise<FaultProxy> {
    const proxy = new FaultProxy(options);
    await proxy.#listening.open();
    return proxy;
  }

  /** The port it listens on; the same for its whole life. */
  get port(): number {
    return this.#listening.port;
  }

  /**
   * The same URL, by way of the proxy: scheme, path and all else stay.
   *
   * @param of Default: the URL that was given as the target.
   */
  url(of: string | URL | undefined = this.#defaultUrl): string {
    return throughProxy(of, this.port);
  }

  /** How many connections there are and were. */
  get connections(): FaultProxyConnections {
    return { open: this.#connections.size, total: this.#total, refused: this.#listening.refused };
  }

  /** What has become of the bytes of each direction, all connections taken together. */
  get bytes(): Readonly<Record<Direction, ByteCounts>> {
    return { up: { ...this.#streams.up.counts }, down: { ...this.#streams.down.counts } };
  }

  /**
   * Delays all that passes, in order; an end of stream too.
   *
   * @param ms in each direction, so that a round trip takes twice as long; 0 ends it
   * @param options `jitterMs`: up to this much more, by chance
   */
  latency(ms: number, { jitterMs = 0, ...options }: FaultDirection & { jitterMs?: number | undefined } = {}): void {
    requireAmount("latency: ms", ms);
    requireAmount("latency: jitterMs", jitterMs);
    this.#change(options, { latencyMs: ms, jitterMs });
  }

  /**
   * Limits how fast each connection's bytes pass. A sender that is faster has to wait, as on a slow line.
   *
   * @param bytesPerSecond 0 holds up everything, which is then late and not lost; Infinity ends it
   */
  bandwidth(bytesPerSecond: number, options: FaultDirection = {}): void {
    requireAmount("bandwidth: bytesPerSecond", bytesPerSecond);
    this.#change(options, { bytesPerSecond });
  }

  /**
   * Swallows everything: bytes, ends and resets. Connections stay open and nobody learns anything; new ones open as well,
   * and do not reach the server. A stream that has lost something stays dead after `restore()`.
   *
   * With `after`, the connections that it strikes have their streams die there, and others go on.
   */
  blackhole(timing: FaultTiming = {}): void {
    if (timing.after === undefined) this.#change(timing, { blackhole: true });
    else this.#strike("blackhole", timing);
  }

  /** Ends connections in an orderly way, towards both ends. What is on its way is lost, unless it came before `after`. */
  cut(timing: FaultTiming = {}): void {
    this.#strike("cut", timing);
  }

  /**
   * Breaks connections: both ends get a TCP reset. What is on its way is lost, unless it came before `after`.
   *
   * Node takes a reset for an orderly end if it finds it together with the last bytes before it.
   */
  reset(timing: FaultTiming = {}): void {
    this.#strike("reset", timing);
  }

  /** Ends one stream in an orderly way; the other goes on. What is on its way in it is lost. */
  halfClose(timing: FaultTiming & { direction: Direction }): void {
    this.#strike("half-close", timing);
  }

  /** Inverts one byte: the next that comes or, with `after`, the one behind that many. */
  corrupt(timing: FaultTiming = {}): void {
    this.#strike("corrupt", timing);
  }

  /**
   * Turns away new connections; those that are there stay.
   *
   * @param how `closed`: nothing listens on the port (ECONNREFUSED). `reset`: accepted, and reset at once. Default `closed`.
   */
  refuse(how: "closed" | "reset" = "closed"): void {
    this.#listening.shut(how);
  }

  /**
   * Ends all faults, those included that still wait for their byte; what was delayed goes on at once. Resolves when new
   * connections are taken again. Rejects with ERR_OPAMP_OPTION if the port has gone to somebody else meanwhile.
   */
  async restore(): Promise<void> {
    this.#traps = [];
    for (const { streams } of this.#connections) {
      for (const stream of Object.values(streams)) stream.disarm();
    }
    this.#change({}, fairConditions());
    if (this.#closing === undefined) await this.#listening.open();
  }

  /**
   * Resolves once the predicate holds: at once if it does already, otherwise after the change that makes it true.
   *
   * Rejects with ERR_OPAMP_TIMEOUT when the signal aborts, with ERR_OPAMP_STOPPED when the proxy is closed, and with what
   * the predicate throws.
   */
  until(predicate: (proxy: this) => boolean, options: WaitOptions = {}): Promise<this> {
    return this.#waits.until(this, predicate, options);
  }

  /** Destroys every connection, ends all waits with ERR_OPAMP_STOPPED and frees the port. Every call returns the same promise. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** The same as {@link FaultProxy.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await this.#listening.close();
    await Promise.all([...this.#connections].map((connection) => connection.destroy()));
    this.#waits.end(
      new OpAMPError("ERR_OPAMP_STOPPED", "the fault proxy was closed", { hint: "start a new FaultProxy" }),
    );
  }

  #accept(client: Socket): void {
    this.#total += 1;
    const target = this.#streams.up.conditions.blackhole ? undefined : { ...this.#target, noDelay: true };
    const connection = new FaultyConnection(client, target, this.#streams);
    for (const trap of this.#traps) connection.arm(trap);
    this.#connections.add(connection);
    void connection.closed.then(() => {
      this.#connections.delete(connection);
      this.#waits.check();
    });
    this.#waits.check();
  }

  #change(options: FaultDirection, conditions: Partial<Conditions>): void {
    for (const direction of directionsOf(options)) {
      Object.assign(this.#streams[direction].conditions, conditions);
      for (const connection of this.#connections) connection.streams[direction].conditionsChanged();
    }
  }

  #strike(fault: Fault, { after, times = Number.POSITIVE_INFINITY, ...options }: FaultTiming): void {
    const directions = directionsOf(options);
    if (after === undefined) {
      for (const connection of this.#connections) connection.strike(fault, directions);
      return;
    }
    requireAmount(`${fault}: after`, after);
    requireAmount(`${fault}: times`, times);
    const trap = { fault, directions, afterBytes: after, timesLeft: times, struck: new WeakSet() };
    this.#traps.push(trap);
    for (const connection of this.#connections) connection.arm(trap);
  }
}
