import type { Socket } from "node:net";
import { type ConnectMisbehaviour, GARBAGE } from "./misbehaviour.js";

/** Misbehaves towards a TCP connection that nobody else has touched. */
export function misbehaveOnConnect(bad: ConnectMisbehaviour, socket: Socket): void {
  socket.on("error", () => undefined);
  // Reads on, so that the end of the connection is seen.
  socket.on("end", () => socket.end());
  socket.resume();
  switch (bad.mode) {
    case "silence":
      return;
    case "garbage":
      socket.end(bad.bytes ?? GARBAGE);
      return;
    case "hang-up":
      socket.end();
      return;
    case "reset":
      socket.resetAndDestroy();
      return;
    default:
      bad satisfies never;
  }
}
