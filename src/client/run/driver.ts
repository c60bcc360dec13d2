import { MAX_TIMER_MS } from "../../base/time.js";
import type { Core } from "../../core/core.js";
import type { HostOutput, Input, Lost, Output, Use } from "../../core/io.js";
import { OpAMPError } from "../../errors.js";
import { threwIn } from "../../transport/loss.js";
import { CLOSE_NOW, type Loss, OVERDUE, type Sink, type Transport } from "../../transport/transport.js";
import { decodeServerToAgent, encodeReport } from "../../wire/codec.js";
import { LARGE_BYTES } from "../../wire/limits.js";
import { type Clock, holdProcess } from "../clock.js";
import type { Observer, TrafficEvent } from "../observe/client-event.js";
import { channels } from "../observe/diagnostics.js";
import { Overdue } from "./overdue.js";

const ALIVE = { type: "alive" } as const;
const PONG = { type: "pong" } as const;
const PROGRESS = { type: "progress" } as const;
const STALE = { type: "stale" } as const;
const PINGED = { type: "pinged" } as const;

/**
 * Runs a core against the outside: the one timer, the transport, the codec. Everything else goes to the host.
 *
 * Inputs queue, so that whatever a step sets off may feed the core again without nesting.
 */
export class Driver {
  readonly #core: Core;
  readonly #transportFor: (use: Use) => Transport;
  readonly #clock: Clock;
  readonly #traffic: Observer;
  readonly #publish: Observer;
  #router: { route(output: HostOutput): void } | undefined;
  readonly #inputs: Input[] = [];
  #hopeless: ((error: OpAMPError) => void) | undefined;
  #busy = false;
  /** Of the current dial, or of the one before. */
  #transport: Transport | undefined;
  /** The sink of the current dial; what older ones report is no longer heard. */
  #sink: Sink | undefined;
  readonly #overdue = new Overdue();
  #timerAt = Number.POSITIVE_INFINITY;
  #endTimer: (() => void) | undefined;
  #tickQueued = false;
  /** There while the process has to live on: no socket need be open yet, or the one that is holds nothing. */
  #letGo: (() => void) | undefined;

  /**
   * @param transportFor the transport for the settings in force, or for those on trial
   * @param traffic observes every message
   * @param publish observes messages for as long as their diagnostics channels have subscribers
   */
  constructor(core: Core, transportFor: (use: Use) => Transport, clock: Clock, traffic: Observer, publish: Observer) {
    this.#core = core;
    this.#transportFor = transportFor;
    this.#clock = clock;
    this.#traffic = traffic;
    this.#publish = publish;
  }

  /** Says where the outputs go that are not about the connection. */
  routeTo(router: { route(output: HostOutput): void }): void {
    this.#router = router;
  }

  /** Says who ends the client where another attempt cannot help. */
  onHopeless(end: (error: OpAMPError) => void): void {
    this.#hopeless = end;
  }

  feed(input: Input): void {
    if (this.#busy) return void this.#inputs.push(input);
    this.#busy = true;
    try {
      for (let next: Input | undefined = input; next !== undefined; next = this.#inputs.shift()) {
        for (const output of this.#core.step(next, this.#clock.now())) this.#carryOut(output);
      }
      // Gives its memory back, which every idle client would have.
      this.#inputs.length = 0;
    } finally {
      this.#busy = false;
    }
    this.#hold(this.#core.holdsProcess);
    this.#arm();
  }

  /** Feeds at the end of the turn, so that a host which sets itself off again and again lets others have theirs. */
  feedLater(input: Input): void {
    this.#clock.soon(() => this.feed(input));
  }

  #carryOut(output: Output): void {
    switch (output.type) {
      case "dial":
        return this.#dial(output.use);
      case "send":
        return this.#send(output);
      case "ping":
        return this.#ping();
      case "close":
        return this.#close(output.code, output.reason);
      case "phase":
        return this.#router?.route(this.#overdue.explained(output));
      default:
        return this.#router?.route(output);
    }
  }

  #dial(use: Use): void {
    const sink = new DialSink(this);
    this.#sink = sink;
    try {
      this.#transport = this.#transportFor(use);
      this.#transport.open(sink);
    } catch (cause) {
      this.lost(sink, threwIn("open", cause));
    }
  }

  #send(output: Extract<Output, { type: "send" }>): void {
    const sink = this.#sink;
    if (sink === undefined) return;
    try {
      const payload = encodeReport(output.message);
      this.#transport?.send(payload);
      this.#passed({ type: "sent", message: output.message, bytes: payload.length });
      if (payload.length >= LARGE_BYTES) this.#inputs.push({ type: "large", bytes: payload.length });
    } catch (cause) {
      const oversized = cause instanceof OpAMPError && cause.code === "ERR_OPAMP_TOO_LARGE";
      if (oversized) this.#inputs.push({ type: "oversized" });
      else this.lost(sink, threwIn("send", cause));
    }
  }

  #ping(): void {
    const sink = this.#sink;
    if (sink === undefined) return;
    try {
      this.#transport?.ping();
      this.#passed(PINGED);
    } catch (cause) {
      this.lost(sink, threwIn("ping", cause));
    }
  }

  #close(code: number, reason: string): void {
    if (code === CLOSE_NOW) {
      this.#overdue.cut(reason === OVERDUE ? this.#sink : undefined);
      this.#sink = undefined;
    }
    try {
      this.#transport?.close(code, reason);
    } catch (cause) {
      if (this.#sink !== undefined) this.lost(this.#sink, threwIn("close", cause));
    }
  }

  opened(sink: Sink): void {
    this.hear(sink, { type: "opened", duplex: this.#transport?.duplex === true, wallNow: this.#clock.wallNow() });
  }

  alive(sink: Sink, sign: typeof ALIVE | typeof PONG): void {
    if (sink !== this.#sink) return;
    this.#passed(ALIVE);
    this.feed(sign);
  }

  payload(sink: Sink, bytes: Uint8Array): void {
    if (sink !== this.#sink) return;
    const decoded = decodeServerToAgent(bytes);
    const message = decoded.ok ? decoded.message : undefined;
    this.#passed({ type: "received", message, bytes: bytes.length });
    this.hear(
      sink,
      decoded.ok ? { type: "received", message: decoded.message } : { type: "malformed", error: decoded.error },
    );
  }

  lost(sink: Sink, loss: Lost): void {
    this.#overdue.lost(sink, loss.error);
    if (sink !== this.#sink) return;
    this.#sink = undefined;
    const { error } = loss;
    if (error instanceof OpAMPError && error.code === "ERR_OPAMP_INCOMPLETE") return this.#hopeless?.(error);
    this.feed({ type: "lost", loss });
  }

  #passed(event: TrafficEvent): void {
    this.#traffic(event);
    if (channels.send.hasSubscribers || channels.receive.hasSubscribers) this.#publish(event);
  }

  hear(sink: Sink, input: Input): void {
    if (sink === this.#sink) this.feed(input);
  }

  #hold(isNeeded: boolean): void {
    if (isNeeded) this.#letGo ??= holdProcess();
    else if (this.#letGo !== undefined) {
      this.#letGo();
      this.#letGo = undefined;
    }
  }

  #arm(): void {
    const deadline = this.#core.deadline ?? Number.POSITIVE_INFINITY;
    // The tick looks again; at the end no timer is left until then.
    if (this.#tickQueued && Number.isFinite(deadline)) return;
    const now = this.#clock.now();
    if (deadline <= now) return this.#tickSoon();
    // A timer that fires too early only looks again; moving it with every message would cost more.
    if (this.#endTimer !== undefined && this.#timerAt <= deadline && Number.isFinite(deadline)) return;
    this.#endTimer?.();
    this.#endTimer = undefined;
    if (!Number.isFinite(deadline)) return;
    this.#timerAt = deadline;
    this.#endTimer = this.#clock.after(Math.min(Math.ceil(deadline - now), MAX_TIMER_MS), () => {
      this.#endTimer = undefined;
      this.feed({ type: "woken", dueAt: this.#timerAt, wallNow: this.#clock.wallNow() });
    });
  }

  /** Ticks once input and output had their turn, if anything is due then. */
  #tickSoon(): void {
    this.#tickQueued = true;
    this.#clock.soon(() => {
      this.#tickQueued = false;
      // What was due may have left with the end of a handler, or come meanwhile.
      if ((this.#core.deadline ?? Number.POSITIVE_INFINITY) <= this.#clock.now()) this.feed({ type: "tick" });
      else this.#arm();
    });
  }
}

/** The sink of one dial. An object of two words, as there is one for each of perhaps thousands of links. */
class DialSink implements Sink {
  readonly #driver: Driver;

  constructor(driver: Driver) {
    this.#driver = driver;
  }

  opened(): void {
    this.#driver.opened(this);
  }

  dialing(): void {
    this.#driver.hear(this, { type: "dialing" });
  }

  dialed(): void {
    this.#driver.hear(this, { type: "dialed" });
  }

  progress(): void {
    this.#driver.hear(this, PROGRESS);
  }

  stale(): void {
    this.#driver.hear(this, STALE);
  }

  payload(bytes: Uint8Array): void {
    this.#driver.payload(this, bytes);
  }

  pong(): void {
    this.#driver.alive(this, PONG);
  }

  alive(): void {
    this.#driver.alive(this, ALIVE);
  }

  malformed(error: OpAMPError): void {
    this.#driver.hear(this, { type: "malformed", error });
  }

  lost(loss: Loss): void {
    this.#driver.lost(this, loss);
  }
}
