import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { messageOf, OpAMPError } from "../../errors.js";
import type { LinkCounts } from "../link/link.js";
import { type TlsFailure, type TlsPeer, tcpOf, tlsPeer } from "../link/server-tls.js";
import { BoundedList } from "../message-log.js";

/** Bytes over the wire, TLS and HTTP headers included, of all TCP connections there ever were. */
export interface Traffic {
  /** Bytes that came. */
  readonly received: number;
  /** Bytes that left. */
  readonly sent: number;
}

/** All TCP connections of a server, and the TLS sessions over them. */
export class Connections {
  readonly tlsFailures: BoundedList<TlsFailure>;
  readonly #changed: () => void;
  readonly #open = new Set<Socket>();
  readonly #numbers = new WeakMap<Socket, number>();
  readonly #dropped = new WeakSet<Socket>();
  readonly #peers = new WeakMap<Socket, TlsPeer>();
  #accepted = 0;
  #ended: Traffic = { received: 0, sent: 0 };

  constructor(
    /** Called when a connection came, went or failed to speak TLS. */
    changed: () => void,
    /** How many failures are kept for certain. */
    keep: number,
  ) {
    this.#changed = changed;
    this.tlsFailures = new BoundedList(keep);
  }

  get counts(): LinkCounts {
    return { open: this.#open.size, total: this.#accepted };
  }

  get traffic(): Traffic {
    return [...this.#open].reduce(add, this.#ended);
  }

  /** Takes a TCP connection over. */
  accept(tcp: Socket): void {
    this.#accepted += 1;
    this.#open.add(tcp);
    this.#numbers.set(tcp, this.#accepted);
    tcp.on("close", () => {
      this.#open.delete(tcp);
      this.#ended = add(this.#ended, tcp);
      this.#changed();
    });
    this.#changed();
  }

  /** Takes note of a TLS session whose handshake is complete. */
  secured(session: TLSSocket): void {
    this.#peers.set(session, tlsPeer(session));
  }

  /** Takes note of a handshake that failed, unless it was cut from this side. */
  unsecured(session: TLSSocket, cause: Error): void {
    if (this.#dropped.has(tcpOf(session))) return;
    const reason = session.authorizationError
      ? `client certificate refused: ${session.authorizationError}`
      : messageOf(cause);
    const error = new OpAMPError("ERR_OPAMP_TLS", `a TLS handshake failed: ${reason}`, {
      cause,
      hint: "check what the client trusts and shows, and that it speaks TLS at all",
    });
    this.tlsFailures.add({ connection: this.numberOf(session), error });
    this.#changed();
  }

  /** The number of the TCP connection under a socket, from 1. */
  numberOf(socket: Socket): number {
    return this.#numbers.get(tcpOf(socket)) ?? 0;
  }

  /** Who is at the other end, if the socket speaks TLS. */
  peerOf(socket: Socket): TlsPeer | undefined {
    return this.#peers.get(socket);
  }

  /** Cuts all connections. */
  drop(): void {
    for (const tcp of this.#open) {
      this.#dropped.add(tcp);
      tcp.destroy();
    }
  }

  /** Resolves when the connections that are open now are gone. */
  async gone(): Promise<void> {
    await Promise.all([...this.#open].map((tcp) => new Promise((resolve) => tcp.on("close", resolve))));
  }
}

function add({ received, sent }: Traffic, { bytesRead, bytesWritten }: Socket): Traffic {
  return { received: received + bytesRead, sent: sent + bytesWritten };
}
