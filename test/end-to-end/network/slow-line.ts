import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** Which way a line is slow: from the client, or to it. */
export type SlowWay = "up" | "down";

/** A line that carries bytes one way only as the test takes them, and the other way at once. */
export interface SlowLine {
  port: number;
  /** Takes up to so many bytes from their sender and passes them on. @returns how many there were */
  take(bytes: number): number;
  /** How many bytes were taken on the connection that came last. */
  readonly taken: number;
  /** How many connections there were. */
  readonly connections: number;
  /** Cuts all connections. */
  cut(): void;
}

/** A line to a port of this machine; it ends with the test. */
export async function startSlowLine(target: number, way: SlowWay): Promise<SlowLine> {
  const pairs = new Set<{ slow: Socket; out: Socket }>();
  let taken = 0;
  let connections = 0;
  const server = createServer((client) => {
    const upstream = connect(target, "127.0.0.1");
    const [slow, out] = way === "up" ? [client, upstream] : [upstream, client];
    const pair = { slow, out };
    pairs.add(pair);
    taken = 0;
    connections += 1;
    out.pipe(slow);
    // Without a reader of its own nothing is read but what `take` asks for.
    slow.on("readable", () => undefined);
    for (const socket of [slow, out]) {
      socket.on("error", () => undefined);
      socket.on("close", () => {
        pairs.delete(pair);
        slow.destroy();
        out.destroy();
      });
    }
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const cut = (): void => {
    for (const { slow, out } of pairs) {
      slow.destroy();
      out.destroy();
    }
  };
  onTestFinished(() => {
    cut();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    take(bytes) {
      let moved = 0;
      for (const { slow, out } of pairs) {
        const chunk: Buffer | null = slow.read(Math.min(bytes, slow.readableLength));
        if (chunk === null) continue;
        out.write(chunk);
        moved += chunk.length;
      }
      taken += moved;
      return moved;
    },
    get connections() {
      return connections;
    },
    get taken() {
      return taken;
    },
    cut,
  };
}
