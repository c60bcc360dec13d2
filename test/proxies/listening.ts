import { once } from "node:events";
import { type AddressInfo, connect, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { onTestFinished } from "vitest";

/** What stands in between and ends with the test. */
export interface Listening {
  readonly port: number;
  /** Where it listens, as `host:port`. */
  readonly host: string;
  /** Every TCP connection that it has accepted. */
  readonly sockets: readonly Socket[];
  /** Cuts every connection, and goes on listening. */
  drop(): void;
}

/** Listens on any free port, until the test ends. */
export async function listenForTest(server: Server): Promise<Listening> {
  const sockets: Socket[] = [];
  server.on("connection", (socket: Socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const drop = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  onTestFinished(async () => {
    const closed = once(server, "close");
    server.close();
    drop();
    await closed;
  });
  const { port } = server.address() as AddressInfo;
  return { port, host: `127.0.0.1:${port}`, sockets, drop };
}

/** Host and port of `host:port`; names lead to this machine, whatever they are. */
export function addressOf(target: string): { host: string; port: number } {
  const { hostname, port } = new URL(`tcp://${target}`);
  return { host: hostname === "[::1]" ? "::1" : "127.0.0.1", port: Number(port) };
}

/**
 * Connects a client with a target, for as long as both are there.
 *
 * @param connected called before the first byte passes
 * @param failed called in place of it if the target cannot be reached
 */
export function tunnel(
  client: Duplex,
  target: { host: string; port: number },
  { connected, failed }: { connected: (server: Socket) => void; failed: () => void },
): void {
  const server = connect(target, () => {
    connected(server);
    server.on("error", () => client.destroy());
    client.pipe(server).pipe(client);
  });
  server.once("error", () => {
    if (server.pending) failed();
  });
  client.on("error", () => undefined);
  client.on("close", () => server.destroy());
}
