import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { messageOf, OpAMPError } from "../../errors.js";
import type { LinkCounts } from "../link/link.js";
import { type TlsFailure, type TlsPeer, tlsPeer } from "../link/server-tls.js";
import { BoundedList } from "../message-log.js";

/** Bytes over the wire, TLS and HTTP headers included, of all TCP connections there ever were. */
export interface Traffic {
  readonly received: number;
  readonly sent: number;
}

/** All TCP connections of a server, and the TLS sessions over them. */
export class Connections {
  readonly #changed: () => void;
  readonly #open = new Map<Socket, number>();
  /** Those that shake hands, by the client's address: Node does not tell which connection a TLS session runs over. */
  readonly #handshaking = new Map<string, { tcp: Socket; connection: number; cut: boolean }>();
  /** Those that closed while they did, in order: their sessions fail in the same order, and have no address by then. */
  readonly #broken: { connection: number; cut: boolean }[] = [];
  readonly #sessions = new WeakMap<Socket, { tcp: Socket; peer: TlsPeer }>();
  readonly #failures: BoundedList<TlsFailure>;
  #accepted = 0;
  #ended: Traffic = { received: 0, sent: 0 };

  constructor(
    /** Called when a connection came, went or failed to speak TLS. */
    changed: () => void,
    /** How many failures are kept for certain. */
    keep: number,
  ) {
    this.#changed = changed;
    this.#failures = new BoundedList(keep);
  }

  get counts(): LinkCounts {
    return { open: this.#open.size, total: this.#accepted };
  }

  get traffic(): Traffic {
    return [...this.#open.keys()].reduce(add, this.#ended);
  }

  get tlsFailures(): readonly TlsFailure[] {
    return this.#failures.entries;
  }

  /** Takes a TCP connection over. */
  accept(tcp: Socket): void {
    this.#accepted += 1;
    this.#open.set(tcp, this.#accepted);
    tcp.on("close", () => {
      this.#open.delete(tcp);
      this.#ended = add(this.#ended, tcp);
      this.#changed();
    });
    this.#changed();
  }

  /** Takes note that the two sides are about to agree on TLS. */
  handshaking(tcp: Socket): void {
    const address = addressOf(tcp);
    if (address === undefined) return;
    const handshake = { tcp, connection: this.numberOf(tcp), cut: false };
    this.#handshaking.set(address, handshake);
    tcp.on("close", () => {
      if (this.#handshaking.get(address) !== handshake) return;
      this.#handshaking.delete(address);
      this.#broken.push(handshake);
    });
  }

  /** Takes note of a TLS session whose handshake is complete. */
  secured(session: TLSSocket): void {
    const handshake = this.#shaken(session);
    if (handshake !== undefined) this.#sessions.set(session, { tcp: handshake.tcp, peer: tlsPeer(session) });
  }

  /** Takes note of a handshake that failed, unless it was cut from this side. */
  unsecured(session: TLSSocket, cause: Error): void {
    const { connection, cut } = this.#shaken(session) ?? this.#broken.shift() ?? { connection: 0, cut: false };
    if (cut) return;
    const reason = session.authorizationError
      ? `client certificate refused: ${session.authorizationError}`
      : messageOf(cause);
    const error = new OpAMPError("ERR_OPAMP_TLS", `a TLS handshake failed: ${reason}`, {
      cause,
      hint: "check what the client trusts and shows, and that it speaks TLS at all",
    });
    this.#failures.add({ connection, error });
    this.#changed();
  }

  /** The number of the TCP connection under a socket, from 1; 0 when it is gone. */
  numberOf(socket: Socket): number {
    return this.#open.get(this.#sessions.get(socket)?.tcp ?? socket) ?? 0;
  }

  /** Who is at the other end, if the socket speaks TLS. */
  peerOf(socket: Socket): TlsPeer | undefined {
    return this.#sessions.get(socket)?.peer;
  }

  /** Ends a connection with a TCP reset. */
  reset(socket: Socket): void {
    (this.#sessions.get(socket)?.tcp ?? socket).resetAndDestroy();
  }

  /** Cuts all connections. */
  drop(): void {
    for (const handshake of this.#handshaking.values()) handshake.cut = true;
    for (const tcp of this.#open.keys()) tcp.destroy();
  }

  /** Resolves when the connections that are open now are gone. */
  async gone(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((tcp) => new Promise((resolve) => tcp.on("close", resolve))));
  }

  /** The handshake of a session, which is over now. */
  #shaken(session: TLSSocket) {
    const address = addressOf(session) ?? "";
    const handshake = this.#handshaking.get(address);
    this.#handshaking.delete(address);
    return handshake;
  }
}

function add({ received, sent }: Traffic, { bytesRead, bytesWritten }: Socket): Traffic {
  return { received: received + bytesRead, sent: sent + bytesWritten };
}

/** Tells one open connection from the others, on both the TCP socket and the TLS session over it. */
function addressOf({ localAddress, remoteAddress, remotePort }: Socket): string | undefined {
  return remotePort === undefined ? undefined : `${localAddress}|${remoteAddress}|${remotePort}`;
}
