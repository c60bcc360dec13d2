import type { Socket } from "node:net";
import { fromCaller, notConstructed } from "../base/checks.js";
import { checkByRules, isAmount, isOneOf } from "../base/rules.js";
import type { WaitOptions } from "../base/wait-options.js";
import { systemClock } from "../client/clock.js";
import { OpAMPError } from "../errors.js";
import { Waits } from "../server/waits.js";
import { FaultyConnection, targetOf, throughProxy } from "./fault-proxy-connection.js";
import {
  type ByteCounts,
  type Conditions,
  checkDirection,
  checkTiming,
  type Direction,
  directionsOf,
  type Fault,
  type FaultDirection,
  type FaultTiming,
  fairConditions,
  faultLines,
  type StreamSetup,
  type Trap,
} from "./fault-proxy-faults.js";
import { checkProxyOptions, type FaultProxyConnections, type FaultProxyOptions } from "./fault-proxy-options.js";
import { FaultProxyPort } from "./fault-proxy-port.js";

const LATENCY = { direction: isOneOf("up", "down"), jitterMs: isAmount };

/**
 * A network that fails on demand: stands between a client and its server, at the level of TCP, so that it goes with any
 * protocol, TLS included. It does nothing to the traffic until it is told to.
 *
 * Latency, bandwidth, blackhole and refusal last, for connections that are there and those to come, until `restore()`.
 * Cuts, resets, half-closes and corruption strike once.
 */
export class FaultProxy {
  readonly #target: ReturnType<typeof targetOf>;
  readonly #streams: Readonly<Record<Direction, StreamSetup>>;
  readonly #connections = new Set<FaultyConnection>();
  readonly #waits = new Waits(() => this.#outline());
  readonly #listening: FaultProxyPort;
  readonly #keepAlive: boolean;
  #traps: Trap[] = [];
  #closing: Promise<void> | undefined;
  #total = 0;

  private constructor(options: FaultProxyOptions, start?: typeof FaultProxy.start) {
    if (start !== FaultProxy.start) throw notConstructed("FaultProxy");
    checkProxyOptions(options);
    const { target, port = 0, clock = systemClock(false), random = Math.random, keepAlive = false } = options;
    this.#target = targetOf(target);
    this.#keepAlive = keepAlive;
    const changed = (): void => this.#waits.check();
    this.#listening = new FaultProxyPort({ port, keepAlive }, (socket) => this.#accept(socket), changed);
    const stream = (): StreamSetup => {
      const counts = { received: 0, delivered: 0, lost: 0 };
      return { conditions: fairConditions(), counts, clock, random, changed };
    };
    this.#streams = { up: stream(), down: stream() };
  }

  /** Starts listening. Rejects with ERR_OPAMP_OPTION for a target that is none, or a port that cannot be used. */
  static async start(options: FaultProxyOptions): Promise<FaultProxy> {
    const proxy = fromCaller(FaultProxy.start, () => new FaultProxy(options, FaultProxy.start));
    await proxy.#listening.open();
    return proxy;
  }

  /** The port it listens on; the same for its whole life. */
  get port(): number {
    return this.#listening.port;
  }

  /** The target's URL by way of the proxy. Throws ERR_OPAMP_OPTION for a target without one. */
  get url(): string {
    return throughProxy(this.#target.url, this.port);
  }

  /** Another URL of the target, such as `server.httpUrl`, by way of the proxy: scheme, path and all else stay. */
  urlFor(url: string | URL): string {
    return throughProxy(url, this.port);
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
  latency(ms: number, options: FaultDirection & { jitterMs?: number | undefined } = {}): void {
    isAmount("ms", ms);
    checkByRules("latency", options, LATENCY);
    const { jitterMs = 0 } = options;
    this.#change(options, { latencyMs: ms, jitterMs });
  }

  /**
   * Limits how fast each connection's bytes pass. A sender that is faster has to wait, as on a slow line.
   *
   * @param bytesPerSecond 0 holds up everything, which is then late and not lost; Infinity ends it
   */
  bandwidth(bytesPerSecond: number, options: FaultDirection = {}): void {
    isAmount("bytesPerSecond", bytesPerSecond);
    checkDirection("bandwidth", options);
    this.#change(options, { bytesPerSecond });
  }

  /**
   * Swallows everything: bytes, ends and resets. Connections stay open and nobody learns anything; new ones open as well,
   * and do not reach the server. A stream that has lost something stays dead after `restore()`.
   *
   * With `after`, the connections that it strikes have their streams die there, and others go on.
   */
  blackhole(timing: FaultTiming = {}): void {
    checkTiming("blackhole", timing);
    if (timing.after === undefined) this.#change(timing, { blackhole: true });
    else this.#strike("blackhole", timing);
  }

  /** Ends connections in an orderly way, towards both ends. What is on its way is lost, unless it came before `after`. */
  cut(timing: FaultTiming = {}): void {
    checkTiming("cut", timing);
    this.#strike("cut", timing);
  }

  /**
   * Breaks connections: both ends get a TCP reset. What is on its way is lost, unless it came before `after`.
   *
   * Node takes a reset for an orderly end if it finds it together with the last bytes before it.
   */
  reset(timing: FaultTiming = {}): void {
    checkTiming("reset", timing);
    this.#strike("reset", timing);
  }

  /** Ends one stream in an orderly way; the other goes on. What is on its way in it is lost. */
  halfClose(timing: FaultTiming & { direction: Direction }): void {
    checkTiming("halfClose", timing);
    isOneOf("up", "down")("halfClose.direction", timing.direction);
    this.#strike("half-close", timing);
  }

  /** Inverts one byte: the next that comes or, with `after`, the one behind that many. */
  corrupt(timing: FaultTiming = {}): void {
    checkTiming("corrupt", timing);
    this.#strike("corrupt", timing);
  }

  /**
   * Turns away new connections; those that are there stay.
   *
   * @param how `closed`: nothing listens on the port (ECONNREFUSED). `reset`: accepted, and reset at once. Default `closed`.
   */
  refuse(how: "closed" | "reset" = "closed"): void {
    isOneOf("closed", "reset")("refuse", how);
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
   * Resolves once the predicate holds: at once if it does already, otherwise after the change that makes it true. Waits in
   * real time, whatever the proxy's `clock` is, and keeps the process alive meanwhile.
   *
   * Rejects with ERR_OPAMP_TIMEOUT, and with what was seen, after 5 seconds, 3 under vitest and Jest (`timeoutMs`), or when the signal aborts, with
   * ERR_OPAMP_STOPPED when the proxy is closed, and with what the predicate throws.
   */
  until(predicate: (proxy: this) => boolean, options: WaitOptions = {}): Promise<this> {
    return this.#waits.until({ name: "proxy.until", method: this.until }, this, predicate, options);
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
    const { host, port } = this.#target;
    const target = this.#streams.up.conditions.blackhole ? undefined : { host, port, noDelay: true };
    const connection = new FaultyConnection(client, target, this.#streams, this.#keepAlive);
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
    const trap = { fault, directions, afterBytes: after, timesLeft: times, struck: new WeakSet() };
    this.#traps.push(trap);
    for (const connection of this.#connections) connection.arm(trap);
  }

  #outline(): readonly string[] {
    const { open, total, refused } = this.connections;
    const { up, down } = this.#streams;
    const bytes = ({ counts }: StreamSetup) => `${counts.received} in, ${counts.delivered} out, ${counts.lost} lost`;
    const faults = faultLines({ up: up.conditions, down: down.conditions }, this.#traps, this.#listening.turnsAway);
    return [
      `fault proxy on port ${this.port}: ${open} connections open, ${total} in all, ${refused} reset at once`,
      `bytes up: ${bytes(up)}; down: ${bytes(down)}`,
      ...(faults.length === 0 ? ["no fault in force"] : faults),
    ];
  }
}
