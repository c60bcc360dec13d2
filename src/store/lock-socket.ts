import { connect, createServer, type Socket } from "node:net";
import { codeOf } from "../errors.js";

/** How long the listener may take to say who it is, in milliseconds. */
const ANSWER_MS = 250;
const MAX_ANSWER_CHARACTERS = 64;

/** A socket that says which process has it, for as long as that process lives. */
export interface LockSocket {
  close(): Promise<void>;
}

/** Who is at an address: nobody any more, or a process; its id where it says so. */
export type Occupant = "nobody" | { pid: number | undefined };

/** @throws the system's error */
export function listen(address: string): Promise<LockSocket> {
  const asking = new Set<Socket>();
  const server = createServer((socket) => {
    asking.add(socket);
    socket.unref();
    socket.on("close", () => asking.delete(socket));
    socket.on("error", () => undefined);
    socket.end(`${process.pid}\n`, () => socket.destroy());
  });
  const socket: LockSocket = {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const other of asking) other.destroy();
      }),
  };
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    // Exclusive: a worker of a cluster would have its parent listen, which outlives it. For all users: one that may not
    // connect cannot tell that nobody listens any more. A named pipe leaves nothing behind that others could meet.
    server.listen({ path: address, exclusive: true, writableAll: process.platform !== "win32" }, () => {
      server.off("error", reject);
      server.on("error", () => undefined);
      server.unref();
      resolve(socket);
    });
  });
}

/** Asks who is at an address. A process that is stopped or busy counts as well: its system answers for it. */
export function ask(address: string): Promise<Occupant> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(address);
    const settle = (occupant: Occupant): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(occupant);
    };
    const alive = (): void => settle({ pid: /^\d+$/.test(text.trim()) ? Number(text) : undefined });
    const timer = setTimeout(alive, ANSWER_MS);
    socket.setEncoding("latin1");
    socket.on("data", (piece: string) => {
      text += piece;
      if (text.length > MAX_ANSWER_CHARACTERS) alive();
    });
    socket.on("end", alive);
    socket.on("error", (cause) => {
      const code = codeOf(cause);
      // Whatever else is wrong, it may be alive: a full queue, or a socket of another user.
      if (code === "ECONNREFUSED" || code === "ENOENT") settle("nobody");
      else alive();
    });
  });
}
