import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { FaultProxy, type FaultProxyOptions } from "opamp-client/testing";
import { onTestFinished } from "vitest";
import { Waits } from "../../src/server/waits.js";
import { Arrivals } from "../transport/arrivals.js";

/** One end of a TCP connection, which remembers what it was told. */
export class Peer {
  readonly socket: Socket;
  readonly #chunks: Buffer[] = [];
  #length = 0;
  readonly #waits = new Waits(() => [`peer: ${this.#length} bytes`]);
  /** What ended it, in order: `end` for an orderly end from the other side, an error's code, `close`. */
  readonly events: string[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    const note = (event: string): void => {
      this.events.push(event);
      this.#waits.check();
    };
    socket.on("data", (chunk) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      this.#waits.check();
    });
    socket.on("end", () => note("end"));
    socket.on("error", (error: NodeJS.ErrnoException) => note(String(error.code)));
    socket.on("close", () => note("close"));
  }

  /** All that has arrived. */
  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get text(): string {
    return this.bytes.toString();
  }

  /** Resolves with the text once this much of it is there. */
  async heard(length: number): Promise<string> {
    await this.#waits.until({ name: "peer.heard", method: this.heard }, this, () => this.#length >= length, {});
    return this.text;
  }

  async saw(event: string): Promise<void> {
    await this.#waits.until({ name: "peer.saw", method: this.saw }, this, () => this.events.includes(event), {});
  }
}

/** Listens for connections, and hands over their ends; it ends with the test. */
async function startPeers(): Promise<{ port: number; accepted: Arrivals<Peer> }> {
  const accepted = new Arrivals<Peer>();
  const peers: Peer[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const peer = new Peer(socket);
    peers.push(peer);
    accepted.push(peer);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(async () => {
    const closed = once(server, "close");
    server.close();
    for (const { socket } of peers) socket.destroy();
    await closed;
  });
  return { port: (server.address() as AddressInfo).port, accepted };
}

/** Begins to connect; the connection ends with the test. */
export function reach(port: number): Peer {
  const peer = new Peer(connect({ port, host: "127.0.0.1", allowHalfOpen: true }));
  onTestFinished(() => void peer.socket.destroy());
  return peer;
}

/** Connects. Rejects with what `connect` says. */
export async function dial(port: number): Promise<Peer> {
  const peer = reach(port);
  await once(peer.socket, "connect");
  return peer;
}

/** A proxy in front of such a server, and connections through it; all ends with the test. */
export async function startProxy(options: Partial<FaultProxyOptions> = {}): Promise<{
  proxy: FaultProxy;
  /** A new connection's two ends. */
  connected(): Promise<{ client: Peer; server: Peer }>;
  accepted: Arrivals<Peer>;
}> {
  const { port, accepted } = await startPeers();
  const proxy = await FaultProxy.start({ target: { port }, ...options });
  onTestFinished(() => proxy.close());
  return {
    proxy,
    accepted,
    async connected() {
      const client = await dial(proxy.port);
      return { client, server: await accepted.next() };
    },
  };
}
