import { realTimers } from "../base/real-timers.js";
import { isTimes } from "../base/rules.js";
import type { AgentEnd, ServerEnd } from "../server/link/memory-link.js";
import type { OpAMPServer } from "../server/opamp-server.js";
import { CLOSE_NOW, type Loss, type Sink, type Transport } from "../transport/transport.js";
import { checkReason, closed, lossOf, nobody, type RefusedStatus, refused, shared } from "./memory-losses.js";

/** One `open` of the transport. */
interface Dial {
  readonly sink: Sink;
  /** The server's end: of the connection, or of the exchange under way. */
  server: ServerEnd | undefined;
  /** There is something to cut: the connection, or a message that is not answered yet. */
  busy: boolean;
  over: boolean;
}

/**
 * Carries messages between one `OpAMPClient` and an `OpAMPServer` in the same process, without sockets: made by
 * {@link memoryTransport}. Every message takes one microtask, and the network can be made to fail on demand.
 */
export class MemoryTransport implements Transport {
  readonly duplex: boolean;
  readonly name = "memory";
  readonly #server: OpAMPServer | undefined;
  readonly #nobody: () => Loss;
  #dial: Dial | undefined;
  #dials = 0;
  #refusals: { loss: Loss; left: number }[] = [];
  /** What is on its way, in either direction. */
  readonly #steps: (() => void)[] = [];
  #hangs = false;

  /**
   * @param server `undefined` where nothing listens
   * @param unheard how a dial ends there, and where the server is closed
   */
  constructor(server: OpAMPServer | undefined, duplex: boolean, unheard: () => Loss = nobody) {
    this.#server = server;
    this.#nobody = unheard;
    this.duplex = duplex;
  }

  /** How often the client has dialled. */
  get dials(): number {
    return this.#dials;
  }

  /**
   * Refuses connections from now on, as a host does where nothing listens: dials when duplex, otherwise every exchange.
   * A connection that is up stays.
   *
   * @param times how many of them. Default: all. 0 ends it. Takes the place of what was said before, also with
   * {@link MemoryTransport.refuseWith}.
   */
  refuse(times: number = Number.POSITIVE_INFINITY): void {
    isTimes("times", times);
    this.#refusals = [{ loss: nobody(), left: times }];
  }

  /**
   * Refuses the next connections (when duplex, otherwise exchanges) for another reason: with a status, as a server does
   * that is busy or does not know the client, or with whatever a transport can report. The server hears nothing of it.
   * Several calls make a script, in which each follows the one before.
   *
   * @param times how many of them. Default: 1
   */
  refuseWith(reason: RefusedStatus | Loss, times = 1): void {
    checkReason(reason);
    isTimes("times", times);
    this.#refusals.push({ loss: "httpStatus" in reason ? lossOf(reason) : reason, left: times });
  }

  /** Cuts the connection, or the exchange under way: neither side is told why. Nothing if there is none. */
  drop(): void {
    const dial = this.#dial;
    if (dial === undefined || dial.over || !dial.busy) return;
    this.#end(dial);
    lose(dial, this.#broken());
  }

  /**
   * Holds up all traffic, dials and pongs included, until {@link MemoryTransport.resume}; what is on its way is late, not
   * lost.
   */
  hang(): void {
    this.#hangs = true;
  }

  /** Lets traffic flow again, beginning with what was held up. */
  resume(): void {
    this.#hangs = false;
    for (const _ of this.#steps) realTimers.queueMicrotask(() => this.#move());
  }

  /** For the client: see {@link Transport.open}. */
  open(sink: Sink): void {
    const former = this.#dial;
    if (former?.over === false) {
      // A client has one connection at a time, so this is another one, or one that threw the former away.
      this.#end(former);
      lose(former, shared());
    }
    const dial: Dial = { sink, server: undefined, busy: false, over: false };
    this.#dial = dial;
    this.#dials += 1;
    this.#carry(dial, () => {
      // As over HTTP, the first exchange is what shows whether anybody is there.
      if (!this.duplex || this.#connect(dial) !== undefined) sink.opened();
    });
  }

  /** For the client: see {@link Transport.send}. */
  send(payload: Uint8Array): void {
    const dial = this.#dial;
    if (dial === undefined) return;
    const copy = new Uint8Array(payload);
    dial.busy = true;
    this.#carry(dial, () => {
      const server = this.duplex ? dial.server : this.#connect(dial);
      server?.payload(copy);
    });
  }

  /** For the client: see {@link Transport.ping}. Answered by the connection itself, as pongs are. */
  ping(): void {
    const dial = this.#dial;
    if (dial === undefined) return;
    this.#carry(dial, () => {
      if (dial.server !== undefined) this.#carry(dial, () => dial.sink.pong());
    });
  }

  /** For the client: see {@link Transport.close}. */
  close(code: number, reason: string): void {
    const dial = this.#dial;
    if (dial === undefined || dial.over) return;
    const loss = closed(`closed from this side: ${reason}`, code !== CLOSE_NOW);
    if (code === CLOSE_NOW) {
      lose(dial, loss);
      this.#later(() => this.#end(dial));
      return;
    }
    this.#later(() => {
      this.#end(dial);
      this.#later(() => lose(dial, loss));
    });
  }

  /** Reaches the server, unless that is refused. */
  #connect(dial: Dial): ServerEnd | undefined {
    dial.busy = true;
    const refusal = this.#refused();
    dial.server = refusal ? undefined : this.#server?.attach(this.duplex ? "ws" : "http", this.#agentEnd(dial));
    if (dial.server === undefined) lose(dial, refusal ?? this.#nobody());
    return dial.server;
  }

  /** What the script has for this attempt. */
  #refused(): Loss | undefined {
    this.#refusals = this.#refusals.filter(({ left }) => left > 0);
    const [next] = this.#refusals;
    if (next !== undefined) next.left -= 1;
    return next?.loss;
  }

  #agentEnd(dial: Dial): AgentEnd {
    const { sink } = dial;
    const lost = (loss: Loss): void => {
      this.#carry(dial, () => {
        this.#end(dial);
        lose(dial, loss);
      });
    };
    return {
      payload: (payload) => {
        const copy = new Uint8Array(payload);
        this.#carry(dial, () => {
          if (!this.duplex) this.#end(dial);
          sink.payload(copy);
        });
      },
      malformed: (error) => this.#carry(dial, () => sink.malformed(error)),
      refused: (reason) => lost(refused(reason)),
      closed: (code, reason) => lost(closed(`the server closed the connection (${code}): ${reason}`, true)),
      cut: () => lost(this.#broken()),
    };
  }

  /** A break in mid-exchange tells an HTTP client nothing about the link, which it treats like any failed request. */
  #broken(): Loss {
    return closed("the connection over the memory transport broke", !this.duplex);
  }

  #end(dial: Dial): void {
    dial.server?.ended();
    dial.server = undefined;
    dial.busy = false;
  }

  /** Does what takes a message one way, unless the dial is over by then. */
  #carry(dial: Dial, step: () => void): void {
    this.#later(() => {
      if (!dial.over) step();
    });
  }

  /** Does something later, but in order. */
  #later(step: () => void): void {
    this.#steps.push(step);
    realTimers.queueMicrotask(() => this.#move());
  }

  #move(): void {
    if (!this.#hangs) this.#steps.shift()?.();
  }
}

function lose(dial: Dial, loss: Loss): void {
  if (dial.over) return;
  dial.over = true;
  dial.sink.lost(loss);
}
