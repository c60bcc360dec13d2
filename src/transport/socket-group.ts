import { connect, getDefaultAutoSelectFamilyAttemptTimeout, type Socket } from "node:net";
import { OpAMPError } from "../errors.js";

/** Idle connections are probed this often, so that what lies in between does not forget them. */
const PROBE_AFTER_MS = 60_000;
/** How long one address of several may take; an answer by way of a satellite takes some 700 ms. */
const ADDRESS_MS = 1_000;
/** What Node allows by itself: so little that far hosts with several addresses are never reached. */
const NODE_ADDRESS_MS: readonly number[] = [250, 500];

/** The sockets of one dial, one on top of the other, which end together. */
export class SocketGroup {
  readonly #sockets: Socket[] = [];
  #over = false;

  /**
   * Makes a socket that belongs to the group.
   *
   * @throws OpAMPError `ERR_OPAMP_CLOSED` when the group has ended
   */
  add<T extends Socket>(make: () => T): T {
    if (this.#over) throw givenUp();
    const socket = make();
    // An error that comes while nobody waits for the socket must not end the process.
    socket.on("error", ignore);
    this.#sockets.push(socket);
    return socket;
  }

  /** Connects over TCP; rejects with what Node says, or with `ERR_OPAMP_CLOSED` when the group has ended. */
  async connect(host: string, port: number, keepAlive: boolean): Promise<Socket> {
    const socket = this.add(() => {
      const made = connect({
        host,
        port,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: PROBE_AFTER_MS,
        autoSelectFamilyAttemptTimeout: addressTimeoutMs(),
      });
      if (!keepAlive) makeGuest(made);
      return made;
    });
    try {
      await until(socket, "connect");
    } catch (cause) {
      throw this.#over ? givenUp() : cause;
    }
    return socket;
  }

  /** Destroys them all, and those that would come later. */
  end(): void {
    this.#over = true;
    for (const socket of this.#sockets.splice(0).reverse()) socket.destroy();
  }
}

/** What a dial that was ended from this side ends in. */
export function givenUp(): OpAMPError {
  return new OpAMPError("ERR_OPAMP_CLOSED", "the connection was given up while it was being made");
}

/** What Node would say of a connection that closed at the wrong time, if it said anything. */
export function connectionClosed(): Error {
  return Object.assign(new Error("the connection closed"), { code: "ECONNRESET" });
}

/** Waits for an event of a socket; rejects with the socket's error, or when it closes without any. */
export function until(socket: Socket, event: "connect" | "secureConnect"): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error: unknown): void => {
      socket.off(event, done).off("error", settle).off("close", closed);
      if (error === undefined) resolve();
      else reject(error);
    };
    const done = () => settle(undefined);
    const closed = () => settle(connectionClosed());
    socket.once(event, done).once("error", settle).once("close", closed);
  });
}

/**
 * Keeps an open connection from keeping the process alive. While it is being made, nothing can: a pending connect holds
 * the event loop until it succeeds, fails or is destroyed.
 */
export function makeGuest(socket: Socket): void {
  // Not before: each address of a host is tried on a handle of its own, and each one counts.
  if (socket.connecting) socket.once("connect", socket.unref);
  else socket.unref();
}

/** The same for a library that takes the reference back with each request. */
export function makeLastingGuest(socket: Socket): void {
  makeGuest(socket);
  socket.ref = socket.unref;
}

function addressTimeoutMs(): number {
  const set = getDefaultAutoSelectFamilyAttemptTimeout();
  // A value of the host's own counts.
  return NODE_ADDRESS_MS.includes(set) ? ADDRESS_MS : set;
}

// Shared, since there may be thousands of sockets.
function ignore(): void {}
