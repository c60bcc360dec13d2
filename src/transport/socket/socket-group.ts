import type { Socket } from "node:net";
import { OpAMPError } from "../../errors.js";

/** The sockets of one dial, one on top of the other, which end together. */
export class SocketGroup {
  readonly #sockets: Socket[] = [];
  #over = false;

  /** Whether it has ended. */
  get over(): boolean {
    return this.#over;
  }

  /**
   * Makes a socket that belongs to the group.
   *
   * @throws OpAMPError `ERR_OPAMP_CLOSED` when the group has ended
   */
  add<T extends Socket>(make: () => T): T {
    if (this.#over) throw givenUp();
    const socket = make();
    // Whoever waits for the socket hears of its errors; those that come when nobody does must not end the process.
    socket.on("error", ignore);
    this.#sockets.push(socket);
    return socket;
  }

  /** Destroys them all, and those that would come later. */
  end(): void {
    this.#over = true;
    for (const socket of this.#sockets.splice(0).reverse()) socket.destroy();
  }
}

// Shared, since there may be thousands of sockets.
function ignore(): void {}

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
