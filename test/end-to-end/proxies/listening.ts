import { once } from "node:events";
import { type AddressInfo, connect, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { onTestFinished } from "vitest";
import { Arrivals } from "../../transport/arrivals.js";

/** What stands in between and ends with the test. */
export interface Listening {
  readonly port: number;
  /** Where it listens, as `host:port`. */
  readonly host: string;
  /** Every TCP connection that it has accepted. */
  readonly sockets: readonly Socket[];
  /** The same, one after the other. */
  readonly accepted: Arrivals<Socket>;
  /** Cuts every connection, and goes on listening. */
  drop(): void;
}

/** Listens on any free port, until the test ends. */
export async function listenForTest(server: Server): Promise<Listening> {
  const accepted = new Arrivals<Socket>();
  server.on("connection", (socket: Socket) => {
    socket.on("error", () => undefined);
    accepted.push(socket);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const drop = (): void => {
    for (const socket of accepted.all) socket.destroy();
  };
  onTestFinished(async () => {
    const closed = once(server, "close");
    server.close();
    drop();
    await closed;
  });
  const { port } = server.address() as AddressInfo;
  return { port, host: `127.0.0.1:${port}`, sockets: accepted.all, accepted, drop };
}

/** Host and port of `host:port`; all hosts lead to this machine, whatever they are. */
export function addressOf(target: string): { host: string; port: number } {
  return { host: "127.0.0.1", port: Number(new URL(`tcp://${target}`).port) };
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
