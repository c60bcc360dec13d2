import type { Socket } from "node:net";
import { MAX_TIMER_MS } from "../base/time.js";
import { type Direction, type Fault, type StreamSetup, spring, type Trap } from "./fault-proxy-faults.js";

/** What a stream tells its connection. */
interface StreamOwner {
  /** A trap's byte has come through, and now its fault strikes. */
  strike(fault: Fault, directions: readonly Direction[]): void;
  /** The stream may be over now. */
  settle(): void;
}

type Item = ({ readonly bytes: Buffer } | { readonly trap: Trap } | { readonly end: true }) & {
  readonly arrivedMs: number;
  readonly jitter: number;
};

/** The most that one stream holds; beyond that its source has to wait. */
const WINDOW_BYTES = 1 << 20;

/** A limited stream trickles in pieces that take this long. */
const PIECE_MS = 20;

/** One direction of a connection: takes what the source sends, and hands it to the sink as the conditions allow. */
export class FaultyStream {
  readonly #setup: StreamSetup;
  readonly #source: Socket;
  readonly #sink: Socket;
  readonly #connection: StreamOwner;
  #queue: Item[] = [];
  #queuedBytes = 0;
  /** Handed to the sink and not yet gone. */
  #unflushedBytes = 0;
  /** What has come in while the stream was whole: where the traps count. */
  #position = 0;
  #traps: { readonly trap: Trap; readonly at: number }[] = [];
  #cancelWait: (() => void) | undefined;
  /** When a limited line is through with the piece before. */
  #lineFreeMs = Number.NEGATIVE_INFINITY;
  #sourceEnded = false;
  /** The sink was told that this was all. */
  #told = false;
  /** Something is missing, so nothing may follow. */
  #broken = false;

  constructor(setup: StreamSetup, source: Socket, sink: Socket, connection: StreamOwner) {
    this.#setup = setup;
    this.#source = source;
    this.#sink = sink;
    this.#connection = connection;
    source.on("data", (bytes: Buffer) => this.#take(bytes));
    source.on("end", () => this.#takeEnd());
  }

  /** Whether nothing comes any more, and nobody waits for the end. */
  get over(): boolean {
    return this.#told || (this.#broken && this.#sourceEnded);
  }

  /** Whether the sink does not learn what happens to the source. */
  get hidden(): boolean {
    return !this.#told && (this.#broken || this.#setup.conditions.blackhole);
  }

  /** Sets a trap, which counts from here. */
  arm(trap: Trap): void {
    if (this.#broken) return;
    this.#traps.push({ trap, at: this.#position + trap.afterBytes });
    this.#spring();
    this.#pump();
  }

  /** Takes away all traps. */
  disarm(): void {
    this.#traps = [];
    this.#queue = this.#queue.filter((item) => !("trap" in item));
  }

  /** Looks at the conditions again, which are others now. */
  conditionsChanged(): void {
    this.#lineFreeMs = this.#setup.clock.now();
    if (this.#setup.conditions.blackhole && this.#queue.length > 0) this.swallow();
    else this.#pump();
  }

  /** Loses what is on its way and all that comes. */
  swallow(): void {
    this.#broken = true;
    this.disarm();
    this.#cancelWait?.();
    this.#cancelWait = undefined;
    this.#sourceEnded ||= this.#queue.some((item) => "end" in item);
    this.#queue = [];
    this.#lose(this.#queuedBytes);
    this.#queuedBytes = 0;
    this.#source.resume();
    this.#connection.settle();
  }

  /** Loses what is on its way, and tells the sink that this was all. */
  end(): void {
    const told = this.#told;
    this.#told = true;
    if (!told) this.#sink.end();
    this.swallow();
  }

  /** The source is gone, without an end, or was never there. */
  sourceGone(): void {
    this.#sourceEnded = true;
    this.swallow();
  }

  #take(bytes: Buffer): void {
    this.#setup.counts.received += bytes.length;
    if (this.#setup.conditions.blackhole && !this.#broken) this.swallow();
    if (this.#broken) {
      this.#lose(bytes.length);
      return;
    }
    let rest = this.#corrupt(bytes);
    while (rest.length > 0) {
      const length = this.#untilNextTrap(rest.length);
      this.#queue.push({ bytes: rest.subarray(0, length), ...this.#arrival() });
      this.#queuedBytes += length;
      this.#position += length;
      rest = rest.subarray(length);
      this.#spring();
    }
    this.#setup.changed();
    this.#pump();
  }

  #takeEnd(): void {
    if (this.hidden || this.#told) {
      this.sourceGone();
      return;
    }
    this.#queue.push({ end: true, ...this.#arrival() });
    this.#pump();
  }

  #arrival(): { arrivedMs: number; jitter: number } {
    return { arrivedMs: this.#setup.clock.now(), jitter: this.#setup.random() };
  }

  /** How many of this many bytes may go before a trap has to be looked at. */
  #untilNextTrap(length: number): number {
    return Math.min(length, ...this.#traps.map(({ at }) => at - this.#position).filter((distance) => distance > 0));
  }

  /** Queues the faults whose byte has come in. */
  #spring(): void {
    for (const { trap, at } of this.#traps) {
      const isDue = trap.fault !== "corrupt" && at <= this.#position;
      if (isDue && spring(trap, this.#connection)) this.#queue.push({ trap, ...this.#arrival() });
    }
    this.#traps = this.#traps.filter(({ trap }) => !trap.struck.has(this.#connection));
  }

  #corrupt(bytes: Buffer): Buffer {
    const hits = this.#traps
      .filter(({ trap, at }) => trap.fault === "corrupt" && at < this.#position + bytes.length)
      .filter(({ trap }) => spring(trap, this.#connection));
    if (hits.length === 0) return bytes;
    const copy = Buffer.from(bytes);
    for (const place of new Set(hits.map(({ at }) => Math.max(0, at - this.#position)))) {
      copy.writeUInt8(copy.readUInt8(place) ^ 0xff, place);
    }
    return copy;
  }

  /** Moves what may move, and sees to it that it is called again for the rest. */
  #pump(): void {
    this.#cancelWait?.();
    this.#cancelWait = undefined;
    for (let item = this.#queue[0]; item !== undefined && this.#mayMove(item); item = this.#queue[0]) {
      this.#queue.shift();
      if ("bytes" in item) this.#write(item.bytes, item);
      else if ("trap" in item) this.#connection.strike(item.trap.fault, item.trap.directions);
      else this.end();
    }
    if (this.#queuedBytes + this.#unflushedBytes > WINDOW_BYTES) this.#source.pause();
    else if (this.#source.isPaused()) this.#source.resume();
  }

  /** Whether it is an item's turn; if not, the end of the wait, or of the sink's writing, asks again. */
  #mayMove(item: Item): boolean {
    const { clock, conditions } = this.#setup;
    const nowMs = clock.now();
    // A reset would overtake what came before it.
    const isHeldUp = this.#unflushedBytes > ("bytes" in item ? WINDOW_BYTES : 0);
    if (isHeldUp || conditions.bytesPerSecond === 0) {
      this.#lineFreeMs = nowMs;
      return false;
    }
    const dueMs = this.#dueMs(item);
    if (dueMs <= nowMs) return true;
    this.#cancelWait = clock.after(Math.min(dueMs - nowMs, MAX_TIMER_MS), () => this.#pump());
    return false;
  }

  #dueMs(item: Item): number {
    const { latencyMs, jitterMs } = this.#setup.conditions;
    const thereMs = item.arrivedMs + latencyMs + jitterMs * item.jitter;
    return "bytes" in item ? Math.max(thereMs, this.#lineFreeMs) + this.#pieceMs(item.bytes) : thereMs;
  }

  #pieceMs(bytes: Buffer): number {
    return (1000 * this.#pieceBytes(bytes)) / this.#setup.conditions.bytesPerSecond;
  }

  #pieceBytes({ length }: Buffer): number {
    return Math.min(length, Math.max(1, Math.ceil((this.#setup.conditions.bytesPerSecond * PIECE_MS) / 1000)));
  }

  #write(bytes: Buffer, item: Item): void {
    const length = this.#pieceBytes(bytes);
    this.#lineFreeMs = this.#dueMs(item);
    if (length < bytes.length) this.#queue.unshift({ ...item, bytes: bytes.subarray(length) });
    this.#queuedBytes -= length;
    this.#unflushedBytes += length;
    this.#sink.write(bytes.subarray(0, length), (error) => {
      this.#unflushedBytes -= length;
      if (error) {
        this.#lose(length);
        return;
      }
      this.#setup.counts.delivered += length;
      this.#setup.changed();
      this.#pump();
    });
  }

  #lose(bytes: number): void {
    this.#setup.counts.lost += bytes;
    this.#setup.changed();
  }
}
