import { Socket } from "node:net";

/**
 * Keeps an open connection from keeping the process alive. While it is being made, nothing can: a pending connect holds
 * the event loop until it succeeds, fails or is destroyed.
 *
 * @param socket what a library made; typed loosely, since libraries do not say that they return it
 */
export function makeGuest(socket: unknown): void {
  if (!(socket instanceof Socket)) return;
  // Not before: each address of a host is tried on a handle of its own, and each one counts.
  socket.once("connect", () => socket.unref());
}
