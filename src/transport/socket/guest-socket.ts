import type { Socket } from "node:net";

/**
 * Keeps an open connection from keeping the process alive. While it is being made, nothing can: a pending connect holds
 * the event loop until it succeeds, fails or is destroyed.
 */
export function makeGuest(socket: Socket): void {
  // Not before: each address of a host is tried on a handle of its own, and each one counts.
  if (socket.connecting) socket.once("connect", letGo);
  else socket.unref();
}

/** The same for a library that takes the reference back with each request. */
export function makeLastingGuest(socket: Socket): void {
  makeGuest(socket);
  socket.ref = stayGuest;
}

// Shared, since there may be thousands of sockets.
function letGo(this: Socket): void {
  this.unref();
}

function stayGuest(this: Socket): Socket {
  return this;
}
